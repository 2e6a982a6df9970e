//! What an operator may set. `default.toml` holds the defaults, with their meaning for operators.

use std::{net::SocketAddr, time::Duration};

use http::Uri;
use shared::{
    config::{
        Listing, Log, Problems, Settings, Source, Telemetry, WebOrigin, listen, log, telemetry,
    },
    connections::{ConnectionLimits, Protocols},
    healthcheck::Asked,
    ops,
    tls::{ClientTls, ServerTls, listener_tls, upstream_tls},
};

/// The section of the gateway's settings.
pub const SECTION: &str = "gateway";

/// The embedded `default.toml`.
pub const DEFAULTS: &str = include_str!("../default.toml");

/// The largest value of [`Config::request_limit`]: 2 MiB, what the services accept for a batch.
pub const REQUEST_LIMIT_CEILING: usize = 2 * 1024 * 1024;

const MILLISECOND: Duration = Duration::from_millis(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// The settings of a gateway.
#[derive(Debug, Clone)]
pub struct Config {
    /// How it logs.
    pub log: Log,
    /// What it exports.
    pub telemetry: Telemetry,
    /// Where to listen.
    pub listen: SocketAddr,
    /// The replicas of the auth service, at least one: `http` or `https`, host and port of each.
    pub auth_upstream: Vec<Uri>,
    /// The replicas of the task service, likewise.
    pub task_upstream: Vec<Uri>,
    /// Time between two looks at which addresses the names of upstreams stand for: 100 ms to 1 h.
    pub resolve_interval: Duration,
    /// Origins of other sites whose pages may call. Empty: only pages of the gateway's own origin.
    pub cors_origins: Vec<WebOrigin>,
    /// Bytes of one request message, without framing and after base64: 1 to [`REQUEST_LIMIT_CEILING`].
    pub request_limit: usize,
    /// The longest a unary call may take from the arrival of its headers, whatever `grpc-timeout` asks for: 1 ms to
    /// 10 min. A streaming call must begin to answer within it.
    pub deadline: Duration,
    /// The longest the body of a request may take to arrive: 1 ms to 10 min.
    pub body_timeout: Duration,
    /// The longest a connection to a service may take to open: 1 ms to 1 min.
    pub connect_timeout: Duration,
    /// The longest `GET /health` waits for a service: 1 ms to 1 min.
    pub health_timeout: Duration,
    /// Calls in flight on all connections together: 1 to 1,000,000. More are refused with OVERLOADED.
    pub max_in_flight: usize,
    /// What connections are held to. Its keepalive is that of connections to the services too.
    pub connections: ConnectionLimits,
    /// TLS towards browsers; none is plaintext.
    pub tls: Option<ServerTls>,
    /// TLS towards the services, if the address of one is `https`.
    pub upstream_tls: Option<ClientTls>,
    /// How long a gateway that was asked to stop goes on as before, but for `GET /health`: up to 1 h.
    pub pause: Duration,
    /// The longest a stop waits for calls in flight after that: up to 1 h.
    pub drain: Duration,
    /// The operations port.
    pub ops: ops::Settings,
    /// All of it as it may be shown, secrets left out.
    pub listing: Listing,
}

impl Config {
    /// Where a process finds its settings.
    #[must_use]
    pub fn source() -> Source<'static> {
        Source::of_process(&[DEFAULTS], &[SECTION])
    }

    /// The settings of a gateway.
    ///
    /// # Errors
    /// Every problem of the configuration at once.
    pub fn load(source: Source<'_>) -> Result<Self, Problems> {
        let mut settings = Settings::load(source);
        let config = Self::read(&mut settings);
        settings.finish(|| config)
    }

    /// Where the process of these settings is asked whether it is ready.
    #[must_use]
    pub fn asked(&self) -> Asked {
        Asked {
            listen: self.listen,
            tls: self.tls.clone(),
            ops: self.ops.clone(),
        }
    }

    /// Reads `gateway.*`, `log.*` and `telemetry.*`. None after noting what is wrong.
    pub fn read(settings: &mut Settings) -> Option<Self> {
        let log = log(settings);
        let telemetry = telemetry(settings);
        let listen = listen(settings, SECTION);
        let auth_upstream = upstream(settings, "gateway.auth_upstream");
        let task_upstream = upstream(settings, "gateway.task_upstream");
        let upstreams = [
            ("gateway.auth_upstream", auth_upstream.as_deref()),
            ("gateway.task_upstream", task_upstream.as_deref()),
        ];
        let upstream_tls = upstream_tls(settings, SECTION, &upstreams);
        let tls = listener_tls(settings, SECTION, Protocols::Http2AndHttp1);
        let resolve_interval =
            settings.get_within("gateway.resolve_interval", 100 * MILLISECOND..=HOUR);
        let cors_origins = settings.get("gateway.cors_origins");
        let request_limit = settings.get_within("gateway.request_limit", 1..=REQUEST_LIMIT_CEILING);
        let client = MILLISECOND..=10 * MINUTE;
        let deadline = settings.get_within("gateway.deadline", client.clone());
        let body_timeout = settings.get_within("gateway.body_timeout", client);
        let service = MILLISECOND..=MINUTE;
        let connect_timeout = settings.get_within("gateway.connect_timeout", service.clone());
        let health_timeout = settings.get_within("gateway.health_timeout", service);
        let max_in_flight = settings.get_within("gateway.max_in_flight", 1..=1_000_000);
        let connections = shared::config::connections(settings, SECTION, deadline);
        let pause = settings.get_within("gateway.pause", Duration::ZERO..=HOUR);
        let drain = settings.get_within("gateway.drain", Duration::ZERO..=HOUR);
        let ops = shared::config::ops(settings, SECTION);
        Some(Self {
            ops: ops?,
            log: log?,
            telemetry: telemetry?,
            listen: listen?,
            auth_upstream: auth_upstream?,
            task_upstream: task_upstream?,
            resolve_interval: resolve_interval?,
            cors_origins: cors_origins?,
            request_limit: request_limit?,
            deadline: deadline?,
            body_timeout: body_timeout?,
            connect_timeout: connect_timeout?,
            health_timeout: health_timeout?,
            max_in_flight: max_in_flight?,
            connections: connections?,
            tls: tls?,
            upstream_tls: upstream_tls?,
            pause: pause?,
            drain: drain?,
            listing: settings.listing_for(SECTION),
        })
    }
}

/// A service's replicas. An RPC's path stands at the root.
fn upstream(settings: &mut Settings, key: &str) -> Option<Vec<Uri>> {
    let uris: Vec<Uri> = settings.get(key)?;
    let bare = |uri: &Uri| uri.path_and_query().is_none_or(|path| path == "/");
    if !uris.is_empty() && uris.iter().all(bare) {
        Some(uris)
    } else {
        settings.refuse(key, "must be http or https, host and port only");
        None
    }
}
