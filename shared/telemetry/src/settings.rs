//! The settings of export: `telemetry.*`.

use std::fmt;
use std::str::FromStr as _;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use settings::{Bounded, SecretError, Setting, Settings};

/// The settings of `log` and `telemetry`, with what they mean and their defaults. Every binary has them.
pub const DEFAULTS: &str = include_str!("default.toml");

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const MIN_DURATION: Duration = Duration::from_millis(100);
/// The most characters of an instance's or environment's name.
const MAX_NAME_LENGTH: usize = 100;

/// What is exported.
#[derive(Debug, Clone)]
pub struct Telemetry {
    /// The collector; without one, nothing is exported.
    pub otlp: Option<OtlpSettings>,
    /// The share of calls that are traced, 0 to 1, of those that do not belong to a trace yet.
    pub ratio: f64,
    /// How many calls a second are traced because an untrusted caller asks for it: up to 10,000.
    pub asked_per_second: u32,
    /// The time between two deliveries of spans: 100 ms to 1 min.
    pub traces_interval: Duration,
    /// The time between two deliveries of metrics: 1 s to 1 h.
    pub metrics_interval: Duration,
    /// `service.instance.id`: up to 100 characters. A random UUID unless one is set.
    pub instance: Option<String>,
    /// `deployment.environment.name`: up to 100 characters.
    pub environment: Option<String>,
}

/// The collector.
#[derive(Debug, Clone)]
pub struct OtlpSettings {
    /// The address for OTLP over gRPC: scheme, host and port.
    pub endpoint: Uri,
    /// The limit of one delivery, and of the delivery at the end of the process: 100 ms to 1 min.
    pub timeout: Duration,
    /// Sent with each delivery.
    pub headers: OtlpHeaders,
}

/// Headers for the collector. They may hold a credential, so `Debug` hides them.
#[derive(Clone, Default)]
pub struct OtlpHeaders(HeaderMap);

impl OtlpHeaders {
    /// Reads `name=value,name=value`.
    fn parse(text: &str) -> Result<Self, SecretError> {
        const MALFORMED: SecretError =
            SecretError::Malformed("is not name=value, or several of those separated by commas");
        let mut headers = HeaderMap::new();
        for pair in text.split(',') {
            let (name, value) = pair.split_once('=').ok_or(MALFORMED)?;
            let name = HeaderName::from_str(name.trim()).map_err(|_not_a_name| MALFORMED)?;
            let mut value =
                HeaderValue::from_str(value.trim()).map_err(|_not_a_value| MALFORMED)?;
            value.set_sensitive(true);
            headers.append(name, value);
        }
        Ok(Self(headers))
    }

    pub(crate) fn to_map(&self) -> HeaderMap {
        self.0.clone()
    }
}

/// Shows only the number of headers.
impl fmt::Debug for OtlpHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OtlpHeaders").field(&self.0.len()).finish()
    }
}

/// A share, such as 0.01.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
struct Share(f64);

impl Setting for Share {
    fn form() -> String {
        "number".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "is not a number such as 0.01".to_owned();
        let number: f64 = text
            .parse()
            .map_err(|_: std::num::ParseFloatError| wrong())?;
        if number.is_nan() {
            return Err(wrong());
        }
        Ok(Self(number))
    }
}

impl Bounded for Share {
    fn shown(&self) -> String {
        self.0.to_string()
    }
}

/// Reads `telemetry.*`.
pub fn telemetry(settings: &mut Settings) -> Option<Telemetry> {
    let otlp = otlp(settings);
    let ratio = settings.get_within("telemetry.traces.ratio", Share(0.0)..=Share(1.0));
    let asked_per_second = settings.get_within("telemetry.traces.asked_per_second", 0..=10_000);
    let traces_interval = settings.get_within("telemetry.traces.interval", MIN_DURATION..=MINUTE);
    let metrics_interval = settings.get_within("telemetry.metrics.interval", SECOND..=HOUR);
    let instance = name(settings, "telemetry.instance");
    let environment = name(settings, "telemetry.environment");
    Some(Telemetry {
        otlp: otlp.ok()?,
        ratio: ratio?.0,
        asked_per_second: asked_per_second?,
        traces_interval: traces_interval?,
        metrics_interval: metrics_interval?,
        instance: instance.ok()?,
        environment: environment.ok()?,
    })
}

/// The problem is already in the settings' list of problems.
struct Reported;

fn otlp(settings: &mut Settings) -> Result<Option<OtlpSettings>, Reported> {
    const ENDPOINT: &str = "telemetry.otlp.endpoint";
    let endpoint = settings.optional::<Uri>(ENDPOINT);
    let timeout = settings.get_within("telemetry.otlp.timeout", MIN_DURATION..=MINUTE);
    let headers = settings.optional_secret("telemetry.otlp.headers", OtlpHeaders::parse);
    if let Some(Some(endpoint)) = &endpoint
        && endpoint.path_and_query().is_some_and(|path| path != "/")
    {
        settings.refuse(ENDPOINT, "must be scheme, host and port only");
        return Err(Reported);
    }
    let timeout = timeout.ok_or(Reported)?;
    let headers = headers.ok_or(Reported)?.unwrap_or_default();
    let endpoint = endpoint.ok_or(Reported)?;
    Ok(endpoint.map(|endpoint| OtlpSettings {
        endpoint,
        timeout,
        headers,
    }))
}

fn name(settings: &mut Settings, key: &str) -> Result<Option<String>, Reported> {
    let name: Option<String> = settings.optional(key).ok_or(Reported)?;
    if name
        .as_ref()
        .is_some_and(|name| name.chars().count() > MAX_NAME_LENGTH)
    {
        settings.refuse(key, "must have at most 100 characters");
        return Err(Reported);
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_pairs_and_debug_does_not_show_them() {
        let headers = OtlpHeaders::parse("x-team=a=b, authorization=Bearer abc").unwrap();
        assert_eq!(headers.to_map()["x-team"], "a=b");
        assert_eq!(headers.to_map()["authorization"], "Bearer abc");
        assert!(!format!("{headers:?}").contains("abc"));
        for wrong in ["", "name", "=value", "na me=value", "name=va\nlue", "a=b,"] {
            assert!(OtlpHeaders::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_share_is_a_number() {
        assert_eq!(Share::parse("0.01").unwrap(), Share(0.01));
        for wrong in ["", "1 %", "NaN", "a"] {
            assert!(Share::parse(wrong).is_err(), "{wrong}");
        }
    }
}
