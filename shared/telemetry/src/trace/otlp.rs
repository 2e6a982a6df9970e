//! Export of traces and metrics: OTLP over gRPC to a collector.
//!
//! Spans go through the SDK's `BatchSpanProcessor`, one for each service: a bounded queue, emptied by a thread of its own. A span
//! that ends while the queue is full is dropped; the SDK logs the first drop, and the number of drops at the end.
//!
//! [`Otlp::stop`] waits on the thread that calls it: it returns within its limit on any runtime, whatever the collector does.

use std::{
    fmt,
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_sdk::{
    Resource,
    metrics::{PeriodicReader, SdkMeterProvider},
    trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider},
};
use tracing::dispatcher;

use super::{
    Tracer, Tracing,
    collector::{Collector, StartError},
    exporters::CollectorMetricExporter,
    sampling::Sampling,
};
use crate::settings::Telemetry;

/// The most spans that wait: about 2 MiB.
const SPAN_QUEUE_LENGTH: usize = 2048;
/// The most spans of one message to the collector.
const SPAN_BATCH_SIZE: usize = 512;

/// What this process exports: nothing, unless a collector is configured.
#[derive(Debug, Default)]
pub struct Otlp(Option<Export>);

struct Export {
    settings: Telemetry,
    collector: Collector,
    instance: String,
    tracers: Mutex<Vec<SdkTracerProvider>>,
    meters: Mutex<Vec<SdkMeterProvider>>,
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export")
            .field("settings", &self.settings)
            .field("instance", &self.instance)
            .finish_non_exhaustive()
    }
}

impl Otlp {
    /// Prepares the export that `settings` describe. It connects with the first delivery. Start logging before.
    pub fn start(settings: &Telemetry) -> Result<Self, StartError> {
        let Some(otlp) = settings.otlp.clone() else {
            return Ok(Self(None));
        };
        Ok(Self(Some(Export {
            instance: settings.instance.clone().unwrap_or_else(random_uuid),
            settings: settings.clone(),
            collector: Collector::new(otlp)?,
            tracers: Mutex::default(),
            meters: Mutex::default(),
        })))
    }

    /// The tracing of the service of this name. Services that share a process each have their own.
    pub fn tracing(&self, service: &'static str) -> Result<Tracing, StartError> {
        match &self.0 {
            Some(export) => export.tracing(service),
            None => Ok(Tracing::off()),
        }
    }

    /// The resource of everything that is exported in the name of `service`.
    #[must_use]
    pub fn resource(&self, service: &'static str) -> Resource {
        match &self.0 {
            Some(export) => export.resource(service),
            None => Resource::builder_empty().with_service_name(service).build(),
        }
    }

    /// The metrics of the service of this name and version: counted if an operations port shows them (`shown`), or if a collector
    /// is configured, to which they are pushed and flushed at the end.
    pub fn metrics(
        &self,
        (name, version): (&'static str, &'static str),
        shown: bool,
    ) -> Result<crate::metrics::Metrics, StartError> {
        match self.metric_reader()? {
            Some(reader) => {
                let resource = self.resource(name);
                let metrics = crate::metrics::Metrics::pushed((name, version), resource, reader);
                self.hold(metrics.provider());
                Ok(metrics)
            }
            None if shown => Ok(crate::metrics::Metrics::of_service(name, version)),
            None => Ok(crate::metrics::Metrics::off()),
        }
    }

    /// A reader that pushes metrics to the collector, for the builder of a meter provider; none when that is off. Give the
    /// provider to [`Self::hold`], so that it is flushed at the end.
    pub fn metric_reader(
        &self,
    ) -> Result<Option<PeriodicReader<CollectorMetricExporter>>, StartError> {
        self.0.as_ref().map(Export::metric_reader).transpose()
    }

    /// Flushes these metrics at the end, too.
    pub fn hold(&self, meters: SdkMeterProvider) {
        if let Some(export) = &self.0 {
            locked(&export.meters).push(meters);
        }
    }

    /// Delivers everything that waits, for at most the configured time, and for at most 5 s where spans are concerned. Blocks the
    /// thread.
    pub fn flush(&self) {
        if let Some(export) = &self.0 {
            export.deliver(
                |tracers, _| drop(tracers.force_flush()),
                |meters| drop(meters.force_flush()),
            );
        }
    }

    /// Delivers what waits, for at most the configured time, and ends. Blocks the thread; spans that end later are not delivered.
    pub fn stop(self) {
        drop(self);
    }
}

impl Export {
    fn tracing(&self, service: &'static str) -> Result<Tracing, StartError> {
        let resource = self.resource(service);
        let exporter = self.collector.span_exporter(&resource)?;
        // All that is used is set here: the SDK reads `OTEL_BSP_*` for the rest.
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(SPAN_QUEUE_LENGTH)
            .with_max_export_batch_size(SPAN_BATCH_SIZE)
            .with_scheduled_delay(self.settings.traces_interval)
            .build();
        let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches);
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor.build())
            .with_resource(resource)
            // A span is built only for a call that is already chosen.
            .with_sampler(Sampler::AlwaysOn)
            .build();
        let sdk = provider.tracer("tandem");
        locked(&self.tracers).push(provider);
        let sampling = Sampling::new(self.settings.ratio, self.settings.asked_per_second);
        Ok(Tracing::on(Tracer { sdk, sampling }))
    }

    fn resource(&self, service: &'static str) -> Resource {
        let own = [
            ("service.namespace", "tandem".to_owned()),
            ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
            ("service.instance.id", self.instance.clone()),
        ];
        let environment = self.settings.environment.clone();
        let environment = environment.map(|name| ("deployment.environment.name", name));
        let attributes = own.into_iter().chain(environment);
        Resource::builder_empty()
            .with_service_name(service)
            .with_attributes(attributes.map(|(key, value)| KeyValue::new(key, value)))
            .build()
    }

    fn metric_reader(&self) -> Result<PeriodicReader<CollectorMetricExporter>, StartError> {
        let reader = PeriodicReader::builder(self.collector.metric_exporter()?);
        Ok(reader.with_interval(self.settings.metrics_interval).build())
    }

    /// All at once, each on a thread of its own: those that still wait when the time is over are left behind.
    fn deliver(
        &self,
        deliver_spans: fn(SdkTracerProvider, Duration),
        deliver_metrics: fn(SdkMeterProvider),
    ) {
        let limit = self.collector.settings.timeout;
        let deadline = Instant::now() + limit;
        let tracers = locked(&self.tracers).clone().into_iter();
        let tracers = tracers.map(|tracers| delivery(move || deliver_spans(tracers, limit)));
        let meters = locked(&self.meters).clone().into_iter();
        let meters = meters.map(|meters| delivery(move || deliver_metrics(meters)));
        let (running, all_done) = mpsc::channel::<()>();
        for delivery in tracers.chain(meters) {
            let running = running.clone();
            thread::spawn(move || {
                delivery();
                drop(running);
            });
        }
        drop(running);
        // Disconnected when the last one has ended.
        let left = deadline.saturating_duration_since(Instant::now());
        if all_done.recv_timeout(left) == Err(mpsc::RecvTimeoutError::Timeout) {
            tracing::warn!(
                ?limit,
                "the collector did not accept the last telemetry in time"
            );
        }
    }
}

/// After their shutdown neither tracers nor meters wait for the collector when they are dropped, wherever that is.
impl Drop for Export {
    fn drop(&mut self) {
        self.deliver(
            // Twice the time: the SDK would log its own timeout as an error beside the warning of `deliver`.
            |tracers, limit| drop(tracers.shutdown_with_timeout(limit * 2)),
            |meters| drop(meters.shutdown()),
        );
    }
}

/// `work`, with the log subscriber of the thread that calls this.
fn delivery(work: impl FnOnce() + Send + 'static) -> Box<dyn FnOnce() + Send> {
    let subscriber = dispatcher::get_default(Clone::clone);
    Box::new(move || dispatcher::with_default(&subscriber, work))
}

fn random_uuid() -> String {
    let mut random = [0; 16];
    aws_lc_rs::rand::fill(&mut random).expect("the operating system gives random bytes");
    uuid::Builder::from_random_bytes(random)
        .into_uuid()
        .to_string()
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A panic cannot leave the list half-way: it is only pushed to.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
