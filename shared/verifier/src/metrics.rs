//! The metrics of token verification.

use telemetry::metrics::definitions::{LabelDefinition, exposed_by};

telemetry::metric_definitions! {
    TOKENS_VERIFIED = Counter "tandem.tokens.found" ["{token}"] { LabelDefinition::free("by", "`memory`: it was verified before; `signature`: now") } by exposed_by::SERVICES =>
        "Access tokens that were recognised, by how.";
    FEED_AGE = Gauge "tandem.revocations.feed.age" ["s"] { } by exposed_by::TASK =>
        "Time since the feed last proved that every revocation is known, or since the start.";
    REVOCATIONS_HELD = Gauge "tandem.revocations.held" ["{revocation}"] { } by exposed_by::SERVICES =>
        "Revocations in memory.";
}
