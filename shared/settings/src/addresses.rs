//! Web addresses: of services that are called, and of the pages that call them.

use std::fmt;

use http::Uri;

use super::values::Setting;

/// An absolute `http` or `https` URI, such as the address of another service. It may not have a user or password, because the value
/// is shown.
impl Setting for Uri {
    fn form() -> String {
        "URI".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "is not a URI such as http://127.0.0.1:50051".to_owned();
        let uri: Self = text.parse().map_err(|_: http::uri::InvalidUri| wrong())?;
        let absolute = matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty());
        let authority = uri.authority().map_or("", http::uri::Authority::as_str);
        match absolute {
            true if authority.contains('@') => Err("must not have a user or password".to_owned()),
            true => Ok(uri),
            false => Err(wrong()),
        }
    }
}

/// The origin of a web page, as browsers send it: scheme, host, and the port unless it is the default of the scheme
/// (RFC 6454, 6.2). `*` and `null` are refused, because origins are allowed by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WebOrigin(String);

impl WebOrigin {
    /// The origin as the value of an `Origin` header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Setting for WebOrigin {
    fn form() -> String {
        "origin".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "is not an origin such as https://app.example.com".to_owned();
        let uri = Uri::parse(text).map_err(|_: String| wrong())?;
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
            return Err(wrong());
        };
        let authority = uri.authority().map_or("", http::uri::Authority::as_str);
        if text.len() != scheme.len() + "://".len() + authority.len()
            || authority.contains('@')
            || host.contains('*')
        {
            return Err(wrong());
        }
        let default_port = if scheme == "https" { 443 } else { 80 };
        let host = host.to_ascii_lowercase();
        match uri.port_u16() {
            Some(port) if port != default_port => Ok(Self(format!("{scheme}://{host}:{port}"))),
            Some(_) | None => Ok(Self(format!("{scheme}://{host}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_absolute_and_has_no_user() {
        assert_eq!(
            Uri::parse("/relative").unwrap_err(),
            "is not a URI such as http://127.0.0.1:50051"
        );
        assert_eq!(
            Uri::parse("http://u:hunter2@h").unwrap_err(),
            "must not have a user or password"
        );
    }

    #[test]
    fn an_origin_is_normalized_to_the_form_that_browsers_send() {
        for (text, kept) in [
            ("https://App.example.com", "https://app.example.com"),
            ("https://app.example.com:443", "https://app.example.com"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://[::1]:80", "http://[::1]"),
        ] {
            assert_eq!(WebOrigin::parse(text).unwrap().as_str(), kept);
        }
        for wrong in [
            "*",
            "null",
            "https://*.example.com",
            "https://a.example/",
            "https://a.example/x",
            "https://u@a.example",
            "ftp://a",
            "",
        ] {
            assert!(WebOrigin::parse(wrong).is_err(), "{wrong}");
        }
    }
}
