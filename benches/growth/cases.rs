//! Store, dispatcher and control room by the number of open cases, on SQLite as one machine has it.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use control_room::secrets;
use domain::hit::Hit;
use domain::policy::ListPolicy;
use domain::user::Role;
use domain::{Timestamp, UserName};
use intelligence::rules::RuleFile;
use serde_json::{Value, json};
use store::Store;
use store::cases::{Arrival, CaseFilter};
use store::images::Images;
use stream::embedded::EmbeddedLog;
use stream::ready::Ready;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{measure, rig};

const SIZES: [usize; 6] = [10, 30, 100, 300, 600, 1_000];
const TINY: [usize; 2] = [2, 5];

/// Cost of a hit, of the dispatcher's look and of the operators' list by the number of open cases.
pub fn grow() -> Result<Vec<Value>> {
    let runtime = tokio::runtime::Runtime::new()?;
    let sizes = rig::sized(&SIZES[..], &TINY);
    let hits = rig::hits(&rig::world(), sizes[sizes.len() - 1]);
    let points = sizes.iter().map(|size| runtime.block_on(at(&hits[..*size])));
    points.collect()
}

/// One point: a system with these cases open.
async fn at(opening: &[Hit]) -> Result<Value> {
    let folder = tempfile::tempdir()?;
    let address = format!("sqlite:{}", folder.path().join("steelring.db").display());
    let store = Store::open(&address).await?;
    apply(&store, opening.iter().cloned()).await?;
    let open = CaseFilter {
        open_only: true,
        ..CaseFilter::default()
    };
    ensure!(
        store.cases(&open).await?.len() == opening.len(),
        "each of these hits opens a case"
    );
    let hit_s = measure::seconds_waiting(|number| {
        let seen = &opening[number % opening.len()];
        let again = rig::hit(&seen.read, seen.entry.clone(), 1 + number as i64);
        apply(&store, std::iter::once(again))
    })
    .await?;
    let look_s = measure::seconds_waiting(async |_| {
        store.cases(&open).await?;
        store.active_deployments().await?;
        Ok(())
    })
    .await?;
    let room = Room::open(store, folder.path()).await?;
    let list_s = measure::seconds_waiting(async |_| room.list(opening.len()).await.map(|_| ())).await?;
    let bytes = room.list(opening.len()).await?;
    room.close().await?;
    Ok(json!({
        "x": opening.len(),
        "hit_ms": hit_s * 1e3,
        "look_ms": look_s * 1e3,
        "list_ms": list_s * 1e3,
        "list_kb": bytes as f64 / 1e3,
    }))
}

/// Applies hits as the dispatcher does.
async fn apply(store: &Store, hits: impl Iterator<Item = Hit>) -> Result<()> {
    let arrival = |hit| Arrival {
        hit,
        bcu: None,
        trace: None,
    };
    let arrivals: Vec<Arrival> = hits.map(arrival).collect();
    store
        .apply_hits(&arrivals, &[], &ListPolicy::default(), rig::now())
        .await?;
    Ok(())
}

/// A control room on a port of its own, and somebody who is signed in.
struct Room {
    http: reqwest::Client,
    cases: String,
    token: String,
    stop: CancellationToken,
    served: tokio::task::JoinHandle<Result<(), control_room::ControlRoomError>>,
}

impl Room {
    async fn open(store: Store, folder: &std::path::Path) -> Result<Self> {
        let (token, secret) = secrets::new();
        let (user, now) = (UserName::parse("operator")?, Timestamp::now());
        store.add_user(&user, Role::Operator, "", "bench", now).await?;
        store.set_token(secret, &user, "bench", now).await?;
        let images = folder.join("images");
        let parts = control_room::Parts {
            log: Arc::new(EmbeddedLog::in_memory()),
            store,
            images: Images::open(images.to_str().context("a folder's name is text")?)?,
            force: rig::force(),
            usual_policy: domain::policy::ListPolicy::default(),
            rules: Arc::new(RuleFile::parse("").ok().context("have no rules")?),
            feeds: Arc::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let cases = format!("http://{}/api/cases", listener.local_addr()?);
        let stop = CancellationToken::new();
        let served = tokio::spawn(control_room::run(listener, parts, Ready::default(), stop.clone()));
        Ok(Self {
            http: reqwest::Client::new(),
            cases,
            token,
            stop,
            served,
        })
    }

    /// Asks for every open case; how many bytes the answer has.
    async fn list(&self, expected: usize) -> Result<usize> {
        let request = self.http.get(format!("{}?limit={expected}", self.cases));
        let answer = request
            .bearer_auth(&self.token)
            .send()
            .await?
            .error_for_status()?;
        Ok(answer.bytes().await?.len())
    }

    async fn close(self) -> Result<()> {
        self.stop.cancel();
        Ok(self.served.await??)
    }
}
