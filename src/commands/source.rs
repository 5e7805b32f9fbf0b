//! `steelring source`.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use control_room::secrets;
use domain::Timestamp;
use serde_json::json;
use store::sources;

use super::{ACTOR, print_json};
use crate::cli::Source;
use crate::config::Settings;
use crate::force;
use crate::topology::open_store;

pub async fn run(settings: &Settings, command: Source) -> Result<ExitCode> {
    crate::config::make_data_directory(&settings.data)?;
    let store = open_store(settings).await?;
    match command {
        Source::Add { name, cameras } => {
            let force = force::load(settings.force.as_deref())?;
            if let Some((_, ours)) = cameras.iter().find(|(_, ours)| force.camera(ours).is_none()) {
                bail!("--camera: {} is no camera of {}", ours, force.name);
            }
            let (token, hash) = secrets::new();
            let source = sources::Source {
                name: name.clone(),
                token: hash,
                cameras: cameras.into_iter().collect(),
                disabled: false,
            };
            store.put_source(&source, ACTOR, Timestamp::now()).await?;
            println!("{token}");
            eprintln!(
                "{name} may post with this token, as bearer token or as the password of HTTP Basic; shown this once"
            );
        }
        Source::List { json } => {
            let sources = store.sources().await?;
            if json {
                let row = |source: &sources::Source| json!({"name": source.name, "cameras": source.cameras, "disabled": source.disabled});
                print_json(&sources.iter().map(row).collect::<Vec<_>>())?;
            } else {
                for source in sources {
                    let state = if source.disabled { "disabled" } else { "active" };
                    println!(
                        "{:24} {:9} {} cameras named",
                        source.name.as_str(),
                        state,
                        source.cameras.len()
                    );
                }
            }
        }
        Source::Disable { name } => {
            let known = store.sources().await?;
            let mut source = known
                .into_iter()
                .find(|source| source.name == name)
                .with_context(|| format!("there is no source {name}"))?;
            source.disabled = true;
            store.put_source(&source, ACTOR, Timestamp::now()).await?;
            eprintln!("{name} can post no longer");
        }
    }
    Ok(ExitCode::SUCCESS)
}
