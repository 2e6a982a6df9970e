//! The gauges of lanes. They do not keep the lanes alive.

use std::sync::Arc;

use telemetry::metrics::{Metrics, definitions::Definition, label};

use crate::State;
use crate::inner::LanesInner;
use crate::metrics::{DATABASE_CONNECTED, DATABASE_LANES, DATABASE_QUEUED, DATABASE_UP, LANES};

/// Reads a value.
type Read = fn(&LanesInner) -> usize;

/// Registers the gauges in `metrics`. They have no value after the lanes are dropped.
pub(super) fn register(inner: &Arc<LanesInner>, metrics: &Metrics, name: &'static str) {
    let gauges: [(&Definition, Read); 4] = [
        (&DATABASE_UP, |lanes| {
            usize::from(lanes.status.state() == State::Up)
        }),
        (&DATABASE_LANES, |lanes| lanes.settings.lanes),
        (&DATABASE_CONNECTED, |lanes| lanes.status.connected()),
        (&DATABASE_QUEUED, |lanes| lanes.queue.len()),
    ];
    for (definition, read) in gauges {
        let lanes = Arc::downgrade(inner);
        metrics.gauge(definition, move || {
            let value = lanes.upgrade().map(|lanes| read(&lanes));
            let value = value.and_then(|value| u32::try_from(value).ok());
            let sample = value.map(|value| (f64::from(value), vec![label(LANES, name)]));
            sample.into_iter().collect()
        });
    }
}
