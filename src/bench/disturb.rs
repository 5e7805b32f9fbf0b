//! What happens to the system while reads flow.

use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use domain::{ListName, Timestamp};
use tokio::time::{Instant, sleep_until};

use super::gauge::lock;
use super::load::Loader;
use super::scenario::{Disturbance, seconds};
use super::servers::Servers;
use super::system::System;

/// Somebody who pulls plugs.
pub struct Disturber {
    pub disturbance: Disturbance,
    /// How long the run takes.
    pub seconds: f64,
    pub system: Arc<Mutex<System>>,
    pub servers: Arc<Mutex<Servers>>,
    pub loader: Loader,
    /// What the long list is replaced by.
    pub long_list: Option<(ListName, Vec<u8>)>,
}

impl Disturber {
    /// Does it, and says from when on.
    pub async fn run(self) -> Result<Option<Timestamp>> {
        let start = Instant::now();
        let at = |second| sleep_until(start + seconds(second));
        match self.disturbance {
            Disturbance::None => Ok(None),
            Disturbance::Reload { at_s } => {
                let (list, file) = self.long_list.context("there is no list to reload")?;
                at(at_s).await;
                let begun = Timestamp::now();
                self.loader.load(&list, file).await?;
                self.loader.wait_until_live().await?;
                Ok(Some(begun))
            }
            Disturbance::Outage { at_s, for_s } => {
                at(at_s).await;
                let begun = Timestamp::now();
                self.with_kafka(Servers::stop_kafka).await?;
                at(at_s + for_s).await;
                self.with_kafka(Servers::restart_kafka).await?;
                Ok(Some(begun))
            }
            Disturbance::Kill { every_s } => {
                let mut turn = 0;
                let begun = Timestamp::now();
                while (turn as f64 + 1.0) * every_s < self.seconds {
                    at((turn as f64 + 1.0) * every_s).await;
                    let system = Arc::clone(&self.system);
                    tokio::task::spawn_blocking(move || lock(&system).kill_a_matcher(turn)).await??;
                    turn += 1;
                }
                Ok(Some(begun))
            }
        }
    }

    async fn with_kafka(&self, act: fn(&mut Servers) -> Result<()>) -> Result<()> {
        let servers = Arc::clone(&self.servers);
        tokio::task::spawn_blocking(move || act(&mut lock(&servers))).await?
    }
}
