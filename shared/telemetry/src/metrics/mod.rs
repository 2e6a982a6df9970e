//! Metrics: counted by OpenTelemetry's instruments, read by Prometheus at `/metrics` and by whatever else is attached.
//!
//! - There is no global provider: each service holds a [`Metrics`] and hands it to its parts.
//! - Every name, label and label value stands once, in [`definitions`] and [`labels`]; `docs/metrics.md` is made from them.
//! - Whatever can be counted is there from the start, with zero: an alert never waits for the first event.
//! - Labels are bounded: no text of a client becomes one.
//! - On the road of a call instruments are bound to their labels beforehand, so that a count is an atomic addition.

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

/// Series of one metric beyond which new ones are counted together, under `otel.metric.overflow`: more than there are RPCs
/// and codes.
const MOST_SERIES: usize = 1_024;

/// The metrics of one service. Cheap to clone; clones count together.
#[derive(Clone)]
pub struct Metrics {
    provider: SdkMeterProvider,
    meter: Meter,
    registry: Registry,
}

impl Metrics {
    /// Metrics of the service that `resource` describes, to be read as text and by whatever readers `extend` adds.
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
        process::observe(&metrics);
        metrics
    }

    /// Metrics of the service `name` in this version, to be read as text only.
    #[must_use]
    pub fn of_service(name: &'static str, version: &'static str) -> Self {
        Self::start(resource(name, version), |builder| builder).naming(name, version)
    }

    /// Metrics of the service `name` in this version, which `resource` describes, to be read by `reader` too.
    pub(crate) fn pushed(
        (name, version): (&'static str, &'static str),
        resource: Resource,
        reader: impl MetricReader,
    ) -> Self {
        let metrics = Self::start(resource, |builder| builder.with_reader(reader));
        metrics.naming(name, version)
    }

    /// Tells what runs.
    fn naming(self, name: &'static str, version: &'static str) -> Self {
        self.gauge(&definitions::BUILD_INFO, move || {
            let labels = [
                KeyValue::new("service", name),
                KeyValue::new("version", version),
            ];
            vec![(1.0, labels.to_vec())]
        });
        self
    }

    /// Metrics that nobody reads: what is counted is forgotten, and costs next to nothing.
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

    /// What gives all of them to their readers.
    pub(crate) fn provider(&self) -> SdkMeterProvider {
        self.provider.clone()
    }

    /// Pushes what the added readers have not pushed yet. Blocks until they have; not for a thread of the runtime.
    ///
    /// # Errors
    /// What an exporter says.
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

    /// A distribution without labels, or with the given ones, whose names the definition has.
    pub fn histogram(&self, definition: &Definition, labels: &[KeyValue]) -> BoundHistogram<f64> {
        self.distribution(definition).bind(labels)
    }

    /// A counter with the given labels.
    pub fn count(&self, definition: &Definition, labels: &[KeyValue]) -> BoundCounter<u64> {
        let bound = self.counter(definition).bind(labels);
        bound.add(0);
        bound
    }

    /// A number that goes up and down, with the given labels.
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

    /// A gauge that is read when somebody asks: what `read` gives, with the labels of each value.
    pub fn gauge(
        &self,
        definition: &Definition,
        read: impl Fn() -> Vec<(f64, Vec<KeyValue>)> + Send + Sync + 'static,
    ) {
        debug_assert_eq!(definition.kind, Kind::Gauge, "{}", definition.name);
        let _kept_by_the_provider = self
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

    /// A count that is kept elsewhere, read when somebody asks.
    pub fn total(
        &self,
        definition: &Definition,
        read: impl Fn() -> Vec<(f64, Vec<KeyValue>)> + Send + Sync + 'static,
    ) {
        debug_assert_eq!(definition.kind, Kind::Counter, "{}", definition.name);
        let _kept_by_the_provider = self
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

    /// A counter whose labels are known with each count only.
    #[must_use]
    pub fn counter(&self, definition: &Definition) -> Counter<u64> {
        debug_assert_eq!(definition.kind, Kind::Counter, "{}", definition.name);
        self.meter
            .u64_counter(definition.name)
            .with_unit(definition.unit)
            .with_description(definition.help)
            .build()
    }

    /// A distribution whose labels are known with each value only.
    #[must_use]
    pub fn distribution(&self, definition: &Definition) -> Histogram<f64> {
        debug_assert_eq!(definition.kind, Kind::Histogram, "{}", definition.name);
        self.meter
            .f64_histogram(definition.name)
            .with_unit(definition.unit)
            .with_description(definition.help)
            .with_boundaries(definitions::SECONDS.to_vec())
            .build()
    }
}

/// What names a service to whoever collects telemetry.
#[must_use]
pub fn resource(name: &'static str, version: &'static str) -> Resource {
    Resource::builder_empty()
        .with_service_name(name)
        .with_attribute(KeyValue::new("service.version", version))
        .build()
}

/// Bounds the memory of every instrument, which takes room for as many series at once.
fn bounded(_of: &Instrument) -> Option<Stream> {
    let stream = Stream::builder().with_cardinality_limit(MOST_SERIES);
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
        self.bound[value.number()].add(1);
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
