//! The issuer of access tokens, if it is a URL (RFC 8414, section 2).

use http::Uri;

use crate::{loopback::is_loopback, routes};

/// An issuer that is a URL: `https`, or `http` on this machine; without query, fragment and user.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct IssuerUrl<'a> {
    text: &'a str,
    /// Scheme, host and port.
    origin: String,
    /// Without a slash at its end; empty if there is none.
    path: String,
}

impl<'a> IssuerUrl<'a> {
    /// `None` for any other text, such as the default `tandem-auth`.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        // The parser drops a fragment, so it is looked for here.
        if text.contains(['?', '#', '@']) {
            return None;
        }
        let uri: Uri = text.parse().ok()?;
        let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
        let is_safe = scheme == "https" || scheme == "http" && is_loopback(authority.host());
        let path = uri.path();
        is_safe.then(|| Self {
            text,
            origin: format!("{scheme}://{authority}"),
            path: path.strip_suffix('/').unwrap_or(path).to_owned(),
        })
    }

    /// The issuer, character for character as tokens have it.
    pub(super) fn as_str(&self) -> &'a str {
        self.text
    }

    /// Where the metadata must be: the path of the issuer comes after the well-known one (RFC 8414, section 3.1).
    pub(super) fn metadata_path(&self) -> String {
        format!("{}{}", routes::METADATA, self.path)
    }

    /// The URL of the keys. Whoever serves the metadata at the root of this host, serves them there too.
    pub(super) fn jwks_uri(&self) -> String {
        format!("{}{}", self.origin, routes::JWKS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_of_an_issuer_is_at_the_root_of_its_host_and_its_keys_too() {
        for (issuer, metadata, keys) in [
            ("https://a.example", "", "https://a.example"),
            ("https://a.example/", "", "https://a.example"),
            (
                "https://a.example:8443/one",
                "/one",
                "https://a.example:8443",
            ),
            (
                "https://a.example/one/two/",
                "/one/two",
                "https://a.example",
            ),
            ("http://127.0.0.1:8080", "", "http://127.0.0.1:8080"),
            ("http://[::1]:8080/x", "/x", "http://[::1]:8080"),
            ("http://localhost", "", "http://localhost"),
        ] {
            let url = IssuerUrl::parse(issuer).unwrap();
            assert_eq!(url.as_str(), issuer);
            let path = format!("/.well-known/oauth-authorization-server{metadata}");
            assert_eq!(url.metadata_path(), path, "{issuer}");
            let uri = format!("{keys}/.well-known/jwks.json");
            assert_eq!(url.jwks_uri(), uri, "{issuer}");
        }
    }

    #[test]
    fn anything_else_is_no_url_of_an_issuer() {
        for other in [
            "",
            "tandem-auth",
            "tandem.example",
            "/path",
            "http://a.example",
            "http://127.0.0.1.example",
            "ftp://a.example",
            "https://",
            "https://a.example?x",
            "https://a.example/#x",
            "https://me@a.example",
            "urn:tandem",
        ] {
            assert_eq!(IssuerUrl::parse(other), None, "{other}");
        }
    }
}
