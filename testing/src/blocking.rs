//! Async work from code that is not async.

use std::thread;

/// Runs a future to its end on a thread with its own runtime. The caller may itself run inside a runtime, which cannot
/// block on a future.
pub(crate) fn run<F>(work: F) -> F::Output
where
    F: Future<Output: Send> + Send,
{
    let block_on = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime can be created").block_on(work)
    };
    thread::scope(|scope| scope.spawn(block_on).join())
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
