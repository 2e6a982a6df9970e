//! What is counted about attempts that were refused.

use telemetry::metrics::definitions::{LabelDefinition, exposed_by};

telemetry::metric_labels! {
    /// Which limit of the auth service refused.
    Limit = "limit" {
        /// Passwords and sign-ups of one address.
        Address = "address",
        /// Wrong passwords for one account.
        Account = "account",
        /// Wrong passwords from one known device.
        Device = "device",
        /// Forged tokens and keys of one address.
        Tokens = "tokens",
        /// Tokens and keys of something that has ended.
        Ended = "ended",
        /// Right passwords of one account.
        Confirmed = "confirmed",
        /// The line for password hashing.
        Hashing = "hashing",
    }
}

telemetry::metric_definitions! {
    THROTTLED = Counter "tandem.auth.throttled" ["{attempt}"] { LabelDefinition::of::<Limit>() } by exposed_by::AUTH =>
        "Attempts that were refused because of a limit.";
}
