//! Bodies into memory, within bounds.

use std::sync::Arc;

use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::error::Refusal;
use crate::limits::{
    BODY_TIMEOUT, LINGER, LINGER_BYTES, MAX_BODY_BYTES, MAX_IN_FLIGHT_BYTES, MAX_IN_FLIGHT_REQUESTS,
};

/// What may be in flight at once.
#[derive(Clone, Debug)]
pub(crate) struct Admission {
    requests: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
}

/// A place among what is in flight, until it is dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    _request: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

impl Default for Admission {
    fn default() -> Self {
        Self {
            requests: Arc::new(Semaphore::new(MAX_IN_FLIGHT_REQUESTS)),
            bytes: Arc::new(Semaphore::new(MAX_IN_FLIGHT_BYTES)),
        }
    }
}

impl Admission {
    /// Takes a place for a body of this announced length, or of the largest where none is announced.
    pub(crate) fn admit(&self, announced: Option<usize>) -> Result<Admitted, Refusal> {
        let bytes = announced.unwrap_or(MAX_BODY_BYTES).max(1);
        if bytes > MAX_BODY_BYTES {
            return Err(Refusal::too_large());
        }
        let bytes = u32::try_from(bytes).map_err(|_| Refusal::too_large())?;
        let full = |_| Refusal::overloaded();
        Ok(Admitted {
            _request: Arc::clone(&self.requests).try_acquire_owned().map_err(full)?,
            _bytes: Arc::clone(&self.bytes)
                .try_acquire_many_owned(bytes)
                .map_err(full)?,
        })
    }
}

/// The length that a request announces for its body.
pub(crate) fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads a body to its end, or until it is too large, or has taken too long.
pub(crate) async fn read(body: Body) -> Result<Bytes, Refusal> {
    let mut stream = body.into_data_stream();
    let read = timeout(BODY_TIMEOUT, collect(&mut stream)).await;
    let refusal = match read {
        Ok(Ok(body)) => return Ok(body),
        Ok(Err(refusal)) => refusal,
        Err(_) => Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            "slow_body",
            "the body did not arrive in time: post again",
        ),
    };
    linger(stream);
    Err(refusal)
}

async fn collect(stream: &mut BodyDataStream) -> Result<Bytes, Refusal> {
    // Most bodies are one chunk: then nothing is copied.
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        let broken = |_| {
            Refusal::new(
                StatusCode::BAD_REQUEST,
                "broken_body",
                "the body ended before its announced length",
            )
        };
        let chunk = chunk.map_err(broken)?;
        if first.len() + joined.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(Refusal::too_large());
        }
        if joined.is_empty() && first.is_empty() {
            first = chunk;
        } else {
            if joined.is_empty() {
                joined.extend_from_slice(&std::mem::take(&mut first));
            }
            joined.extend_from_slice(&chunk);
        }
    }
    Ok(if joined.is_empty() { first } else { joined.freeze() })
}

/// Goes on reading a body that is refused, for a moment and into nothing: a sender that writes before it reads would
/// otherwise see a broken connection instead of the answer. A sender that waits to be asked for the body is not asked.
pub(crate) fn discard(headers: &HeaderMap, body: Body) {
    if !headers.contains_key(header::EXPECT) {
        linger(body.into_data_stream());
    }
}

fn linger(mut stream: BodyDataStream) {
    tokio::spawn(async move {
        let mut left = LINGER_BYTES;
        let swallow = async {
            while let Some(Ok(chunk)) = stream.next().await {
                left = left.saturating_sub(chunk.len());
                if left == 0 {
                    return;
                }
            }
        };
        drop(timeout(LINGER, swallow).await);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admission_is_bounded_and_given_back() {
        let admission = Admission::default();
        let held: Vec<_> = (0..MAX_IN_FLIGHT_BYTES / MAX_BODY_BYTES)
            .map(|_| admission.admit(None).unwrap())
            .collect();
        assert_eq!(admission.admit(Some(1)).unwrap_err().code, "overloaded");
        drop(held);
        assert!(admission.admit(Some(MAX_BODY_BYTES)).is_ok());
        assert_eq!(
            admission.admit(Some(MAX_BODY_BYTES + 1)).unwrap_err().code,
            "too_large"
        );
        let small: Vec<_> = (0..MAX_IN_FLIGHT_REQUESTS)
            .map(|_| admission.admit(Some(0)).unwrap())
            .collect();
        assert_eq!(admission.admit(Some(1)).unwrap_err().code, "overloaded");
        drop(small);
    }

    #[tokio::test]
    async fn a_body_without_an_announced_length_stops_at_the_bound() {
        let chunks = |count: usize| {
            let chunk = Bytes::from(vec![b'x'; 1024 * 1024]);
            Body::from_stream(futures::stream::iter(
                (0..count).map(move |_| Ok::<_, std::io::Error>(chunk.clone())),
            ))
        };
        assert_eq!(read(chunks(8)).await.map(|body| body.len()), Ok(MAX_BODY_BYTES));
        assert_eq!(
            read(chunks(9)).await.map_err(|refusal| refusal.code),
            Err("too_large")
        );
        assert_eq!(read(Body::empty()).await, Ok(Bytes::new()));
    }
}
