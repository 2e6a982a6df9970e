use std::sync::{OnceLock, mpsc};

use super::*;

const LIMIT: Duration = Duration::from_secs(10);
const LINE: &[u8] = b"a line\n";

/// An output whose every write waits until the test takes what is written, and returns what the test says.
struct Scripted {
    writes: mpsc::Sender<String>,
    results: mpsc::Receiver<io::Result<()>>,
}

impl Write for Scripted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.writes.send(text).map_err(io::Error::other)?;
        let result = self.results.recv().map_err(io::Error::other)?;
        result.map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Fixture {
    queue: Arc<LineQueue>,
    writes: mpsc::Receiver<String>,
    results: mpsc::Sender<io::Result<()>>,
}

impl Fixture {
    fn new() -> Self {
        let (writes, of_output) = mpsc::channel();
        let (results, for_output) = mpsc::channel();
        let output = Scripted {
            writes,
            results: for_output,
        };
        let reporter = Arc::new(OnceLock::<Arc<LineQueue>>::new());
        let known = Arc::clone(&reporter);
        let queue = LineQueue::start(output, move |lines| {
            let report = format!("{lines} lost\n");
            known.wait().push(report.as_bytes());
        });
        assert!(reporter.set(Arc::clone(&queue)).is_ok());
        Self {
            queue,
            writes: of_output,
            results,
        }
    }

    /// The next text that is written; the write goes on waiting.
    fn written(&self) -> String {
        self.writes.recv_timeout(LIMIT).unwrap()
    }

    fn answer(&self, result: io::Result<()>) {
        self.results.send(result).unwrap();
    }

    fn lost(&self) -> [u64; 2] {
        [LogLoss::QueueFull, LogLoss::WriteError].map(|cause| self.queue.lost(cause))
    }

    /// Adds lines until the first is lost, while the output is stalled. Returns how many were queued.
    fn fill(&self, line: &[u8]) -> usize {
        let mut queued = 0;
        while self.lost()[0] == 0 {
            self.queue.push(line);
            queued += 1;
        }
        queued - 1
    }
}

#[test]
fn a_stalled_output_holds_no_line_back_and_lost_lines_are_counted_and_reported_once() {
    let stalled = Fixture::new();
    stalled.queue.push(LINE);
    assert_eq!(stalled.written().as_bytes(), LINE);
    assert_eq!(stalled.fill(LINE), MAX_LINES);
    stalled.queue.push(LINE);
    assert_eq!(stalled.lost(), [2, 0]);

    stalled.answer(Ok(()));
    assert_eq!(stalled.written().len(), MAX_LINES * LINE.len());
    stalled.answer(Ok(()));
    assert_eq!(stalled.written(), "2 lost\n");
    stalled.answer(Ok(()));
    stalled.queue.push(LINE);
    assert_eq!(stalled.written().as_bytes(), LINE);
    assert_eq!(stalled.lost(), [2, 0]);
}

#[test]
fn long_lines_are_bounded_by_their_bytes() {
    let stalled = Fixture::new();
    stalled.queue.push(LINE);
    stalled.written();
    let long = vec![b'x'; MAX_BYTES / 8];
    assert_eq!(stalled.fill(&long), 8);
    stalled.answer(Ok(()));
    assert_eq!(stalled.written().len(), MAX_BYTES);
}

#[test]
fn write_errors_are_counted_and_reported_when_a_write_succeeds_again() {
    let broken = Fixture::new();
    for _ in 0..2 {
        broken.queue.push(LINE);
        assert_eq!(broken.written().as_bytes(), LINE);
        broken.answer(Err(ErrorKind::BrokenPipe.into()));
        // No report of a lost line is lost in its turn.
        broken.queue.flush(LIMIT);
    }
    assert_eq!(broken.lost(), [0, 2]);
    broken.queue.push(LINE);
    broken.written();
    broken.answer(Ok(()));
    broken.queue.flush(LIMIT);
    broken.queue.push(LINE);
    assert_eq!(broken.written().as_bytes(), LINE);
    broken.answer(Ok(()));
    assert_eq!(broken.written(), "2 lost\n");
}

#[test]
fn a_write_without_room_or_interrupted_is_repeated() {
    let full = Fixture::new();
    full.queue.push(LINE);
    for refusal in [ErrorKind::WouldBlock, ErrorKind::Interrupted] {
        full.written();
        full.answer(Err(refusal.into()));
    }
    assert_eq!(full.written().as_bytes(), LINE);
    full.answer(Ok(()));
    full.queue.flush(LIMIT);
    assert_eq!(full.lost(), [0, 0]);
}

#[test]
fn a_flush_ends_with_the_last_write_or_at_its_limit() {
    let stalled = Fixture::new();
    stalled.queue.push(LINE);
    stalled.written();
    stalled.queue.flush(Duration::from_millis(1));
    stalled.answer(Ok(()));
    stalled.queue.flush(LIMIT);
    let state = stalled.queue.state();
    assert!(!state.is_writing && state.waiting.is_empty());
}
