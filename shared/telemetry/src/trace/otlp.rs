//! The way out: OTLP over gRPC to a collector, on a runtime of its own.
//!
//! Nothing here runs on the runtime that serves calls, and [`Otlp::stop`] waits on the thread that calls it: it comes to its end
//! within its limit on any runtime, whatever the collector does.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{
    ExporterBuildError, MetricExporter, SpanExporter, WithExportConfig as _, WithTonicConfig as _,
};
use opentelemetry_sdk::{
    Resource,
    metrics::{PeriodicReader, SdkMeterProvider},
    trace::{Sampler, SdkTracerProvider, SpanExporter as _},
};
use tokio::runtime::{Builder, Handle, Runtime};
use tonic::{
    metadata::MetadataMap,
    transport::{Channel, ClientTlsConfig, Endpoint},
};

use super::{
    Tracer, Tracing,
    metrics::Metrics as Pushed,
    queue::{Delivery, Queue},
    sampling::Sampling,
};
use crate::settings::{OtlpSettings, Telemetry};

/// Delivers one service's queue, within a time; whether it could.
type Flush = Arc<dyn Fn(Duration) -> bool + Send + Sync>;
/// Something to be done at the end.
type Last = Box<dyn FnOnce() + Send>;

/// Why telemetry cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The operating system gives no thread.
    #[error("no thread could be started for telemetry")]
    Thread(#[from] std::io::Error),
    /// The collector's address cannot be used.
    #[error("the address of the collector cannot be used")]
    Endpoint(#[from] tonic::transport::Error),
    /// The exporter does not take its settings.
    #[error("the exporter of telemetry cannot be made")]
    Exporter(#[from] ExporterBuildError),
}

/// What this process exports: nothing, unless a collector is configured.
#[derive(Debug, Default)]
pub struct Otlp(Option<Export>);

struct Export {
    settings: Telemetry,
    otlp: OtlpSettings,
    runtime: Option<Runtime>,
    channel: Channel,
    instance: String,
    queues: Mutex<Vec<(Flush, Arc<AtomicU64>)>>,
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
    /// Makes ready to export as `settings` say. It connects when there is something to deliver, and again when it must; logging
    /// should have been started before.
    pub fn start(settings: &Telemetry) -> Result<Self, StartError> {
        let Some(otlp) = settings.otlp.clone() else {
            return Ok(Self(None));
        };
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("telemetry")
            .enable_all()
            .build()?;
        let channel = {
            let _inside = runtime.enter();
            channel(&otlp)?
        };
        Ok(Self(Some(Export {
            instance: settings.instance.clone().unwrap_or_else(random_uuid),
            settings: settings.clone(),
            otlp,
            runtime: Some(runtime),
            channel,
            queues: Mutex::default(),
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

    /// Who tells: the resource of everything that is exported in the name of `service`.
    #[must_use]
    pub fn resource(&self, service: &'static str) -> Resource {
        match &self.0 {
            Some(export) => export.resource(service),
            None => Resource::builder_empty().with_service_name(service).build(),
        }
    }

    /// The metrics of the service of this name and version: counted if they are `shown` on an operations port, or if a collector
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

    /// A reader that pushes metrics to the collector too, for the builder of a meter provider; none when that is off. Give the
    /// provider to [`Self::hold`], so that it is flushed at the end.
    pub fn metric_reader(&self) -> Result<Option<PeriodicReader<Pushed>>, StartError> {
        self.0.as_ref().map(Export::metric_reader).transpose()
    }

    /// Flushes these metrics at the end, too.
    pub fn hold(&self, meters: SdkMeterProvider) {
        if let Some(export) = &self.0 {
            locked(&export.meters).push(meters);
        }
    }

    /// Delivers all that waits, for at most the configured time. Blocks the thread.
    pub fn flush(&self) {
        if let Some(export) = &self.0 {
            export.deliver(|meters| drop(meters.force_flush()));
        }
    }

    /// Delivers what waits, for at most the configured time, and ends. Blocks the thread; spans that end later are not delivered.
    pub fn stop(self) {
        drop(self);
    }
}

impl Export {
    fn tracing(&self, service: &'static str) -> Result<Tracing, StartError> {
        let handle = self.handle();
        let resource = self.resource(service);
        let mut exporter = SpanExporter::builder()
            .with_tonic()
            .with_channel(self.channel.clone())
            .with_metadata(MetadataMap::from_headers(self.otlp.headers.to_map()))
            .with_timeout(self.otlp.timeout)
            .build()?;
        exporter.set_resource(&resource);
        let queue = Queue::start(&handle, exporter, self.settings.pace, self.otlp.timeout);
        locked(&self.queues).push((Arc::new(queue.flusher()), queue.dropped()));
        let provider = SdkTracerProvider::builder()
            .with_span_processor(queue)
            .with_resource(resource)
            // Spans are built for calls that have been chosen already.
            .with_sampler(Sampler::AlwaysOn)
            .build();
        Ok(Tracing(Some(Arc::new(Tracer {
            sdk: provider.tracer("tandem"),
            sampling: Sampling::new(self.settings.ratio, self.settings.asked_per_second),
        }))))
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

    fn metric_reader(&self) -> Result<PeriodicReader<Pushed>, StartError> {
        let exporter = MetricExporter::builder()
            .with_tonic()
            .with_channel(self.channel.clone())
            .with_metadata(MetadataMap::from_headers(self.otlp.headers.to_map()))
            .with_timeout(self.otlp.timeout)
            .build()?;
        let metrics = Pushed {
            exporter,
            runtime: self.handle(),
            limit: self.otlp.timeout,
            delivery: Delivery::of("metrics"),
        };
        let reader = PeriodicReader::builder(metrics);
        Ok(reader.with_interval(self.settings.metrics_pace).build())
    }

    fn handle(&self) -> Handle {
        let runtime = self.runtime.as_ref();
        runtime
            .expect("it is taken when this is dropped")
            .handle()
            .clone()
    }

    /// All at once, each on a thread of its own: those that hang are left behind when the time is over.
    fn deliver(&self, read_out: fn(SdkMeterProvider)) {
        let limit = self.otlp.timeout;
        let until = Instant::now() + limit;
        let queues = locked(&self.queues).clone();
        let queues = queues.into_iter().map(|(flush, _)| -> Last {
            Box::new(move || {
                let _in_time = flush(limit);
            })
        });
        let meters = locked(&self.meters).clone();
        let meters = meters
            .into_iter()
            .map(|meters| -> Last { Box::new(move || read_out(meters)) });
        let (done, is_done) = mpsc::channel::<()>();
        for last in queues.chain(meters) {
            let done = done.clone();
            thread::spawn(move || {
                last();
                drop(done);
            });
        }
        drop(done);
        // Disconnected when the last one has ended.
        let left = until.saturating_duration_since(Instant::now());
        if is_done.recv_timeout(left) == Err(mpsc::RecvTimeoutError::Timeout) {
            tracing::warn!(
                ?limit,
                "the collector did not take the last telemetry in time"
            );
        }
    }
}

/// Nothing of it waits longer than the limit: the runtime is left to itself.
impl Drop for Export {
    fn drop(&mut self) {
        // After their shutdown nothing of the meters waits for the collector when they are dropped, wherever that is.
        self.deliver(|meters| drop(meters.shutdown()));
        let dropped: u64 = locked(&self.queues)
            .iter()
            .map(|(_, dropped)| dropped.load(Ordering::Relaxed))
            .sum();
        if dropped > 0 {
            tracing::warn!(dropped, "spans were dropped because their queue was full");
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Opens when there is something to deliver. `https` is verified against the public certificate authorities.
fn channel(otlp: &OtlpSettings) -> Result<Channel, tonic::transport::Error> {
    let endpoint = Endpoint::from(otlp.endpoint.clone())
        .connect_timeout(otlp.timeout)
        .timeout(otlp.timeout);
    let endpoint = match otlp.endpoint.scheme_str() {
        Some("https") => endpoint.tls_config(ClientTlsConfig::new().with_enabled_roots())?,
        _ => endpoint,
    };
    Ok(endpoint.connect_lazy())
}

fn random_uuid() -> String {
    let mut random = [0; 16];
    aws_lc_rs::rand::fill(&mut random).expect("the operating system gives random bytes");
    uuid::Builder::from_random_bytes(random)
        .into_uuid()
        .to_string()
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A list that is pushed to is never half-way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
