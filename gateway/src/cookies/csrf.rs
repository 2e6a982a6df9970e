//! Whether a call comes from a page of the gateway's own origin (ASVS 3.5.1, 3.5.2, 3.5.3).
//!
//! A browser says in `Sec-Fetch-Site` what the page has to do with the address that it calls, and no page can write that header.
//! It must be exactly `same-origin`: another port of the same host, and another name of the same domain, are `same-site`, and an
//! address that a person typed is `none`. Older browsers, and all browsers at addresses that are neither https nor this machine,
//! do not send it. Then `Origin` must name the gateway itself. The content type proves nothing: pages of other sites can
//! send any.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{error::CookieError, site::Site};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses a call that does not come from a page of this site.
pub(super) fn check(headers: &HeaderMap, site: Option<&Site>) -> Result<(), CookieError> {
    let fetch_site = single(headers, &SEC_FETCH_SITE)?;
    let origin = single(headers, &header::ORIGIN)?;
    let is_own = match (fetch_site, origin) {
        // A page without an origin, as in a sandbox.
        (_, Some(origin)) if origin == "null" => false,
        (Some(fetch_site), _) => site.is_some() && fetch_site == "same-origin",
        (None, Some(origin)) => {
            let text = origin.to_str().unwrap_or_default();
            site.is_some_and(|site| site.is_origin(text))
        }
        (None, None) => false,
    };
    if is_own {
        Ok(())
    } else {
        Err(CookieError::OriginRefused)
    }
}

/// The value of a header that a browser sends at most once.
fn single<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a HeaderValue>, CookieError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(_), Some(_)) => Err(CookieError::OriginRefused),
        (value, _) => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    /// Whether a call to `https://app.example.com` with these headers is accepted.
    fn accepts(headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().header("host", "app.example.com");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let site = Site::of(&parts, true, &[]);
        check(&parts.headers, site.as_ref()).is_ok()
    }

    #[test]
    fn a_page_of_the_same_origin_may_call() {
        let own = "https://app.example.com";
        assert!(accepts(&[
            ("sec-fetch-site", "same-origin"),
            ("origin", own)
        ]));
        assert!(accepts(&[("sec-fetch-site", "same-origin")]));
        assert!(accepts(&[("origin", own)]));
        // A proxy that names the gateway in another way does not change what the browser has decided.
        let proxied = [
            ("sec-fetch-site", "same-origin"),
            ("origin", "https://public.example.com"),
        ];
        assert!(accepts(&proxied));
    }

    #[test]
    fn every_other_page_is_refused() {
        let own = ("origin", "https://app.example.com");
        for site in [
            "same-site",
            "cross-site",
            "none",
            "",
            "same-origin, same-origin",
            "Same-Origin",
        ] {
            assert!(!accepts(&[("sec-fetch-site", site), own]), "{site}");
        }
        for origin in [
            "null",
            "",
            "http://app.example.com",
            "https://app.example.com:8443",
            "https://evil.test",
        ] {
            assert!(!accepts(&[("origin", origin)]), "{origin}");
        }
        assert!(!accepts(&[]));
        assert!(!accepts(&[
            ("sec-fetch-site", "same-origin"),
            ("origin", "null")
        ]));
        assert!(!accepts(&[own, own]));
        let twice = ("sec-fetch-site", "same-origin");
        assert!(!accepts(&[twice, twice, own]));
        assert!(!accepts(&[("referer", "https://app.example.com/")]));
    }

    #[test]
    fn a_request_without_a_host_is_refused_whatever_else_it_says() {
        let (parts, ()) = Request::builder()
            .header("sec-fetch-site", "same-origin")
            .body(())
            .unwrap()
            .into_parts();
        assert!(check(&parts.headers, None).is_err());
    }
}
