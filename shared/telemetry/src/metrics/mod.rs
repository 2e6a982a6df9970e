//! Metrics: counted by OpenTelemetry's instruments, read by Prometheus at `/metrics` and by other readers, such as the push to a collector.
//!
//! - There is no global provider: each service holds a [`Metrics`] and passes it to its parts.
//! - Every name, label and label value is written once, in [`definitions`] and [`labels`]; `docs/metrics.md` is made from them.
//! - Every counter exists from the start, with the value zero, so that an alert does not wait for the first event.
//! - Label values are bounded: no text of a client becomes one.
//! - Instruments that count calls are bound to their labels in advance, so that counting is an atomic addition.

pub mod definitions;
pub mod labels;
mod process;

use std::{borrow::Cow, fmt};

use opentelemetry::metrics::{Meter, MeterProvider as _};
pub use opentelemetry::{
    KeyValue,
    metrics::{BoundCounter, BoundHistogram, BoundUpDownCounter, Counter, Histogram},
};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkError,
    metrics::{Instrument, MeterProviderBuilder, SdkMeterProvider, Stream, reader::MetricReader},
};
use prometheus::{Registry, TextEncoder};

use self::{
    definitions::{Definition, Kind},
    labels::Label,
};

/// The content type of [`Metrics::text`].
pub const TEXT: &str = prometheus::TEXT_FORMAT;

/// The most series of one metric; further ones are counted together, under `otel.metric.overflow`. There are fewer pairs of RPC
/// and code.
const MAX_SERIES: usize = 1_024;

/// The metrics of one service. Cheap to clone; clones count together.
#[derive(Clone)]
pub struct Metrics {
    provider: SdkMeterProvider,
    meter: Meter,
    registry: Registry,
}

impl Metrics {
    /// Metrics of the service that `resource` describes, to be read as text and by the readers that `extend` adds.
    ///
    /// # Panics
    /// Never: the registry is new, so nothing can be registered twice.
    #[must_use]
    pub fn start(
        resource: Resource,
        extend: impl FnOnce(MeterProviderBuilder) -> MeterProviderBuilder,
    ) -> Self {
        let registry = Registry::new();
        let exporter = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .scope_info_enabled(false)
            .build()
            .expect("the registry is new");
        let builder = SdkMeterProvider::builder()
            .with_resource(resource)
            .with_view(bounded)
            .with_reader(exporter);
        let metrics = Self::of(extend(builder).build(), registry);
        process::register(&metrics);
        metrics
    }

    /// Metrics of the service `name` in this version, to be read as text only.
    #[must_use]
    pub fn of_service(name: &'static str, version: &'static str) -> Self {
        Self::start(resource(name, version), |builder| builder).with_build_info(name, version)
    }

    /// Metrics of the service `name` in this version, which `resource` describes, to be read by `reader` too.
    pub(crate) fn pushed(
        (name, version): (&'static str, &'static str),
        resource: Resource,
        reader: impl MetricReader,
    ) -> Self {
        let metrics = Self::start(resource, |builder| builder.with_reader(reader));
        metrics.with_build_info(name, version)
    }

    /// Adds the metric that shows which service and version runs.
    fn with_build_info(self, name: &'static str, version: &'static str) -> Self {
        self.gauge(&definitions::BUILD_INFO, move || {
            let labels = [
                KeyValue::new("service", name),
                KeyValue::new("version", version),
            ];
            vec![(1.0, labels.to_vec())]
        });
        self
    }

    /// Metrics without a reader: counting has no effect and costs next to nothing.
    #[must_use]
    pub fn off() -> Self {
        let nothing = Resource::builder_empty().build();
        let provider = SdkMeterProvider::builder().with_resource(nothing).build();
        Self::of(provider, Registry::new())
    }

    fn of(provider: SdkMeterProvider, registry: Registry) -> Self {
        Self {
            meter: provider.meter("tandem"),
            provider,
            registry,
        }
    }

    /// All series as Prometheus reads them (text format 0.0.4).
    #[must_use]
    pub fn text(&self) -> String {
        let families = self.registry.gather();
        match TextEncoder::new().encode_to_string(&families) {
            Ok(text) => text,
            Err(error) => {
                tracing::error!(%error, "the metrics cannot be written");
                String::new()
            }
        }
    }

    /// The provider that gives the metrics to their readers.
    pub(crate) fn provider(&self) -> SdkMeterProvider {
        self.provider.clone()
    }

    /// Pushes what the added readers have not pushed yet. Blocks until they have, so it must not run on a thread of the runtime.
    ///
    /// # Errors
    /// The error of an exporter.
    pub fn flush(&self) -> Result<(), OTelSdkError> {
        self.provider.force_flush()
    }

    /// A counter for each value of a label.
    #[must_use]
    pub fn counters<L: Label>(&self, definition: &Definition) -> CounterBy<L> {
        let counter = self.counter(definition);
        let bind = |value: &&'static str| {
            let bound = counter.bind(&[KeyValue::new(L::NAME, *value)]);
            bound.add(0);
            bound
        };
        CounterBy {
            bound: L::VALUES.iter().map(bind).collect(),
            label: std::marker::PhantomData,
        }
    }

    /// A histogram with the given labels, whose names are in the definition.
    pub fn histogram(&self, definition: &Definition, labels: &[KeyValue]) -> BoundHistogram<f64> {
        self.distribution(definition).bind(labels)
    }

    /// A counter with the given labels.
    pub fn count(&self, definition: &Definition, labels: &[KeyValue]) -> BoundCounter<u64> {
        let bound = self.counter(definition).bind(labels);
        bound.add(0);
        bound
    }

    /// A gauge that is counted up and down, with the given labels.
    pub fn level(&self, definition: &Definition, labels: &[KeyValue]) -> BoundUpDownCounter<i64> {
        debug_assert_eq!(definition.kind, Kind::Gauge, "{}", definition.name);
        let counter = self.meter.i64_up_down_counter(definition.name);
        let bound = counter
            .with_unit(definition.unit)
            .with_description(definition.help)
            .build()
            .bind(labels);
        bound.add(0);
        bound
    }

    /// A gauge that is computed when the metrics are read: `read` gives its values, each with its labels.
    pub fn gauge(
        &self,
        definition: &Definition,
        read: impl Fn() -> Vec<(f64, Vec<KeyValue>)> + Send + Sync + 'static,
    ) {
        debug_assert_eq!(definition.kind, Kind::Gauge, "{}", definition.name);
        let _registered = self
            .meter
            .f64_observable_gauge(definition.name)
            .with_unit(definition.unit)
            .with_description(definition.help)
            .with_callback(move |observer| {
                for (value, labels) in read() {
                    observer.observe(value, &labels);
                }
            })
            .build();
    }

    /// A counter that is kept elsewhere: `read` gives its values when the metrics are read.
    pub fn total(
        &self,
        definition: &Definition,
        read: impl Fn() -> Vec<(f64, Vec<KeyValue>)> + Send + Sync + 'static,
    ) {
        debug_assert_eq!(definition.kind, Kind::Counter, "{}", definition.name);
        let _registered = self
            .meter
            .f64_observable_counter(definition.name)
            .with_unit(definition.unit)
            .with_description(definition.help)
            .with_callback(move |observer| {
                for (value, labels) in read() {
                    observer.observe(value, &labels);
                }
            })
            .build();
    }

    /// A counter whose labels are given with each count.
    #[must_use]
    pub fn counter(&self, definition: &Definition) -> Counter<u64> {
        debug_assert_eq!(definition.kind, Kind::Counter, "{}", definition.name);
        self.meter
            .u64_counter(definition.name)
            .with_unit(definition.unit)
            .with_description(definition.help)
            .build()
    }

    /// A histogram whose labels are given with each value.
    #[must_use]
    pub fn distribution(&self, definition: &Definition) -> Histogram<f64> {
        debug_assert_eq!(definition.kind, Kind::Histogram, "{}", definition.name);
        self.meter
            .f64_histogram(definition.name)
            .with_unit(definition.unit)
            .with_description(definition.help)
            .with_boundaries(definition.bounds().to_vec())
            .build()
    }
}

/// The resource that names a service in exported telemetry.
#[must_use]
pub fn resource(name: &'static str, version: &'static str) -> Resource {
    Resource::builder_empty()
        .with_service_name(name)
        .with_attribute(KeyValue::new("service.version", version))
        .build()
}

/// Bounds the memory of every instrument.
fn bounded(_instrument: &Instrument) -> Option<Stream> {
    let stream = Stream::builder().with_cardinality_limit(MAX_SERIES);
    stream.build().ok()
}

/// A counter for each value of the label `L`.
#[derive(Debug, Clone)]
pub struct CounterBy<L> {
    bound: Vec<BoundCounter<u64>>,
    label: std::marker::PhantomData<L>,
}

impl<L: Label> CounterBy<L> {
    /// Counts one.
    pub fn add(&self, value: L) {
        self.add_many(value, 1);
    }

    /// Counts `count`.
    pub fn add_many(&self, value: L, count: u64) {
        self.bound[value.number()].add(count);
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// A label with its value.
#[must_use]
pub fn label(name: &'static str, value: impl Into<Cow<'static, str>>) -> KeyValue {
    KeyValue::new(name, value.into())
}
