//! A bounded queue of lines, and the thread that writes them. No other thread waits for the reader of the output.
//!
//! tracing-appender has such a queue too; docs/decisions/0011-own-log-queue.md says why it is not used.

use std::{
    io::{self, ErrorKind, Write},
    mem,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use crate::metrics::labels::Label as _;

/// The most bytes that wait. As many may be with the writing thread.
pub(super) const MAX_BYTES: usize = 4 << 20;
/// The most lines that wait.
pub(super) const MAX_LINES: usize = 16_384;
/// The memory that is kept for the next lines after a burst.
const KEPT_BYTES: usize = 64 << 10;
/// How long lines are gathered after a write. The first line after a pause is written at once; of many lines a second, few wake the
/// thread, which costs more than to write them.
const GATHERING: Duration = Duration::from_millis(2);
/// How long to wait before a write is repeated to an output that never blocks and has no room.
const RETRY_DELAY: Duration = Duration::from_millis(10);

crate::metric_labels! {
    /// Why a line of the log was not written.
    LogLoss = "cause" {
        /// The reader of standard error is too slow, and the queue is full.
        QueueFull = "queue_full",
        /// Standard error returned an error.
        WriteError = "write_error",
    }
}

/// Lines that wait for their output.
#[derive(Debug, Default)]
pub(super) struct LineQueue {
    state: Mutex<State>,
    /// There are lines to write.
    added: Condvar,
    /// There are none.
    drained: Condvar,
    /// Lines lost, in the order of [`LogLoss`].
    lost: [AtomicU64; LogLoss::VALUES.len()],
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    lines: usize,
    /// The thread waits for a line.
    is_idle: bool,
    /// The thread is writing lines that it has taken.
    is_writing: bool,
    /// The last write failed.
    has_failed: bool,
    /// Lines that were lost since this was last reported.
    unreported: u64,
}

impl LineQueue {
    /// Starts the thread that writes to `output`. It calls `report` with the number of lines that were lost, once there is room again
    /// and the output takes lines.
    ///
    /// # Panics
    /// If the operating system refuses a thread.
    pub(super) fn start(
        output: impl Write + Send + 'static,
        report: impl Fn(u64) + Send + 'static,
    ) -> Arc<Self> {
        let queue = Arc::new(Self::default());
        let writer = Arc::clone(&queue);
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writer.write_to(output, report))
            .expect("a thread can be started at the start of a process");
        queue
    }

    /// Adds a line, or counts it as lost if there is no room. Never waits for the output.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.state();
        if state.lines < MAX_LINES && state.waiting.len() + line.len() <= MAX_BYTES {
            state.waiting.extend_from_slice(line);
            state.lines += 1;
            if mem::take(&mut state.is_idle) {
                self.added.notify_one();
            }
        } else {
            state.unreported += 1;
            self.count(LogLoss::QueueFull, 1);
        }
    }

    /// Waits until every line is written or lost, `limit` at most.
    pub(super) fn flush(&self, limit: Duration) {
        let is_busy = |state: &mut State| state.is_writing || !state.waiting.is_empty();
        let waited = self
            .drained
            .wait_timeout_while(self.state(), limit, is_busy);
        drop(waited);
    }

    /// Lines lost so far for this cause.
    pub(super) fn lost(&self, cause: LogLoss) -> u64 {
        self.lost[cause.number()].load(Ordering::Relaxed)
    }

    fn count(&self, cause: LogLoss, lines: u64) {
        self.lost[cause.number()].fetch_add(lines, Ordering::Relaxed);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_to(&self, mut output: impl Write, report: impl Fn(u64)) {
        let mut batch = Vec::new();
        loop {
            let lost = self.take(&mut batch);
            if lost > 0 {
                // The queue was just emptied, so there is room for this line.
                report(lost);
            }
            let unwritten = write_all(&mut output, &batch);
            self.written(unwritten);
            batch.clear();
            batch.shrink_to(KEPT_BYTES);
            thread::sleep(GATHERING);
        }
    }

    /// Waits for lines and takes them all. Returns how many lines were lost, if this can be reported now.
    fn take(&self, batch: &mut Vec<u8>) -> u64 {
        let has_none = |state: &mut State| {
            state.is_idle = state.waiting.is_empty();
            state.is_idle
        };
        let waited = self.added.wait_while(self.state(), has_none);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut state.waiting, batch);
        state.lines = 0;
        state.is_writing = true;
        if state.has_failed {
            // A report would be lost too, and would be followed by a report of that.
            return 0;
        }
        mem::take(&mut state.unreported)
    }

    /// Ends a write that left this many lines unwritten.
    fn written(&self, unwritten: Result<(), u64>) {
        let mut state = self.state();
        state.is_writing = false;
        state.has_failed = unwritten.is_err();
        if let Err(lines) = unwritten {
            state.unreported += lines;
            self.count(LogLoss::WriteError, lines);
        }
        if state.waiting.is_empty() {
            self.drained.notify_all();
        }
    }
}

/// Writes everything, or returns how many lines were not written.
fn write_all(output: &mut impl Write, bytes: &[u8]) -> Result<(), u64> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match output.write(rest) {
            Ok(count) if count > 0 => rest = &rest[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Another program may have made a shared terminal or pipe non-blocking.
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(RETRY_DELAY),
            Ok(_) | Err(_) => return Err(lines(rest)),
        }
    }
    Ok(())
}

fn lines(bytes: &[u8]) -> u64 {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').count();
    u64::try_from(lines).unwrap_or(u64::MAX)
}

/// A writer of whole lines for `tracing_subscriber`, which writes each event with one call.
pub(super) struct LineWriter(pub(super) &'static LineQueue);

impl Write for LineWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
