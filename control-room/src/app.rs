//! What every handler shares.

use std::sync::Arc;

use bytes::Bytes;
use domain::force::Force;
use domain::policy::ListPolicy;
use intelligence::rules::RuleFile;
use store::Store;
use store::images::Images;
use stream::Log;
use stream::ready::Ready;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::error::ControlRoomError;
use crate::events::MAX_STREAMS;
use crate::feed::Feed;
use crate::restrict::Restrictions;
use crate::session::Desk;
use crate::{Parts, map, openapi};

pub(crate) struct App {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) store: Store,
    pub(crate) images: Images,
    pub(crate) force: Arc<Force>,
    /// The policy of lists that have none of their own.
    pub(crate) usual_policy: ListPolicy,
    /// The rules that count while none were loaded.
    pub(crate) rules: Arc<RuleFile>,
    /// Who may see why.
    pub(crate) restrictions: Arc<Restrictions>,
    /// The feeds of lists.
    pub(crate) feeds: Arc<Vec<intelligence::feeds::Feed>>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) desk: Desk,
    pub(crate) ready: Ready,
    pub(crate) shutdown: CancellationToken,
    /// Hotlists being loaded: one at a time, since each is held in memory whole.
    pub(crate) loads: Semaphore,
    /// Lists being written as files: one at a time, since each keeps a connection to the database busy.
    pub(crate) exports: Semaphore,
    /// Confusion tables being learnt: one at a time, since each holds a million reads.
    pub(crate) learning: Semaphore,
    /// Open event streams.
    pub(crate) streams: Arc<Semaphore>,
    /// The map's fixed part, encoded once.
    pub(crate) map: Bytes,
    /// The description of this API, encoded once.
    pub(crate) openapi: Bytes,
}

impl App {
    pub(crate) fn new(
        parts: Parts,
        feed: Arc<Feed>,
        restrictions: Arc<Restrictions>,
        ready: Ready,
        shutdown: CancellationToken,
    ) -> Result<Self, ControlRoomError> {
        let Parts {
            log,
            store,
            images,
            force,
            usual_policy,
            rules,
            feeds,
        } = parts;
        Ok(Self {
            map: map::encode(&force)?,
            openapi: openapi::encode()?,
            log,
            store,
            images,
            force,
            usual_policy,
            rules,
            restrictions,
            feeds,
            feed,
            desk: Desk::new(),
            ready,
            shutdown,
            loads: Semaphore::new(1),
            exports: Semaphore::new(1),
            learning: Semaphore::new(1),
            streams: Arc::new(Semaphore::new(MAX_STREAMS)),
        })
    }
}
