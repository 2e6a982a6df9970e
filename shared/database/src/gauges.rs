//! What can be seen of the lanes from outside, told when somebody asks. Nobody who looks keeps them alive.

use std::sync::Arc;

use super::{Shared, State};
use crate::metrics::{DATABASE_CONNECTED, DATABASE_LANES, DATABASE_QUEUED, DATABASE_UP, LANES};
use telemetry::metrics::{Metrics, definitions::Definition, label};

/// What is read of the lanes.
type Read = fn(&Shared) -> usize;

/// Tells `metrics` of these lanes for as long as they are.
pub(super) fn tell(shared: &Arc<Shared>, metrics: &Metrics, name: &'static str) {
    let gauges: [(&Definition, Read); 4] = [
        (&DATABASE_UP, |lanes| {
            usize::from(lanes.status.state() == State::Up)
        }),
        (&DATABASE_LANES, |lanes| lanes.settings.lanes),
        (&DATABASE_CONNECTED, |lanes| lanes.status.connected()),
        (&DATABASE_QUEUED, |lanes| lanes.queue.len()),
    ];
    for (definition, read) in gauges {
        let lanes = Arc::downgrade(shared);
        metrics.gauge(definition, move || {
            let value = lanes.upgrade().map(|lanes| read(&lanes));
            let value = value.and_then(|value| u32::try_from(value).ok());
            let told = value.map(|value| (f64::from(value), vec![label(LANES, name)]));
            told.into_iter().collect()
        });
    }
}
