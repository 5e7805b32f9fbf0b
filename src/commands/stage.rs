//! One stage a process, for scale. The log must be one that processes can share.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, bail};
use intelligence::feeds;
use stream::Log;

use crate::config::{LogPlace, Settings};
use crate::force;
use crate::topology::{self, Running, bind};

/// Default ports of the management addresses, so that all stages fit on one machine.
const INGEST_PORT: u16 = 9101;
const MATCHER_PORT: u16 = 9102;
const DISPATCHER_PORT: u16 = 9103;
const CONTROL_ROOM_PORT: u16 = 9104;

pub async fn ingest(settings: &Settings) -> Result<ExitCode> {
    check_shared(settings)?;
    let listener = bind(settings.ingest_listen, "ingest-listen").await?;
    eprintln!("ingest listens on http://{}", listener.local_addr()?);
    let parts = topology::open(settings).await?;
    let mut running = Running::new(settings, "steelring-ingest")?;
    running.ingest(listener, &parts);
    finish(running, settings, INGEST_PORT, parts.log).await
}

pub async fn matcher(settings: &Settings) -> Result<ExitCode> {
    check_shared(settings)?;
    let force = force::load(settings.force.as_deref())?;
    let log = topology::open_log_and_topics(settings).await?;
    let mut running = Running::new(settings, "steelring-matcher")?;
    running.matcher(settings, log.clone(), &force);
    finish(running, settings, MATCHER_PORT, log).await
}

pub async fn dispatcher(settings: &Settings) -> Result<ExitCode> {
    check_shared(settings)?;
    let parts = topology::open(settings).await?;
    let mut running = Running::new(settings, "steelring-dispatcher")?;
    running.dispatcher(settings, &parts);
    finish(running, settings, DISPATCHER_PORT, parts.log).await
}

pub async fn control_room(settings: &Settings) -> Result<ExitCode> {
    check_shared(settings)?;
    feeds::prepare(&settings.feeds)?;
    let listener = bind(settings.listen, "listen").await?;
    eprintln!("control room listens on http://{}", listener.local_addr()?);
    let parts = topology::open(settings).await?;
    if parts.store.users().await?.is_empty() {
        eprintln!("nobody can sign in yet: steelring user add NAME --role admin");
    }
    let mut running = Running::new(settings, "steelring-control-room")?;
    running.control_room(listener, settings, &parts);
    finish(running, settings, CONTROL_ROOM_PORT, parts.log).await
}

async fn finish(mut running: Running, settings: &Settings, port: u16, log: Arc<dyn Log>) -> Result<ExitCode> {
    let address = settings
        .management_listen
        .unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    running.management(bind(address, "management-listen").await?);
    running.until_stopped(log).await?;
    Ok(ExitCode::SUCCESS)
}

/// The embedded log belongs to one process.
fn check_shared(settings: &Settings) -> Result<()> {
    match settings.log {
        LogPlace::Kafka { .. } => Ok(()),
        LogPlace::Embedded(_) => bail!(
            "a stage in a process of its own needs a log that processes can share: give --kafka HOST:PORT, \
             or run everything in one process with `steelring up`"
        ),
    }
}
