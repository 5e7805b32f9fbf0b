//! Everything in one process.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use control_room::{passwords, secrets};
use domain::user::Role;
use domain::{SourceName, Timestamp, UserName};
use intelligence::feeds;
use simulator::{MAX_RATE, MIN_RATE, World};
use store::Store;
use store::sources::Source;

use crate::client::LocalAccess;
use crate::config::{Settings, make_data_directory};
use crate::topology::{self, Parts, Running, bind};

use super::ACTOR;

const MANAGEMENT_PORT: u16 = 9100;
/// The user that the first start makes.
const FIRST_USER: &str = "admin";
/// The feed that the first start makes, so that a first read can be posted.
const FIRST_SOURCE: &str = "local";
/// Who loads the simulated world's lists.
const SIMULATOR: &str = "simulator";

/// What a first start made: shown once, stored only as hashes.
#[derive(Default)]
struct FirstSecrets {
    password: Option<String>,
    source_token: Option<String>,
}

pub async fn run(settings: &Settings, simulate: Option<f64>, seed: u64) -> Result<ExitCode> {
    if let Some(rate) = simulate
        && !(MIN_RATE..=MAX_RATE).contains(&rate)
    {
        bail!("--simulate: give a rate from {MIN_RATE} to {MAX_RATE} reads a second");
    }
    feeds::prepare(&settings.feeds)?;
    let control_room = bind(settings.listen, "listen").await?;
    let ingest = bind(settings.ingest_listen, "ingest-listen").await?;
    let management = settings
        .management_listen
        .unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, MANAGEMENT_PORT)));
    let management = bind(management, "management-listen").await?;
    make_data_directory(&settings.data)?;

    let parts = topology::open(settings).await?;
    let access = LocalAccess {
        control_room: format!("http://{}", control_room.local_addr()?),
        ingest: format!("http://{}", ingest.local_addr()?),
        token: local_token(&parts.store).await?,
    };
    access.write(&settings.data)?;
    let secrets = first_secrets(&parts.store).await?;
    if simulate.is_some() {
        load_simulated_lists(&parts, seed).await?;
    }

    let mut running = Running::new(settings, "steelring")?;
    running.ingest(ingest, &parts);
    running.matcher(settings, Arc::clone(&parts.log), &parts.force);
    running.dispatcher(settings, &parts);
    running.control_room(control_room, settings, &parts);
    if let Some(rate) = simulate {
        running.simulator(&parts, rate, seed);
    }
    running.management(management);
    announce(settings, &access, &secrets, &parts.force.control_room);
    running.until_stopped(parts.log).await?;
    Ok(ExitCode::SUCCESS)
}

/// Where to go and how to get in. To stdout: it is what the command is for.
fn announce(settings: &Settings, access: &LocalAccess, secrets: &FirstSecrets, name: &str) {
    println!("{name} is on watch: {}", access.control_room);
    match &secrets.password {
        Some(password) => println!("  sign in as {FIRST_USER} with {password}   (shown this once)"),
        None => println!("  sign in as before; `steelring user add` makes another user"),
    }
    println!("  cameras post to {}", access.ingest);
    if let Some(token) = &secrets.source_token {
        println!("  with the token of the source {FIRST_SOURCE}: {token}   (shown this once)");
    }
    println!("  data in {}; Ctrl-C stops", settings.data.display());
}

/// A fresh token for the commands beside this process; an earlier one is void.
async fn local_token(store: &Store) -> Result<String> {
    let name = UserName::parse(ACTOR)?;
    if store.user(&name).await?.is_none() {
        let unusable = passwords::hash(&passwords::random());
        store
            .add_user(&name, Role::Admin, &unusable, ACTOR, Timestamp::now())
            .await?;
    }
    let (token, hash) = secrets::new();
    store
        .set_token(hash, &name, "local", Timestamp::now())
        .await
        .context("store the local token")?;
    Ok(token)
}

/// Makes the first admin and the first source where there is none.
async fn first_secrets(store: &Store) -> Result<FirstSecrets> {
    let mut made = FirstSecrets::default();
    if store
        .users()
        .await?
        .iter()
        .all(|user| user.name.as_str() == ACTOR)
    {
        let password = passwords::random();
        let hash = passwords::hash(&password);
        store
            .add_user(
                &UserName::parse(FIRST_USER)?,
                Role::Admin,
                &hash,
                ACTOR,
                Timestamp::now(),
            )
            .await?;
        made.password = Some(password);
    }
    if store.sources().await?.is_empty() {
        let (token, hash) = secrets::new();
        let source = Source {
            name: SourceName::parse(FIRST_SOURCE)?,
            token: hash,
            cameras: Default::default(),
            disabled: false,
        };
        store.put_source(&source, ACTOR, Timestamp::now()).await?;
        made.source_token = Some(token);
    }
    Ok(made)
}

/// The simulated world brings its own lists; unchanged ones make no revision.
async fn load_simulated_lists(parts: &Parts, seed: u64) -> Result<()> {
    let by = UserName::parse(SIMULATOR)?;
    let world = World::new(seed, Arc::clone(&parts.force)).context("lay out the simulated world")?;
    let now = Timestamp::now();
    for (list, entries) in world.hotlists(now) {
        let change = parts.store.replace_list(&list, entries, &by, now).await;
        let change = change.with_context(|| format!("load the simulated list {list}"))?;
        tracing::info!(%list, added = change.added, unchanged = change.unchanged, "simulated list loaded");
    }
    Ok(())
}
