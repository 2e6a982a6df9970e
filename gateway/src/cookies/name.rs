//! The name of the cookie, and with it whether there can be one.
//!
//! Browsers keep cookies by host, not by port: two gateways on one host see each other's. So the name tells them apart.

use std::fmt;

use settings::Setting;

use super::{error::CookieError, site::Site};

/// Browsers accept a cookie of this prefix only over https, with `Secure`, `HttpOnly`, `Path=/` and no `Domain`: no page, no script
/// and no other host of the domain can plant one. Browsers that do not know the prefix treat it as `__Host-`.
const SECURE: &str = "__Host-Http-tandem-refresh";
/// For plain http on the browser's own machine. Safari keeps no cookie with `Secure` there.
const LOOPBACK: &str = "tandem-refresh";

/// The longest instance.
const MAX_INSTANCE: usize = 32;

/// What tells the cookies of gateways with the same host apart: 1 to 32 letters and digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookieInstance(String);

impl Setting for CookieInstance {
    fn form() -> String {
        "1 to 32 letters and digits".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let is_valid = (1..=MAX_INSTANCE).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_valid {
            Ok(Self(text.to_owned()))
        } else {
            Err("is not 1 to 32 letters and digits".to_owned())
        }
    }
}

/// The name of the cookie for one site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CookieName {
    text: String,
    secure: bool,
}

impl CookieName {
    /// The name for this site. Without an instance it is the same for all gateways with this host over https, and has the port for
    /// plain http.
    ///
    /// # Errors
    /// Anybody on the way could read the cookie.
    pub(super) fn of(site: &Site, instance: Option<&CookieInstance>) -> Result<Self, CookieError> {
        let secure = site.is_secure();
        let text = match instance {
            Some(CookieInstance(instance)) if secure => format!("{SECURE}-{instance}"),
            None if secure => SECURE.to_owned(),
            _ if !site.is_loopback() => return Err(CookieError::HttpsNeeded),
            Some(CookieInstance(instance)) => format!("{LOOPBACK}-{instance}"),
            None => format!("{LOOPBACK}-{}", site.port()),
        };
        Ok(Self { text, secure })
    }

    /// Whether the cookie is only for https.
    pub(super) fn is_secure(&self) -> bool {
        self.secure
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for CookieName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn name(tls: bool, host: &str, instance: Option<&str>) -> Result<String, CookieError> {
        let request = Request::builder().header("host", host);
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let site = Site::of(&parts, tls, &[]).unwrap();
        let instance = instance.map(|text| CookieInstance::parse(text).unwrap());
        CookieName::of(&site, instance.as_ref()).map(|name| name.to_string())
    }

    #[test]
    fn the_name_has_the_prefix_over_https_and_the_port_on_the_own_machine() {
        for (tls, host, instance, expected) in [
            (true, "app.example.com", None, "__Host-Http-tandem-refresh"),
            (true, "localhost:8443", None, "__Host-Http-tandem-refresh"),
            (
                true,
                "app.example.com:8443",
                Some("blue1"),
                "__Host-Http-tandem-refresh-blue1",
            ),
            (false, "localhost:8080", None, "tandem-refresh-8080"),
            (false, "127.0.0.1:8081", None, "tandem-refresh-8081"),
            (false, "localhost", None, "tandem-refresh-80"),
            (
                false,
                "localhost:8080",
                Some("blue1"),
                "tandem-refresh-blue1",
            ),
        ] {
            assert_eq!(name(tls, host, instance).unwrap(), expected);
        }
    }

    #[test]
    fn there_is_no_cookie_for_plain_http_over_a_network() {
        for host in [
            "app.example.com",
            "192.168.0.10:8080",
            "gateway",
            "[fd00::1]",
        ] {
            for instance in [None, Some("a")] {
                let refused = name(false, host, instance).unwrap_err();
                assert!(matches!(refused, CookieError::HttpsNeeded), "{host}");
            }
        }
    }

    #[test]
    fn an_instance_is_letters_and_digits() {
        for bad in ["", "a-b", "a b", "é", "a;b", "a=b", &"a".repeat(33)] {
            assert!(CookieInstance::parse(bad).is_err(), "{bad}");
        }
        assert!(CookieInstance::parse(&"a".repeat(32)).is_ok());
    }
}
