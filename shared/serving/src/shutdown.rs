//! The signals that stop a process.

use std::future::Future;
use std::process;
use std::thread;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The exit code that stands for SIGINT in shells.
const EXIT_SIGINT: i32 = 130;
/// The exit code that stands for SIGTERM in shells.
const EXIT_SIGTERM: i32 = 143;

/// Completes at the first SIGINT or SIGTERM, so that the caller can stop gracefully.
///
/// From this call on (not from the first poll) the first signal does not end the process. A second one, of either kind, ends it
/// at once, with exit code 130 (SIGINT) or 143 (SIGTERM): nothing is drained or flushed. A separate thread waits for the signals,
/// so the second one works even if every other thread is stuck.
///
/// # Panics
/// If the operating system refuses a thread or a signal handler. At the start of a process it refuses neither.
pub fn on_signal() -> impl Future<Output = ()> + Send + 'static {
    let stop = CancellationToken::new();
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("file descriptors are available at the start of a process");
    let signals = {
        let _guard = runtime.enter();
        Signals::install()
    };
    let on_first = stop.clone();
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || wait_for_both(&runtime, signals, &on_first))
        .expect("a thread can be started at the start of a process");
    stop.cancelled_owned()
}

fn wait_for_both(runtime: &Runtime, mut signals: Signals, stop: &CancellationToken) {
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
        let handler = |kind| signal(kind).expect("SIGINT and SIGTERM can be handled");
        Self {
            interrupt: handler(SignalKind::interrupt()),
            terminate: handler(SignalKind::terminate()),
        }
    }

    /// Waits for the next signal and returns its exit code.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => EXIT_SIGINT,
            _ = self.terminate.recv() => EXIT_SIGTERM,
        }
    }
}
