//! The settings of a gateway. `default.toml` holds the defaults and explains each setting to operators.

use std::time::Duration;

use http::Uri;
use serving::{process::ProcessSettings, settings::UNSENT_BYTES};
use settings::{Problems, Settings, Source, WebOrigin};
use tls::{ClientTls, Protocols, ServerTls, listener_tls, upstream_tls};
use transport::{connections::ConnectionLimits, network::Network};

use crate::{contact::Contact, cookies::CookieInstance};

/// The section of the gateway's settings.
pub const SECTION: &str = "gateway";

/// The embedded `default.toml`.
pub const DEFAULTS: &str = include_str!("../default.toml");

/// The largest value of [`CallLimits::request_limit`]: 2 MiB, what the services accept for a batch.
pub const REQUEST_LIMIT_CEILING: usize = 2 * 1024 * 1024;

const MILLISECOND: Duration = Duration::from_millis(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// The settings of a gateway.
#[derive(Debug, Clone)]
pub struct Config {
    /// What every process has: address, logs, telemetry, operations port.
    pub process: ProcessSettings,
    /// The services behind it.
    pub upstreams: UpstreamSettings,
    /// Whether browsers may also call the services for administrators and backends.
    pub offer_internal_services: bool,
    /// Origins of other sites whose pages may call. Empty: only pages of the gateway's own origin.
    pub cors_origins: Vec<WebOrigin>,
    /// The bounds of a call.
    pub calls: CallLimits,
    /// The limits of connections. Its keepalive also applies to the connections to the services.
    pub connections: ConnectionLimits,
    /// Proxies whose `x-forwarded-for` and `x-forwarded-proto` are believed. From other clients those headers are ignored.
    pub trusted_proxies: Vec<Network>,
    /// Tells the cookies of gateways with the same host apart. `None`: over plain http the port does.
    pub cookie_instance: Option<CookieInstance>,
    /// Whom a user of the API may ask. `None`: the descriptions have only the name of the project.
    pub contact: Option<Contact>,
    /// TLS towards browsers; `None` is plaintext.
    pub tls: Option<ServerTls>,
    /// How long the gateway continues to serve after it was asked to stop, while `GET /health` answers 503: up to 1 h.
    pub pause: Duration,
    /// How long the calls in flight may take to finish after that: up to 1 h.
    pub drain: Duration,
}

/// The services behind the gateway, and its connections to them.
#[derive(Debug, Clone)]
pub struct UpstreamSettings {
    /// The replicas of the auth service, at least one: `http` or `https`, host and port of each.
    pub auth: Vec<Uri>,
    /// The replicas of the task service, in the same form.
    pub task: Vec<Uri>,
    /// TLS towards the services, if the address of one is `https`.
    pub tls: Option<ClientTls>,
    /// The time between two lookups of the names of upstreams: 100 ms to 1 h.
    pub resolve_interval: Duration,
    /// The longest a connection to a service may take to open: 1 ms to 1 min.
    pub connect_timeout: Duration,
    /// The longest `GET /health` waits for a service: 1 ms to 1 min.
    pub health_timeout: Duration,
}

/// The bounds of a call.
#[derive(Debug, Clone)]
pub struct CallLimits {
    /// Bytes of one request message, without framing and after base64: 1 to [`REQUEST_LIMIT_CEILING`].
    pub request_limit: usize,
    /// The longest a unary call may take from the arrival of its headers, even if `grpc-timeout` allows more: 1 ms to
    /// 10 min. A streaming call must begin to answer within it.
    pub deadline: Duration,
    /// The longest the body of a request may take to arrive: 1 ms to 10 min. Until then the call has no place among those in
    /// flight.
    pub body_timeout: Duration,
    /// Calls in flight on all connections together: 1 to 1,000,000. More are refused with OVERLOADED.
    pub max_in_flight: usize,
    /// Bytes of answers that are not sent yet: 1 MiB to 1 TiB. More calls are refused with OVERLOADED.
    pub max_unsent_bytes: usize,
    /// How long after the deadline of a call its answer may still be on its way: up to 1 min. After that its stream is reset, or its
    /// connection closed.
    pub answer_grace: Duration,
    /// How many percent of the calls and of the unsent bytes one client address may have: 1 to 100. More are refused with `RATE_LIMITED`.
    pub principal_share: u8,
}

impl Config {
    /// Where a process finds its settings.
    #[must_use]
    pub fn source() -> Source<'static> {
        Source::of_process(&[telemetry::settings::DEFAULTS, DEFAULTS], &[SECTION])
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

    /// Reads `gateway.*`, `log.*` and `telemetry.*`. `None` after every problem was noted in `settings`.
    pub fn read(settings: &mut Settings) -> Option<Self> {
        let upstreams = UpstreamSettings::read(settings);
        let offer_internal_services = settings.get("gateway.offer_internal_services");
        let cors_origins = settings.get("gateway.cors_origins");
        // Apart from the other limits: `connection_grace` is compared with it even if one of them is wrong.
        let deadline = settings.get_within("gateway.deadline", MILLISECOND..=10 * MINUTE);
        let calls = CallLimits::read(settings, deadline);
        let connections = transport::settings::connections(settings, SECTION, deadline);
        let trusted_proxies = transport::settings::trusted_proxies(settings, SECTION);
        let cookie_instance = settings.optional("gateway.cookie_instance");
        let contact = settings.optional("gateway.contact");
        let tls = listener_tls(settings, SECTION, Protocols::Http2AndHttp1);
        let pause = settings.get_within("gateway.pause", Duration::ZERO..=HOUR);
        let drain = settings.get_within("gateway.drain", Duration::ZERO..=HOUR);
        let process = ProcessSettings::read(settings, SECTION);
        Some(Self {
            upstreams: upstreams?,
            offer_internal_services: offer_internal_services?,
            cors_origins: cors_origins?,
            calls: calls?,
            connections: connections?,
            trusted_proxies: trusted_proxies?,
            cookie_instance: cookie_instance?,
            contact: contact?,
            tls: tls?,
            pause: pause?,
            drain: drain?,
            process: process?,
        })
    }
}

impl UpstreamSettings {
    fn read(settings: &mut Settings) -> Option<Self> {
        let auth = replicas(settings, "gateway.auth_upstream");
        let task = replicas(settings, "gateway.task_upstream");
        let upstreams = [
            ("gateway.auth_upstream", auth.as_deref()),
            ("gateway.task_upstream", task.as_deref()),
        ];
        let tls = upstream_tls(settings, SECTION, &upstreams);
        let resolve_interval =
            settings.get_within("gateway.resolve_interval", 100 * MILLISECOND..=HOUR);
        let connect_timeout = settings.get_within("gateway.connect_timeout", MILLISECOND..=MINUTE);
        let health_timeout = settings.get_within("gateway.health_timeout", MILLISECOND..=MINUTE);
        Some(Self {
            auth: auth?,
            task: task?,
            tls: tls?,
            resolve_interval: resolve_interval?,
            connect_timeout: connect_timeout?,
            health_timeout: health_timeout?,
        })
    }
}

impl CallLimits {
    fn read(settings: &mut Settings, deadline: Option<Duration>) -> Option<Self> {
        let request_limit = settings.get_within("gateway.request_limit", 1..=REQUEST_LIMIT_CEILING);
        let body_timeout = settings.get_within("gateway.body_timeout", MILLISECOND..=10 * MINUTE);
        let max_in_flight = settings.get_within("gateway.max_in_flight", 1..=1_000_000);
        let max_unsent_bytes = settings.get_within("gateway.max_unsent_bytes", UNSENT_BYTES);
        let answer_grace = settings.get_within("gateway.answer_grace", Duration::ZERO..=MINUTE);
        let principal_share = settings.get_within("gateway.principal_share", 1..=100);
        Some(Self {
            request_limit: request_limit?,
            deadline: deadline?,
            body_timeout: body_timeout?,
            max_in_flight: max_in_flight?,
            principal_share: principal_share?,
            max_unsent_bytes: max_unsent_bytes?,
            answer_grace: answer_grace?,
        })
    }
}

/// The replicas of a service. Their addresses have no path: that of an RPC begins at the root.
fn replicas(settings: &mut Settings, key: &str) -> Option<Vec<Uri>> {
    let uris: Vec<Uri> = settings.get(key)?;
    let has_no_path = |uri: &Uri| uri.path_and_query().is_none_or(|path| path == "/");
    if !uris.is_empty() && uris.iter().all(has_no_path) {
        Some(uris)
    } else {
        settings.refuse(key, "must be http or https, host and port only");
        None
    }
}
