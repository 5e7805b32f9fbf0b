//! Long work beside what a runtime serves.

use std::panic::resume_unwind;

use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

/// Runs a future on a thread of its own. A change of millions of entries computes for seconds between one wait and the next, and would
/// hold up whatever else its thread serves. It is dropped where it waits, once nobody waits for it any more.
///
/// # Panics
/// Where the future does.
pub async fn aside<F, T>(work: impl FnOnce() -> F + Send + 'static) -> T
where
    F: Future<Output = T>,
    T: Send + 'static,
{
    let (runtime, gone) = (Handle::current(), CancellationToken::new());
    let _waiting = gone.clone().drop_guard();
    let done = spawn_blocking(move || runtime.block_on(gone.run_until_cancelled(work())));
    done.await
        .unwrap_or_else(|panic| resume_unwind(panic.into_panic()))
        .expect("somebody waits, and so it was not dropped")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn others_are_served_meanwhile() {
        let (done, heard) = std::sync::mpsc::channel();
        let computes = tokio::spawn(aside(move || async move {
            // On the test's one thread it would wait for ever.
            heard.recv()
        }));
        tokio::task::yield_now().await;
        done.send(7).unwrap();
        assert_eq!(computes.await.unwrap(), Ok(7));
    }

    #[tokio::test]
    async fn it_ends_with_whoever_waits_for_it() {
        let held = Arc::new(());
        let kept = Arc::clone(&held);
        let waits = aside(|| async move {
            let _kept = kept;
            std::future::pending::<()>().await;
        });
        assert!(
            tokio::time::timeout(Duration::from_millis(50), waits)
                .await
                .is_err()
        );
        let dropped = async {
            while Arc::strong_count(&held) > 1 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), dropped)
            .await
            .expect("it is dropped");
    }
}
