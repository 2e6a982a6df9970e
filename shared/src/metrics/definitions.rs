//! Every metric, once: its name, what it counts, its labels. `docs/metrics.md` is made from this table, and a test holds the
//! dashboard, the alert rules and what the services really expose to it.
//!
//! Calls follow the semantic conventions of OpenTelemetry for RPC (schema 1.42: `rpc.response.status_code`; later drafts call
//! it `rpc.status_code`).

use super::labels::{Drop, Label, Limit, Refresh, Refused, Route, SignIn, SignUp, Token, Upstream};
use crate::reason::Reason;

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, until the process ends.
    Counter,
    /// It goes up and down.
    Gauge,
    /// A distribution.
    Histogram,
}

/// A label of a metric.
#[derive(Debug, Clone, Copy)]
pub struct LabelDefinition {
    /// As OpenTelemetry calls it.
    pub name: &'static str,
    /// Its values; none where they are said in `means`.
    pub values: &'static [&'static str],
    /// What the values are, where they are not listed.
    pub means: &'static str,
}

/// A metric.
#[derive(Debug, Clone, Copy)]
pub struct Definition {
    /// As OpenTelemetry calls it.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// In UCUM, as OpenTelemetry wants it: `s`, `By`, or an annotation such as `{call}`.
    pub unit: &'static str,
    /// What it tells.
    pub help: &'static str,
    /// By what it is told apart.
    pub labels: &'static [LabelDefinition],
    /// Which services tell it.
    pub told_by: &'static [&'static str],
}

impl Definition {
    /// As Prometheus calls it. A histogram has `_bucket`, `_sum` and `_count` after it.
    #[must_use]
    pub fn prometheus(&self) -> String {
        let name = self.name.replace('.', "_");
        let unit = match self.unit {
            "s" => "_seconds",
            "By" => "_bytes",
            _ => "",
        };
        let total = match self.kind {
            Kind::Counter => "_total",
            Kind::Gauge | Kind::Histogram => "",
        };
        format!("{name}{unit}{total}")
    }
}

/// The bounds of every distribution, in seconds: those of the semantic conventions, and finer ones below.
pub const SECONDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// `rpc.method`.
pub const METHOD: &str = "rpc.method";
/// `rpc.response.status_code`.
pub const CODE: &str = "rpc.response.status_code";
/// `rpc.system.name`.
pub const SYSTEM: &str = "rpc.system.name";
/// `http.response.status_code`.
pub const HTTP_STATUS: &str = "http.response.status_code";
/// Whose lanes.
pub const LANES: &str = "lanes";

const ALL: &[&str] = &["auth", "task", "gateway"];
const SERVICES: &[&str] = &["auth", "task"];
const AUTH: &[&str] = &["auth"];
const TASK: &[&str] = &["task"];
const GATEWAY: &[&str] = &["gateway"];

const fn of<L: Label>() -> LabelDefinition {
    LabelDefinition {
        name: L::NAME,
        values: L::VALUES,
        means: "",
    }
}

const fn free(name: &'static str, means: &'static str) -> LabelDefinition {
    LabelDefinition {
        name,
        values: &[],
        means,
    }
}

const BY_METHOD: LabelDefinition = free(
    METHOD,
    "full name of the RPC; `_OTHER` for one that is not served",
);
const BY_CODE: LabelDefinition = free(CODE, "name of the gRPC status");
const BY_LANES: LabelDefinition = free(
    LANES,
    "`calls`; in the auth service also `feed`, the one that publishes revocations",
);

macro_rules! definitions {
    ($( $constant:ident = $kind:ident $name:literal [$unit:literal] { $($label:expr),* } by $told_by:ident: $help:literal; )+) => {
        $(
            #[doc = $help]
            pub const $constant: Definition = Definition {
                name: $name,
                kind: Kind::$kind,
                unit: $unit,
                help: $help,
                labels: &[ $( $label, )* ],
                told_by: $told_by,
            };
        )+

        /// Every metric there is.
        pub const DEFINITIONS: &[Definition] = &[ $( $constant, )+ ];
    };
}

definitions! {
    RPC_DURATION = Histogram "rpc.server.call.duration" ["s"] { free(SYSTEM, "`grpc`"), BY_METHOD, BY_CODE } by SERVICES:
        "Time from the arrival of a call to its answer, or to the end of its stream.";
    RPC_STARTED = Counter "tandem.rpc.started" ["{call}"] { BY_METHOD } by SERVICES:
        "Calls that have arrived.";
    RPC_HANDLED = Counter "tandem.rpc.handled" ["{call}"] { BY_METHOD, BY_CODE } by SERVICES:
        "Calls that have ended. A call whose client went away counts as CANCELLED.";
    RPC_IN_FLIGHT = Gauge "tandem.rpc.in_flight" ["{call}"] { BY_METHOD } by SERVICES:
        "Calls under way, open streams among them.";
    RPC_REFUSED = Counter "tandem.rpc.refused" ["{call}"] { of::<Reason>() } by SERVICES:
        "Calls that were refused, by the reason their client was told.";
    RPC_CAPACITY = Gauge "tandem.rpc.in_flight.limit" ["{call}"] { } by SERVICES:
        "Calls that may be under way at once; more are refused with OVERLOADED.";
    TOKENS_CHECKED = Counter "tandem.tokens.checked" ["{token}"] { of::<Token>() } by SERVICES:
        "Access tokens that were checked.";
    TOKENS_VERIFIED = Counter "tandem.tokens.found" ["{token}"] { free("by", "`memory`: it was verified before; `signature`: now") } by SERVICES:
        "Access tokens that were recognised, by how.";
    READY = Gauge "tandem.ready" [""] { } by ALL:
        "1 when the service is ready, else 0.";
    CONNECTIONS_ACCEPTED = Counter "tandem.connections.accepted" ["{connection}"] { } by ALL:
        "Connections of clients that were accepted.";
    CONNECTIONS_OPEN = Gauge "tandem.connections.open" ["{connection}"] { } by ALL:
        "Connections of clients that are open.";
    CONNECTIONS_REFUSED = Counter "tandem.connections.refused" ["{connection}"] { of::<Refused>() } by ALL:
        "Connections of clients that were refused or ended before their first call.";
    CERTIFICATE_EXPIRY = Gauge "tandem.tls.certificate.expire_time" ["s"] { free("role", "`server`, or `client` for the one shown to another service") } by ALL:
        "When the certificate in use expires, in Unix time. Absent without TLS.";
    DATABASE_UP = Gauge "tandem.database.up" [""] { BY_LANES } by SERVICES:
        "1 while the database can be used, else 0.";
    DATABASE_LANES = Gauge "tandem.database.lanes" ["{connection}"] { BY_LANES } by SERVICES:
        "Connections to the database that should be there.";
    DATABASE_CONNECTED = Gauge "tandem.database.connected" ["{connection}"] { BY_LANES } by SERVICES:
        "Connections to the database that are there.";
    DATABASE_BUSY = Gauge "tandem.database.busy" ["{connection}"] { BY_LANES } by SERVICES:
        "Connections to the database that run a unit of work.";
    DATABASE_QUEUED = Gauge "tandem.database.queued" ["{unit}"] { BY_LANES } by SERVICES:
        "Units of work that wait for a connection.";
    DATABASE_WAIT = Histogram "tandem.database.wait" ["s"] { BY_LANES } by SERVICES:
        "Time a unit of work waited for a connection.";
    DATABASE_UNIT = Histogram "tandem.database.unit.duration" ["s"] { BY_LANES } by SERVICES:
        "Time a unit of work took on its connection.";
    DATABASE_OPENED = Counter "tandem.database.connections.opened" ["{connection}"] { BY_LANES } by SERVICES:
        "Connections to the database that were made.";
    DATABASE_FAILED = Counter "tandem.database.connections.failed" ["{connection}"] { BY_LANES } by SERVICES:
        "Attempts to connect to the database that failed.";
    DATABASE_DROPPED = Counter "tandem.database.connections.dropped" ["{connection}"] { BY_LANES, of::<Drop>() } by SERVICES:
        "Connections to the database that were given up.";
    SIGN_INS = Counter "tandem.auth.sign_ins" ["{sign_in}"] { of::<SignIn>() } by AUTH:
        "Sign-ins with a password.";
    SIGN_UPS = Counter "tandem.auth.sign_ups" ["{sign_up}"] { of::<SignUp>() } by AUTH:
        "Sign-ups.";
    REFRESHES = Counter "tandem.auth.refreshes" ["{refresh}"] { of::<Refresh>() } by AUTH:
        "Refreshes of tokens. `reused` is a stolen token, or a client that kept an old one.";
    THROTTLED = Counter "tandem.auth.throttled" ["{attempt}"] { of::<Limit>() } by AUTH:
        "Attempts that were refused because of a limit.";
    HASHING_THREADS = Gauge "tandem.auth.hashing.threads" ["{thread}"] { } by AUTH:
        "Threads that hash passwords.";
    HASHING_BUSY = Gauge "tandem.auth.hashing.busy" ["{thread}"] { } by AUTH:
        "Threads that hash a password now.";
    HASHING_QUEUED = Gauge "tandem.auth.hashing.queued" ["{password}"] { free("line", "`known` for known devices, `anyone`") } by AUTH:
        "Passwords that wait for a thread.";
    HASHING_WAIT = Histogram "tandem.auth.hashing.wait" ["s"] { } by AUTH:
        "Time a password waited for a thread.";
    HASHING_DURATION = Histogram "tandem.auth.hashing.duration" ["s"] { } by AUTH:
        "Time a thread took for a password.";
    KEYS_AGE = Gauge "tandem.auth.signing_keys.age" ["s"] { } by AUTH:
        "Time since the signing keys were last read from the database, or since the start.";
    KEYS_PUBLISHED = Gauge "tandem.auth.signing_keys.published" ["{key}"] { } by AUTH:
        "Keys that verify tokens.";
    FEED_SUBSCRIBERS = Gauge "tandem.revocations.subscribers" ["{verifier}"] { } by AUTH:
        "Verifiers that read this replica's feed of revocations.";
    FEED_LOOK_AGE = Gauge "tandem.revocations.published.age" ["s"] { } by AUTH:
        "Time since this replica last read the revocations, or since the start. Heartbeats stop with it.";
    FEED_AGE = Gauge "tandem.revocations.feed.age" ["s"] { } by TASK:
        "Time since the feed last proved that every revocation is known, or since the start.";
    REVOCATIONS_HELD = Gauge "tandem.revocations.held" ["{revocation}"] { } by SERVICES:
        "Revocations in memory.";
    GATEWAY_REQUESTS = Counter "tandem.gateway.requests" ["{request}"] {
        of::<Route>(), free(HTTP_STATUS, "HTTP status"), free(CODE, "name of the gRPC status; `-` for what is no call")
    } by GATEWAY: "Requests that have ended. A call whose client went away has the code CANCELLED.";
    GATEWAY_DURATION = Histogram "tandem.gateway.request.duration" ["s"] { of::<Route>() } by GATEWAY:
        "Time from the headers of a request to the last byte of its answer.";
    GATEWAY_IN_FLIGHT = Gauge "tandem.gateway.in_flight" ["{request}"] { } by GATEWAY:
        "Requests under way, open streams among them.";
    GATEWAY_UPSTREAM_ERRORS = Counter "tandem.gateway.upstream.errors" ["{call}"] { of::<Upstream>() } by GATEWAY:
        "Calls that a service did not answer: it could not be reached, or the connection was lost.";
    BUILD_INFO = Gauge "tandem.build.info" [""] { free("service", "which one"), free("version", "its version") } by ALL:
        "Always 1; the labels tell what runs.";
    PROCESS_START = Gauge "process.start_time" ["s"] { } by ALL:
        "When the process began, in Unix time.";
    PROCESS_CPU = Counter "process.cpu" ["s"] { } by ALL:
        "CPU time of the process, user and system. Linux only, like the next three.";
    PROCESS_MEMORY = Gauge "process.resident_memory" ["By"] { } by ALL:
        "Memory of the process that is in RAM.";
    PROCESS_FILES = Gauge "process.open_fds" [""] { } by ALL:
        "Files and sockets that the process has open.";
    PROCESS_MOST_FILES = Gauge "process.max_fds" [""] { } by ALL:
        "Files and sockets that the process may have open.";
}
