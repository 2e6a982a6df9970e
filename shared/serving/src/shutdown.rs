//! Being told to stop.

use std::future::Future;
use std::process;
use std::thread;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code of a process ended by SIGINT, as shells report it.
const INTERRUPTED: i32 = 130;
/// Exit code of a process ended by SIGTERM, as shells report it.
const TERMINATED: i32 = 143;

/// Completes at the first SIGINT or SIGTERM; the process then stops at its own pace.
///
/// From this call on (not from the first poll) neither signal ends the process by itself. A second one, of either kind, does so
/// at once, with exit code 130 (SIGINT) or 143 (SIGTERM): nothing is drained or flushed. Signals are awaited on a thread of their
/// own, so a second one works even if every other thread is stuck.
///
/// # Panics
/// If the operating system refuses a thread or a signal handler, which it does for neither of these at the start of a process.
pub fn on_signal() -> impl Future<Output = ()> + Send + 'static {
    let stop = CancellationToken::new();
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the system has descriptors left at start");
    let signals = {
        let _inside = runtime.enter();
        Signals::install()
    };
    let told = stop.clone();
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || await_both(&runtime, signals, &told))
        .expect("the system has threads left at start");
    stop.cancelled_owned()
}

fn await_both(runtime: &Runtime, mut signals: Signals, stop: &CancellationToken) {
    runtime.block_on(signals.next());
    stop.cancel();
    process::exit(runtime.block_on(signals.next()));
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn install() -> Self {
        let handler = |kind| signal(kind).expect("SIGINT and SIGTERM may be handled");
        Self {
            interrupt: handler(SignalKind::interrupt()),
            terminate: handler(SignalKind::terminate()),
        }
    }

    /// Waits for the next signal and gives the exit code that stands for it.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => INTERRUPTED,
            _ = self.terminate.recv() => TERMINATED,
        }
    }
}
