//! Who may pass: one check before every route of the table in [`crate::routes`], and the proof of it that handlers ask for.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::user::{Permission, User};
use domain::{FeedName, Timestamp, UserName};
use store::users::SecretHash;
use store::{Store, StoreError};
use subtle::ConstantTimeEq;

use crate::app::App;
use crate::error::ControlRoomError;
use crate::secrets;
use crate::session::COOKIE;

/// The header in which a browser's changing request proves that the page sent it.
pub const CSRF_HEADER: &str = "x-csrf-token";

/// Who may use a route. There is no default: a route without one does not compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody: signing in.
    Anyone,
    /// Every user.
    SignedIn,
    /// Users whose role has the permission.
    Needs(Permission),
    /// Programs that show the token of a feed of lists; no user may.
    Feed,
}

/// Proof that the request shows the token of this feed. Only [`check`] hands it out.
#[derive(Clone)]
pub(crate) struct FeedToken(pub(crate) FeedName);

impl<S: Send + Sync> FromRequestParts<S> for FeedToken {
    type Rejection = ControlRoomError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ControlRoomError> {
        let shown = parts.extensions.get::<Self>().cloned();
        shown.ok_or(ControlRoomError::NotSignedIn)
    }
}

/// Proof that the request comes from a user who may make it. Only [`check`] hands it out.
#[derive(Clone)]
pub(crate) struct SignedIn {
    pub(crate) user: User,
    pub(crate) credential: Credential,
}

/// What the user showed.
#[derive(Clone)]
pub(crate) enum Credential {
    /// A browser's session.
    Session { secret: SecretHash, csrf: String },
    /// A program's token.
    Token { secret: SecretHash },
}

impl SignedIn {
    /// The user's name.
    pub(crate) fn name(&self) -> &UserName {
        &self.user.name
    }
}

impl Credential {
    /// Whose it is now; none once it has ended or the user is disabled.
    pub(crate) async fn holder(&self, store: &Store, now: Timestamp) -> Result<Option<User>, StoreError> {
        match self {
            Self::Session { secret, .. } => {
                Ok(store.session(*secret, now).await?.map(|session| session.user))
            }
            Self::Token { secret } => store.token_user(*secret).await,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SignedIn {
    type Rejection = ControlRoomError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ControlRoomError> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or(ControlRoomError::NotSignedIn)
    }
}

/// What stands before one route.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) app: Arc<App>,
    pub(crate) access: Access,
    /// The route's path as in the table: logs and metrics never see the address itself, which may hold a plate.
    pub(crate) route: &'static str,
}

/// Lets a request pass or answers in its place.
pub(crate) async fn check(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    if gate.access == Access::Feed {
        return match feed_of(&gate.app.store, request.headers()).await {
            Err(error) => error.into_response(),
            Ok(feed) => {
                request.extensions_mut().insert(FeedToken(feed));
                next.run(request).await
            }
        };
    }
    match admit(&gate, request.headers(), request.method()).await {
        Err(error) => error.into_response(),
        Ok(None) => next.run(request).await,
        Ok(Some(signed_in)) => {
            request.extensions_mut().insert(signed_in);
            next.run(request).await
        }
    }
}

async fn admit(
    gate: &Gate,
    headers: &HeaderMap,
    method: &Method,
) -> Result<Option<SignedIn>, ControlRoomError> {
    if gate.access == Access::Anyone {
        return Ok(None);
    }
    let signed_in = identify(&gate.app.store, headers).await?;
    if let Credential::Session { csrf, .. } = &signed_in.credential
        && !method.is_safe()
    {
        let shown = headers.get(CSRF_HEADER).map_or(&[][..], |value| value.as_bytes());
        if !bool::from(shown.ct_eq(csrf.as_bytes())) {
            return Err(ControlRoomError::Csrf);
        }
    }
    if let Access::Needs(permission) = gate.access
        && !signed_in.user.role.may(permission)
    {
        let route = format!("{method} {}", gate.route);
        let name = signed_in.name().as_str();
        gate.app
            .store
            .audit(
                name,
                "denied",
                &route,
                signed_in.user.role.name(),
                Timestamp::now(),
            )
            .await?;
        return Err(ControlRoomError::Forbidden);
    }
    Ok(Some(signed_in))
}

async fn feed_of(store: &Store, headers: &HeaderMap) -> Result<FeedName, ControlRoomError> {
    let token = bearer(headers).ok_or(ControlRoomError::NotSignedIn)?;
    let feed = store.feed_of_token(secrets::hash(token)).await?;
    feed.ok_or(ControlRoomError::NotSignedIn)
}

async fn identify(store: &Store, headers: &HeaderMap) -> Result<SignedIn, ControlRoomError> {
    if let Some(token) = bearer(headers) {
        let secret = secrets::hash(token);
        let user = store.token_user(secret).await?;
        return Ok(SignedIn {
            user: user.ok_or(ControlRoomError::NotSignedIn)?,
            credential: Credential::Token { secret },
        });
    }
    let secret = secrets::hash(session_cookie(headers).ok_or(ControlRoomError::NotSignedIn)?);
    let session = store
        .session(secret, Timestamp::now())
        .await?
        .ok_or(ControlRoomError::NotSignedIn)?;
    Ok(SignedIn {
        user: session.user,
        credential: Credential::Session {
            secret,
            csrf: session.csrf,
        },
    })
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_is_found_among_other_cookies_and_nowhere_else() {
        for (cookie, expected) in [
            ("steelring_session=abc", Some("abc")),
            ("a=b; steelring_session=abc; c=d", Some("abc")),
            ("xsteelring_session=abc", None),
            ("steelring_session", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, cookie.parse().unwrap());
            assert_eq!(session_cookie(&headers), expected, "{cookie}");
        }
    }

    #[test]
    fn a_token_is_what_follows_the_word_bearer() {
        for (value, expected) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc", Some("abc")),
            ("Basic abc", None),
            ("abc", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            assert_eq!(bearer(&headers), expected, "{value}");
        }
    }
}
