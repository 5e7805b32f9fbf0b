//! Who may post: the table of sources, kept from the store.
//!
//! The table is read again every few seconds, and for a token that it does not have before that is refused: at most once
//! a second, for all who wait. While the database is away the last table known stays in force: cameras go on posting.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::force::Force;
use domain::{CameraId, SourceName};
use sha2::{Digest, Sha256};
use store::sources::Source;
use store::users::SecretHash;
use store::{Store, StoreError};
use subtle::ConstantTimeEq;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::warn;

use crate::error::{Chain, Refusal};
use crate::limits::{MAX_STRANGERS, SOURCES_MISS_EVERY, SOURCES_TIMEOUT};

/// The sources as last read from the store.
#[derive(Debug)]
pub(crate) struct Sources {
    store: Store,
    table: RwLock<Option<Arc<Vec<Arc<Source>>>>>,
    /// When the table was last asked for; held while it is, so that a crowd of strangers asks once.
    asked_at: Mutex<Option<Instant>>,
    /// Places for those with unknown tokens who wait for the table.
    strangers: Semaphore,
}

impl Sources {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            table: RwLock::new(None),
            asked_at: Mutex::new(None),
            strangers: Semaphore::new(MAX_STRANGERS),
        }
    }

    /// Reads the table again, so that it is no older than `since`; not sooner than [`SOURCES_MISS_EVERY`] after the last
    /// time. Those who wait together are served by one reading.
    pub(crate) async fn refresh(&self, since: Instant) {
        let mut asked_at = self.asked_at.lock().await;
        if let Some(last) = *asked_at {
            if last >= since {
                return;
            }
            sleep_until(last + SOURCES_MISS_EVERY).await;
        }
        let now = Instant::now();
        match timeout(SOURCES_TIMEOUT, self.store.sources()).await {
            Ok(answer) => self.take(answer),
            Err(_) => warn!("reading the sources takes too long: the last table known stays in force"),
        }
        *asked_at = Some(now);
    }

    /// Looks whether a token is new. More strangers than a few at once are not waited for.
    async fn refresh_for_stranger(&self) {
        if let Ok(_place) = self.strangers.try_acquire() {
            self.refresh(Instant::now()).await;
        }
    }

    fn take(&self, answer: Result<Vec<Source>, StoreError>) {
        match answer {
            Ok(sources) => {
                let table = Arc::new(sources.into_iter().map(Arc::new).collect());
                *self.table.write().unwrap_or_else(PoisonError::into_inner) = Some(table);
            }
            Err(error) => {
                warn!(error = %Chain(&error), "reading the sources failed: the last table known stays in force")
            }
        }
    }

    /// Whether the table was ever read.
    pub(crate) fn is_known(&self) -> bool {
        self.table().is_some()
    }

    fn table(&self) -> Option<Arc<Vec<Arc<Source>>>> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The source of a request.
    pub(crate) async fn sign_in(&self, headers: &HeaderMap) -> Result<Arc<Source>, Refusal> {
        let token = token_hash(headers)?;
        let found = match self.find(token) {
            Some(found) => Some(found),
            None => {
                self.refresh_for_stranger().await;
                self.find(token)
            }
        };
        match found {
            Some(source) if source.disabled => {
                Err(unauthorised("source_disabled", "this source is disabled"))
            }
            Some(source) => Ok(source),
            None if self.is_known() => Err(unauthorised(
                "unknown_token",
                "no source has this token: steelring source add NAME makes one",
            )),
            None => Err(Refusal::unavailable("the table of sources")),
        }
    }

    /// The source of a token. Every token is compared, each in constant time: how long it takes tells nothing.
    fn find(&self, token: SecretHash) -> Option<Arc<Source>> {
        let table = self.table()?;
        let keep_same = |found, source: &Arc<Source>| {
            if bool::from(source.token.ct_eq(&token)) {
                Some(Arc::clone(source))
            } else {
                found
            }
        };
        table.iter().fold(None, keep_same)
    }

    /// The source of a name.
    pub(crate) fn named(&self, name: &str) -> Option<Arc<Source>> {
        let table = self.table()?;
        table.iter().find(|source| source.name.as_str() == name).cloned()
    }
}

/// The hash of the token of a request: `Bearer TOKEN`, or `Basic` with the token as password, since many cameras can do
/// only that. The user name beside it does not matter.
pub(crate) fn token_hash(headers: &HeaderMap) -> Result<SecretHash, Refusal> {
    let missing = || {
        let message = "sign in with Authorization: Bearer TOKEN, or Basic with the token as password";
        unauthorised("no_token", message)
    };
    let value = headers.get(header::AUTHORIZATION).ok_or_else(missing)?;
    let (scheme, rest) = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .ok_or_else(missing)?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Sha256::digest(rest.as_bytes()).into());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(missing());
    }
    let decoded = BASE64_STANDARD.decode(rest).map_err(|_| missing())?;
    let colon = decoded
        .iter()
        .position(|byte| *byte == b':')
        .ok_or_else(missing)?;
    Ok(Sha256::digest(&decoded[colon + 1..]).into())
}

/// A refusal of somebody who is not signed in.
pub(crate) fn unauthorised(code: &'static str, message: &'static str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, code, message)
}

/// The force's cameras by id.
#[derive(Debug)]
pub(crate) struct Cameras(HashMap<String, CameraId>);

impl Cameras {
    pub(crate) fn of(force: &Force) -> Self {
        let by_id =
            |camera: &domain::force::Camera| (camera.camera.as_str().to_owned(), camera.camera.clone());
        Self(force.cameras.iter().map(by_id).collect())
    }

    /// The camera that a source means by one of these names, the surest first.
    pub(crate) fn resolve(&self, source: &Source, names: &[String]) -> Result<CameraId, Refusal> {
        for name in names {
            if let Some(camera) = mapped(source, name) {
                return self.0.get(camera.as_str()).cloned().ok_or_else(|| {
                    let message = "the source maps this camera's name to a camera that the force does not have: \
                                   add it to cameras.json, or map the name to another";
                    Refusal::of_field("unknown_camera", "camera", message)
                });
            }
            if let Some(camera) = self.0.get(name) {
                return Ok(camera.clone());
            }
        }
        Err(Refusal::of_field(
            "unknown_camera",
            "camera",
            unknown(&source.name, names),
        ))
    }
}

/// Our camera of a source's name for it; case does not matter, since devices write a MAC address either way.
fn mapped<'a>(source: &'a Source, name: &str) -> Option<&'a CameraId> {
    let same = |(known, _): &(&String, &CameraId)| known.eq_ignore_ascii_case(name);
    source
        .cameras
        .get(name)
        .or_else(|| source.cameras.iter().find(same).map(|(_, camera)| camera))
}

/// A camera's names are no secret of a person; they are cut, since they come from outside.
fn unknown(source: &SourceName, names: &[String]) -> String {
    const LONGEST: usize = 100;
    let cut = |name: &String| name.chars().take(LONGEST).collect::<String>();
    let names: Vec<_> = names.iter().map(cut).collect();
    let first = names.first().map_or("NAME", String::as_str);
    format!(
        "camera: nobody registered {}: steelring source add {source} --camera \"{first}=CAMERA\"",
        names.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn headers(authorization: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
        headers
    }

    #[test]
    fn a_token_comes_as_bearer_or_as_basic_password() {
        let expected: SecretHash = Sha256::digest(b"s3:cret").into();
        let basic = format!("basic {}", BASE64_STANDARD.encode("camera:s3:cret"));
        assert_eq!(token_hash(&headers("Bearer s3:cret")), Ok(expected));
        assert_eq!(token_hash(&headers(&basic)), Ok(expected));
        for wrong in ["Digest x", "Bearer", "Basic ???", "Basic YWJj"] {
            assert_eq!(
                token_hash(&headers(wrong)).map_err(|refusal| refusal.code),
                Err("no_token"),
                "{wrong}"
            );
        }
        assert!(token_hash(&HeaderMap::new()).is_err());
    }

    fn source(name: &str, token: &str) -> Source {
        Source {
            name: SourceName::parse(name).unwrap(),
            token: Sha256::digest(token.as_bytes()).into(),
            cameras: [("AC:CC".to_owned(), CameraId::parse("C1").unwrap())].into(),
            disabled: false,
        }
    }

    #[tokio::test]
    async fn an_outage_of_the_database_keeps_the_last_table_and_before_the_first_nobody_is_refused_for_good()
    {
        let sources = Sources::new(Store::open("sqlite::memory:").await.unwrap());
        *sources.asked_at.lock().await = Some(Instant::now() + Duration::from_secs(60));
        sources.take(Err(StoreError::NotFound("database")));
        let unknown = sources.sign_in(&headers("Bearer t")).await.unwrap_err();
        assert_eq!(unknown.status, StatusCode::SERVICE_UNAVAILABLE);
        sources.take(Ok(vec![source("a", "s"), source("b", "t")]));
        sources.take(Err(StoreError::NotFound("database")));
        assert_eq!(
            sources.sign_in(&headers("Bearer t")).await.unwrap().name.as_str(),
            "b"
        );
        assert_eq!(
            sources.sign_in(&headers("Bearer x")).await.unwrap_err().code,
            "unknown_token"
        );
    }

    #[test]
    fn a_camera_is_found_by_any_of_its_names() {
        let cameras = Cameras(
            ["C1", "C2"]
                .map(|id| (id.to_owned(), CameraId::parse(id).unwrap()))
                .into(),
        );
        let mut source = source("a", "s");
        source
            .cameras
            .insert("gone".into(), CameraId::parse("C9").unwrap());
        let resolve = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            cameras
                .resolve(&source, &names)
                .map(String::from)
                .map_err(|refusal| refusal.message)
        };
        assert_eq!(resolve(&["ac:cc"]), Ok("C1".into()));
        assert_eq!(resolve(&["nobody", "C2"]), Ok("C2".into()));
        assert!(resolve(&["gone"]).unwrap_err().contains("cameras.json"));
        assert!(
            resolve(&["nobody"])
                .unwrap_err()
                .contains("--camera \"nobody=CAMERA\"")
        );
    }
}
