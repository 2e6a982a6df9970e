//! The labels whose values are ours to choose, each as an enum, so that a value cannot be misspelt or made up.

use crate::reason::Reason;

/// A label with all its values.
pub trait Label: Copy + 'static {
    /// As OpenTelemetry calls it; Prometheus has `_` for each dot.
    const NAME: &'static str;
    /// Every value there is, in the order of [`Label::number`].
    const VALUES: &'static [&'static str];

    /// The place of this value in [`Label::VALUES`].
    fn number(self) -> usize;
}

macro_rules! labels {
    ($(
        $(#[$meta:meta])*
        $label:ident = $name:literal { $( $(#[$value_meta:meta])* $value:ident = $text:literal, )+ }
    )+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $label { $( $(#[$value_meta])* $value, )+ }

        impl Label for $label {
            const NAME: &'static str = $name;
            const VALUES: &'static [&'static str] = &[ $( $text, )+ ];

            fn number(self) -> usize {
                self as usize
            }
        }
    )+};
}

labels! {
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

    /// What the check of an access token found.
    Token = "result" {
        /// It is good.
        Ok = "ok",
        /// There was none.
        Missing = "missing",
        /// It is not one of ours.
        Invalid = "invalid",
        /// Its time is over.
        Expired = "expired",
        /// It was revoked.
        Revoked = "revoked",
        /// What is revoked is not known well enough, or no key is.
        Unknown = "unknown",
    }

    /// Why a database connection was given up.
    Drop = "cause" {
        /// It had its age.
        Recycled = "recycled",
        /// The server ended it, or it broke.
        Broken = "broken",
        /// A unit of work ran too long.
        Overran = "overran",
        /// A unit of work panicked.
        Panicked = "panicked",
        /// A unit of work left a transaction open.
        Unfinished = "unfinished",
        /// It did not answer while idle.
        Silent = "silent",
    }

    /// Why a connection of a client was refused.
    Refused = "cause" {
        /// As many as may be were open when the listener closed; before that, more wait.
        Full = "full",
        /// Its address has as many as it may.
        Address = "address",
        /// TLS was not agreed on in time, or at all.
        Handshake = "handshake",
        /// It said nothing in time, or nothing of HTTP.
        Silent = "silent",
    }

    /// What a request to the gateway is for.
    Route = "route" {
        /// A call to the auth service.
        Auth = "auth",
        /// A call to the task service.
        Task = "task",
        /// `GET /health`.
        Health = "health",
        /// `GET /.well-known/jwks.json`.
        Jwks = "jwks",
        /// `GET /`.
        Info = "info",
        /// A CORS preflight.
        Preflight = "preflight",
        /// Anything else.
        Other = "_OTHER",
    }

    /// A service behind the gateway.
    Upstream = "upstream" {
        /// The auth service.
        Auth = "auth",
        /// The task service.
        Task = "task",
    }
}

/// The values of `tandem.reason`, in the order of [`Reason::ALL`].
const REASONS: [&str; Reason::ALL.len()] = {
    let mut texts = [""; Reason::ALL.len()];
    let mut at = 0;
    while at < texts.len() {
        texts[at] = Reason::ALL[at].as_str();
        at += 1;
    }
    texts
};

impl Label for Reason {
    const NAME: &'static str = "reason";
    const VALUES: &'static [&'static str] = &REASONS;

    fn number(self) -> usize {
        self as usize
    }
}
