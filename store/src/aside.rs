//! Long work beside what a runtime serves, on threads that give way: while a list of millions is read, stored and published, hits
//! go first where processors are short.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// How far long work stands back, as Unix has it ("niceness"): beside one other that wants a processor it gets a tenth of it.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// The longest [`rest`]: what took longer than that waited for others, and not for a processor.
const LONGEST_REST: Duration = Duration::from_millis(200);

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
    compute(move || runtime.block_on(gone.run_until_cancelled(work())))
        .await
        .expect("somebody waits, and so it was not dropped")
}

/// Computes on a thread of its own. It goes on where nobody waits for it any more.
///
/// # Panics
/// Where the work does.
pub async fn compute<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, waiting) = oneshot::channel();
    start(move || {
        // Nobody waits: the work was given up.
        let _ = done.send(catch_unwind(AssertUnwindSafe(work)));
    });
    let ended = waiting.await.expect("the thread answers before it ends");
    ended.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Rests as long as a piece of long work took: who works for it elsewhere, log and database and whoever reads them, knows nothing of
/// threads that give way, and is left half of the time.
pub async fn rest(took: Duration) {
    tokio::time::sleep(took.min(LONGEST_REST)).await;
}

/// Starts a thread for long work.
///
/// # Panics
/// Where the system has no room for one more.
pub(crate) fn start(work: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().name("aside".to_owned());
    let started = thread.spawn(|| {
        give_way();
        work();
    });
    started.expect("the system has room for a thread");
}

/// On Linux niceness is a thread's, elsewhere the whole process's, which is not what is wanted. Nobody can be forbidden to stand back; were it
/// otherwise, the work is done all the same.
fn give_way() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICENESS);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

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

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn it_gives_way_and_who_waits_for_it_does_not() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let before = niceness();
        // 19 is the most.
        assert_eq!(compute(niceness).await, (before + NICENESS).min(19));
        assert_eq!(
            aside(move || async move { niceness() }).await,
            (before + NICENESS).min(19)
        );
        assert_eq!(niceness(), before);
    }

    #[tokio::test]
    async fn its_panic_is_that_of_who_waits() {
        let waits = tokio::spawn(compute(|| panic!("as it was meant")));
        assert!(waits.await.unwrap_err().is_panic());
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
