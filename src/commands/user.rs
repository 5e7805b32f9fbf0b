//! `steelring user`.

use std::process::ExitCode;

use anyhow::{Context, Result};
use control_room::{passwords, secrets};
use domain::Timestamp;
use domain::user::Role;

use super::{ACTOR, print_json};
use crate::cli::User;
use crate::config::Settings;
use crate::topology::open_store;

pub async fn run(settings: &Settings, command: User) -> Result<ExitCode> {
    crate::config::make_data_directory(&settings.data)?;
    let store = open_store(settings).await?;
    match command {
        User::Add { name, role, token } => {
            let role = Role::from_name(&role).with_context(|| {
                let known = Role::ALL.map(|(_, name)| name).join(", ");
                format!("--role: {role:?} is none of {known}")
            })?;
            let password = passwords::random();
            let hash = passwords::hash(&password);
            store
                .add_user(&name, role, &hash, ACTOR, Timestamp::now())
                .await?;
            println!("password {password}");
            if token {
                let (token, hash) = secrets::new();
                store
                    .set_token(hash, &name, "command-line", Timestamp::now())
                    .await?;
                println!("token {token}");
            }
            eprintln!(
                "{name} can sign in as {}; both secrets are shown this once",
                role.name()
            );
        }
        User::List { json } => {
            let users = store.users().await?;
            if json {
                print_json(&users)?;
            } else {
                for user in users {
                    let state = if user.disabled { "disabled" } else { "active" };
                    println!("{:24} {:12} {state}", user.name.as_str(), user.role.name());
                }
            }
        }
        User::Disable { name } => {
            store.set_disabled(&name, true, ACTOR, Timestamp::now()).await?;
            eprintln!("{name} is signed out and can sign in no longer");
        }
    }
    Ok(ExitCode::SUCCESS)
}
