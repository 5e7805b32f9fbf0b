//! Letting go of what was swapped out.

use std::sync::Arc;
use std::time::Duration;

/// How often it is looked whether anybody still uses it.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Drops what was swapped out once nobody else holds it, on a thread of its own: giving back the memory of ten million entries
/// takes longer than a read may wait.
pub(crate) fn retire<T: Send + Sync + 'static>(old: Arc<T>) {
    tokio::task::spawn_blocking(move || {
        while Arc::strong_count(&old) > 1 {
            std::thread::sleep(LOOK_EVERY);
        }
        drop(old);
    });
}
