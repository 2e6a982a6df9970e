//! The cookie itself: `<session_id>.<refresh_token>` in requests, and `Set-Cookie` in answers.

use std::{fmt, time::Duration};

use api::ids::SessionId;
use http::{HeaderMap, HeaderValue, header};

use super::{
    error::{CookieError, Unreadable},
    name::CookieName,
};

/// The longest that browsers keep a cookie (RFC 6265bis).
const MAX_AGE: Duration = Duration::from_hours(400 * 24);
/// Longer than every refresh token.
const MAX_TOKEN_LENGTH: usize = 1024;

/// A refresh token and the session that it continues.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct StoredToken {
    session_id: SessionId,
    refresh_token: String,
}

/// What a request has under the name of the cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stored {
    /// Nothing.
    Absent,
    /// A value that the gateway has not written.
    Unreadable,
    /// A token.
    Token(StoredToken),
}

impl StoredToken {
    /// # Errors
    /// One of the two cannot be in a cookie.
    pub(super) fn new(session_id: &str, refresh_token: &str) -> Result<Self, Unreadable> {
        let session_id = SessionId::parse(session_id);
        let session_id = session_id.map_err(|_| Unreadable("the session id is not a UUID"))?;
        let is_valid = (1..=MAX_TOKEN_LENGTH).contains(&refresh_token.len())
            && refresh_token.bytes().all(is_base64url);
        if !is_valid {
            return Err(Unreadable("the refresh token is not base64url"));
        }
        Ok(Self {
            session_id,
            refresh_token: refresh_token.to_owned(),
        })
    }

    fn parse(value: &[u8]) -> Option<Self> {
        let (session_id, token) = std::str::from_utf8(value).ok()?.split_once('.')?;
        Self::new(session_id, token).ok()
    }

    pub(super) fn refresh_token(&self) -> &str {
        &self.refresh_token
    }

    /// Whether it is of the session with this id.
    pub(super) fn is_of(&self, session_id: &HeaderValue) -> bool {
        let id = session_id.to_str().ok().map(SessionId::parse);
        id.is_some_and(|id| id.is_ok_and(|id| id == self.session_id))
    }

    /// `Set-Cookie` that keeps this token for at most `age`.
    pub(super) fn set_cookie(&self, name: &CookieName, age: Duration) -> HeaderValue {
        let value = format!("{}.{}", self.session_id, self.refresh_token);
        set_cookie(name, &value, age.min(MAX_AGE))
    }
}

impl fmt::Debug for StoredToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredToken(..)")
    }
}

impl Stored {
    /// The cookie of this name.
    ///
    /// # Errors
    /// There are two. A browser has them when another site of the host has planted one, and nothing says which that is.
    pub(super) fn find(headers: &HeaderMap, name: &CookieName) -> Result<Self, CookieError> {
        let lines = headers.get_all(header::COOKIE).iter();
        let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
        let mut values = pairs.filter_map(|pair| value_of(pair, name));
        match (values.next(), values.next()) {
            (Some(_), Some(_)) => Err(CookieError::malformed(
                "cookie",
                "TWO_COOKIES",
                "the browser has two cookies with the name of the refresh token; delete both",
            )),
            (Some(value), None) => {
                Ok(StoredToken::parse(value).map_or(Self::Unreadable, Self::Token))
            }
            (None, _) => Ok(Self::Absent),
        }
    }
}

/// The value of `name=value`.
fn value_of<'a>(pair: &'a [u8], name: &CookieName) -> Option<&'a [u8]> {
    let pair = pair.trim_ascii();
    let at = pair.iter().position(|byte| *byte == b'=')?;
    let (found, value) = pair.split_at(at);
    (found.trim_ascii_end() == name.as_str().as_bytes()).then(|| value[1..].trim_ascii_start())
}

/// `Set-Cookie` that deletes the cookie.
pub(super) fn delete_cookie(name: &CookieName) -> HeaderValue {
    set_cookie(name, "", Duration::ZERO)
}

/// `HttpOnly`: no script reads it (ASVS 3.3.4). `SameSite=Strict`: no request that another site causes carries it (ASVS 3.3.2).
/// Without `Domain` it is for this host alone (ASVS 3.3.3).
fn set_cookie(name: &CookieName, value: &str, age: Duration) -> HeaderValue {
    let seconds = age.as_secs();
    let secure = if name.is_secure() { "; Secure" } else { "" };
    let text =
        format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let mut header = HeaderValue::try_from(text).expect("a name, a UUID and base64url are ASCII");
    header.set_sensitive(true);
    header
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use http::Request;
    use proptest::prelude::*;

    use super::{super::site::Site, *};

    const SESSION: &str = "0193c8a4-7b1e-7c3f-8a52-6f0d9e1b2c34";

    fn name(tls: bool) -> CookieName {
        let request = Request::builder().header("host", "localhost:8080");
        let (parts, ()) = request.body(()).unwrap().into_parts();
        CookieName::of(&Site::of(&parts, tls, &[]).unwrap(), None).unwrap()
    }

    fn find(lines: &[&[u8]]) -> Result<Stored, CookieError> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_bytes(line).unwrap());
        }
        Stored::find(&headers, &name(false))
    }

    fn token(text: &str) -> Stored {
        Stored::Token(StoredToken::new(SESSION, text).unwrap())
    }

    #[test]
    fn set_cookie_has_every_protection() {
        let token = StoredToken::new(SESSION, "abc-_").unwrap();
        let age = Duration::from_hours(14 * 24);
        assert_eq!(
            token.set_cookie(&name(true), age),
            format!("__Host-Http-tandem-refresh={SESSION}.abc-_; Path=/; Max-Age=1209600; HttpOnly; SameSite=Strict; Secure").as_str()
        );
        assert_eq!(
            token.set_cookie(&name(false), Duration::MAX),
            format!("tandem-refresh-8080={SESSION}.abc-_; Path=/; Max-Age=34560000; HttpOnly; SameSite=Strict").as_str()
        );
        assert_eq!(
            delete_cookie(&name(true)),
            "__Host-Http-tandem-refresh=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure"
        );
        assert!(token.set_cookie(&name(true), age).is_sensitive());
    }

    #[test]
    fn the_cookie_is_found_among_others_and_in_several_lines() {
        let own = format!("tandem-refresh-8080={SESSION}.abc");
        let among = format!("a=b; {own};c=\"d; e\" ; tandem-refresh-8081=x; Tandem-Refresh-8080=y");
        for lines in [
            &[own.as_bytes()][..],
            &[among.as_bytes()],
            &[b"a=\xff; =; ;; b", own.as_bytes(), b"c=d"],
        ] {
            assert_eq!(find(lines).unwrap(), token("abc"));
        }
        for line in ["", "a=b", "tandem-refresh-8080", "x-tandem-refresh-8080=a"] {
            assert_eq!(find(&[line.as_bytes()]).unwrap(), Stored::Absent);
        }
    }

    #[test]
    fn two_cookies_of_the_name_are_refused_even_if_they_are_equal() {
        let own = format!("tandem-refresh-8080={SESSION}.abc");
        let both = format!("{own}; {own}");
        let empty = format!("{own}; tandem-refresh-8080=");
        for lines in [
            &[both.as_bytes()][..],
            &[own.as_bytes(), own.as_bytes()],
            &[empty.as_bytes()],
        ] {
            let refused = find(lines).unwrap_err();
            assert!(matches!(refused, CookieError::Malformed(_)));
        }
    }

    #[test]
    fn a_value_that_the_gateway_has_not_written_is_unreadable() {
        for value in [
            "",
            ".",
            "abc",
            SESSION,
            "not-a-uuid.abc",
            &format!("{SESSION}."),
            &format!("{SESSION}.a.b"),
            &format!("\"{SESSION}.abc\""),
        ] {
            let line = format!("tandem-refresh-8080={value}");
            assert_eq!(
                find(&[line.as_bytes()]).unwrap(),
                Stored::Unreadable,
                "{value}"
            );
        }
    }

    #[test]
    fn a_token_that_could_break_out_of_the_cookie_is_refused() {
        for token in [
            "",
            "a;b",
            "a b",
            "a\r\nset-cookie: x=y",
            "a,b",
            "é",
            &"a".repeat(1025),
        ] {
            assert!(StoredToken::new(SESSION, token).is_err(), "{token}");
        }
        assert!(StoredToken::new("", "a").is_err());
    }

    #[test]
    fn nothing_of_the_token_is_shown_for_debugging() {
        assert_eq!(format!("{:?}", token("abc")), "Token(StoredToken(..))");
    }

    proptest! {
        #[test]
        fn what_is_set_is_found_again(text in "[A-Za-z0-9_-]{1,200}", other in "[ -:<-~]{0,40}") {
            let stored = StoredToken::new(SESSION, &text).unwrap();
            let set = stored.set_cookie(&name(false), Duration::from_mins(1));
            let pair = set.to_str().unwrap().split(';').next().unwrap().to_owned();
            let line = format!("x{other}; {pair}");
            prop_assert_eq!(find(&[line.as_bytes()]).unwrap(), Stored::Token(stored));
        }

        #[test]
        fn no_bytes_break_the_parser(line in prop::collection::vec(0x20u8..=0xff, 0..200)) {
            if let Ok(value) = HeaderValue::from_bytes(&line) {
                let _any_result_will_do = find(&[value.as_bytes()]);
            }
        }
    }
}
