//! Whom a user of the API may ask, as the OpenAPI descriptions say.

use http::Uri;
use settings::Setting;

/// Of the project, not of who runs it.
pub(crate) const NAME: &str = "Tandem";

/// Where to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contact {
    /// A page: `https` or `http`.
    Page(String),
    /// An email address.
    Email(String),
}

impl Setting for Contact {
    fn form() -> String {
        "URL or email address".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        if is_page(text) {
            Ok(Self::Page(text.to_owned()))
        } else if is_email(text) {
            Ok(Self::Email(text.to_owned()))
        } else {
            Err("is neither a URL (https://…) nor an email address".to_owned())
        }
    }
}

fn is_page(text: &str) -> bool {
    let uri: Result<Uri, _> = text.parse();
    uri.is_ok_and(|uri| {
        let scheme = uri.scheme_str().unwrap_or_default();
        let authority = uri.authority().map_or("@", http::uri::Authority::as_str);
        ["https", "http"].contains(&scheme) && !authority.contains('@')
    })
}

/// Enough to find what is meant for something else; only a mail shows whether an address exists.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let is_plain = |c: char| c.is_ascii_graphic() && !"@<>()[]\\,;:\"".contains(c);
    let is_label = |label: &str| {
        !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    !local.is_empty() && local.chars().all(is_plain) && domain.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_is_a_page_or_an_email_address() {
        for page in [
            "https://example.com",
            "https://example.com/help?topic=api#top",
            "http://127.0.0.1:8080/",
        ] {
            assert_eq!(Contact::parse(page), Ok(Contact::Page(page.to_owned())));
        }
        for email in [
            "api@example.com",
            "a.b+c@localhost",
            "x@xn--bcher-kva.example",
        ] {
            assert_eq!(Contact::parse(email), Ok(Contact::Email(email.to_owned())));
        }
        for other in [
            "example.com",
            "/help",
            "ftp://example.com",
            "https://",
            "https://me@example.com",
            "mailto:a@example.com",
            "@example.com",
            "a@",
            "a@b..c",
            "a@b@c",
            "a b@example.com",
            "<a@example.com>",
        ] {
            assert!(Contact::parse(other).is_err(), "{other}");
        }
    }
}
