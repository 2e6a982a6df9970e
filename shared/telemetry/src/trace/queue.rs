//! From a span that has ended to the collector, off every call's path.
//!
//! A bounded queue, and one task that empties it. Whatever the collector does, ending a span costs the same: what finds the queue
//! full is counted and dropped, which is logged once, and so is the first of several deliveries that fail in a row.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc as blocking,
    },
    time::Duration,
};

use opentelemetry::Context;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::{
    error::{OTelSdkError, OTelSdkResult},
    trace::{Span, SpanData, SpanExporter as _, SpanProcessor},
};
use tokio::{
    runtime::Handle,
    sync::mpsc,
    time::{MissedTickBehavior, interval, timeout},
};

/// Spans that wait at most: about 2 MiB.
const LENGTH: usize = 2048;
/// Spans of one message to the collector.
const BATCH: usize = 512;

/// The end of the queue that spans go in at.
#[derive(Debug)]
pub(super) struct Queue {
    spans: mpsc::Sender<SpanData>,
    flushes: mpsc::UnboundedSender<Flushed>,
    dropped: Arc<AtomicU64>,
}

/// Told when all that had ended before is delivered, or lost.
type Flushed = blocking::SyncSender<()>;

impl Queue {
    /// Starts the task that delivers what is put in, every `pace`, each message within `limit`.
    pub(super) fn start(
        runtime: &Handle,
        exporter: SpanExporter,
        pace: Duration,
        limit: Duration,
    ) -> Self {
        let (spans, waiting) = mpsc::channel(LENGTH);
        let (flushes, asked) = mpsc::unbounded_channel();
        let exit = Exit {
            waiting,
            asked,
            exporter,
            limit,
            batch: Vec::with_capacity(BATCH),
            delivery: Delivery::of("spans"),
        };
        runtime.spawn(exit.deliver(pace));
        Self {
            spans,
            flushes,
            dropped: Arc::default(),
        }
    }

    /// What delivers all that waits when it is called; it returns when that is done, or after `limit`.
    pub(super) fn flusher(&self) -> impl Fn(Duration) -> bool + Send + Sync + use<> {
        let flushes = self.flushes.clone();
        move |limit| {
            let (told, done) = blocking::sync_channel(1);
            flushes.send(told).is_ok() && done.recv_timeout(limit).is_ok()
        }
    }

    /// How many spans found the queue full.
    pub(super) fn dropped(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.dropped)
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _span: &mut Span, _above: &Context) {}

    fn on_end(&self, span: SpanData) {
        let Err(mpsc::error::TrySendError::Full(_span)) = self.spans.try_send(span) else {
            return;
        };
        if self.dropped.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::warn!(
                queue = LENGTH,
                "spans are dropped: they end faster than they are delivered"
            );
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.shutdown()
    }

    /// The queue is emptied by [`super::Otlp::stop`]; a provider that is dropped later finds nothing to do.
    fn shutdown_with_timeout(&self, limit: Duration) -> OTelSdkResult {
        if self.flushes.is_closed() || self.flusher()(limit) {
            Ok(())
        } else {
            Err(OTelSdkError::Timeout(limit))
        }
    }
}

/// The end that spans come out of.
struct Exit {
    waiting: mpsc::Receiver<SpanData>,
    asked: mpsc::UnboundedReceiver<Flushed>,
    exporter: SpanExporter,
    limit: Duration,
    batch: Vec<SpanData>,
    delivery: Delivery,
}

impl Exit {
    /// Delivers until the queue's other end is gone.
    async fn deliver(mut self, pace: Duration) {
        let mut due = interval(pace);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let room = BATCH - self.batch.len();
            tokio::select! {
                asked = self.asked.recv() => {
                    self.send_all().await;
                    match asked {
                        // Whoever asked may have stopped waiting.
                        Some(flushed) => drop(flushed.try_send(())),
                        None => return,
                    }
                }
                come = self.waiting.recv_many(&mut self.batch, room) => {
                    if come == 0 || come == room {
                        self.send().await;
                    }
                    if come == 0 {
                        return;
                    }
                }
                _time = due.tick() => self.send().await,
            }
        }
    }

    async fn send_all(&mut self) {
        loop {
            while self.batch.len() < BATCH {
                match self.waiting.try_recv() {
                    Ok(span) => self.batch.push(span),
                    Err(_none) => return self.send().await,
                }
            }
            self.send().await;
        }
    }

    async fn send(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        let count = batch.len();
        let sent = timeout(self.limit, self.exporter.export(batch)).await;
        let sent = sent.unwrap_or(Err(OTelSdkError::Timeout(self.limit)));
        self.delivery.note(sent, count);
    }
}

/// Whether the collector takes what it is sent; what is logged is when that changes.
#[derive(Debug)]
pub(super) struct Delivery {
    what: &'static str,
    /// What was lost since the last success.
    lost: AtomicU64,
}

impl Delivery {
    pub(super) const fn of(what: &'static str) -> Self {
        Self {
            what,
            lost: AtomicU64::new(0),
        }
    }

    pub(super) fn note(&self, sent: OTelSdkResult, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        match sent {
            Ok(()) => match self.lost.swap(0, Ordering::Relaxed) {
                0 => {}
                lost => tracing::info!(
                    what = self.what,
                    lost,
                    "the collector takes telemetry again"
                ),
            },
            Err(error) => {
                if self.lost.fetch_add(count, Ordering::Relaxed) == 0 {
                    tracing::warn!(what = self.what, error = %Cause(&error), "the collector does not take telemetry");
                }
            }
        }
    }
}

/// The SDK's error in words.
struct Cause<'a>(&'a OTelSdkError);

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            OTelSdkError::AlreadyShutdown => f.write_str("it has been stopped"),
            OTelSdkError::Timeout(limit) => write!(f, "no answer within {limit:?}"),
            OTelSdkError::InternalFailure(cause) => f.write_str(cause),
        }
    }
}
