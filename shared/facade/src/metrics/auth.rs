//! Temporary home.

use ::telemetry::metrics::definitions::{LabelDefinition, exposed_by};

::telemetry::metric_labels! {
    /// How a sign-in ended.
    SignIn = "result" {
        /// A session began.
        Ok = "ok",
        /// The email or the password is wrong, or the account is closed.
        Wrong = "wrong",
        /// A limit stood against it.
        Throttled = "throttled",
        /// It was not the caller's fault.
        Failed = "failed",
    }

    /// How a sign-up ended.
    SignUp = "result" {
        /// An account was made.
        Ok = "ok",
        /// The address has an account.
        Taken = "taken",
        /// A limit stood against it.
        Throttled = "throttled",
        /// It was not the caller's fault.
        Failed = "failed",
    }

    /// How a refresh ended.
    Refresh = "outcome" {
        /// The session moved on.
        Rotated = "rotated",
        /// The same attempt again; it got the same pair.
        Retried = "retried",
        /// Another call of the same client was first; it got the same pair.
        Concurrent = "concurrent",
        /// A token that somebody else has used: its session was ended.
        Reused = "reused",
        /// The session had been ended.
        Revoked = "revoked",
        /// The session's time was over.
        Expired = "expired",
        /// Not one of this service's tokens.
        Invalid = "invalid",
        /// A limit stood against it.
        Throttled = "throttled",
        /// It was not the caller's fault.
        Failed = "failed",
    }

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
        /// The line for password hashing.
        Hashing = "hashing",
    }
}

::telemetry::metric_definitions! {
    SIGN_INS = Counter "tandem.auth.sign_ins" ["{sign_in}"] { LabelDefinition::of::<SignIn>() } by exposed_by::AUTH =>
        "Sign-ins with a password.";
    SIGN_UPS = Counter "tandem.auth.sign_ups" ["{sign_up}"] { LabelDefinition::of::<SignUp>() } by exposed_by::AUTH =>
        "Sign-ups.";
    REFRESHES = Counter "tandem.auth.refreshes" ["{refresh}"] { LabelDefinition::of::<Refresh>() } by exposed_by::AUTH =>
        "Refreshes of tokens. `reused` is a stolen token, or a client that kept an old one.";
    THROTTLED = Counter "tandem.auth.throttled" ["{attempt}"] { LabelDefinition::of::<Limit>() } by exposed_by::AUTH =>
        "Attempts that were refused because of a limit.";
    HASHING_THREADS = Gauge "tandem.auth.hashing.threads" ["{thread}"] { } by exposed_by::AUTH =>
        "Threads that hash passwords.";
    HASHING_BUSY = Gauge "tandem.auth.hashing.busy" ["{thread}"] { } by exposed_by::AUTH =>
        "Threads that hash a password now.";
    HASHING_QUEUED = Gauge "tandem.auth.hashing.queued" ["{password}"] { LabelDefinition::free("line", "`known` for known devices, `anyone`") } by exposed_by::AUTH =>
        "Passwords that wait for a thread.";
    HASHING_WAIT = Histogram "tandem.auth.hashing.wait" ["s"] { } by exposed_by::AUTH =>
        "Time a password waited for a thread.";
    HASHING_DURATION = Histogram "tandem.auth.hashing.duration" ["s"] { } by exposed_by::AUTH =>
        "Time a thread took for a password.";
    KEYS_AGE = Gauge "tandem.auth.signing_keys.age" ["s"] { } by exposed_by::AUTH =>
        "Time since the signing keys were last read from the database, or since the start.";
    KEYS_PUBLISHED = Gauge "tandem.auth.signing_keys.published" ["{key}"] { } by exposed_by::AUTH =>
        "Keys that verify tokens.";
    FEED_SUBSCRIBERS = Gauge "tandem.revocations.subscribers" ["{verifier}"] { } by exposed_by::AUTH =>
        "Verifiers that read this replica's feed of revocations.";
    FEED_LOOK_AGE = Gauge "tandem.revocations.published.age" ["s"] { } by exposed_by::AUTH =>
        "Time since this replica last read the revocations, or since the start. Heartbeats stop with it.";
}
