//! The refresh token of a browser, in a cookie that no script can read (ASVS 3.3).
//!
//! A call opts in with the header `tandem-session: cookie`. Then the gateway takes the refresh token out of the answers of
//! `SignUp`, `SignIn`, `RefreshTokens` and `ChangePassword` and sends it as a cookie. It fills it into a `RefreshTokens` and a
//! `SignOut` that have none. Other calls, and clients that do not opt in, are as they would be without cookies.
//!
//! - Only a page of the gateway's own origin may opt in ([`csrf`]).
//! - A cookie goes over https, or does not leave the machine ([`name`]).
//! - An answer that could still have the refresh token in it is refused.
//! - The attempt tag is in the message. The gateway never makes one: whoever had a copy of the cookie would then get it too, and would
//!   not be found.
//! - No cookie goes to a service, and no cookie of a service to a browser.

mod csrf;
mod error;
mod exchange;
mod message;
mod name;
mod rpc;
mod site;
mod value;

use axum::body::Bytes;
use contract::reason::Reason;
use http::{HeaderMap, HeaderName, Method, request::Parts};
use tonic::Status;
use tonic_types::StatusExt as _;

pub use self::name::CookieInstance;
pub(crate) use self::{
    error::CookieError,
    exchange::{CookieSettings, add_to_answers},
};
use self::{
    exchange::CookieExchange,
    name::CookieName,
    rpc::{REQUEST_TOKEN, SessionRpc},
    value::{Stored, StoredToken, delete_cookie},
};

const OPT_IN: HeaderName = HeaderName::from_static("tandem-session");
/// The session that a page has. Another tab may have signed in as somebody else since.
const SESSION_ID: HeaderName = HeaderName::from_static("tandem-session-id");

/// A call that opts in and has to do with the cookie.
#[derive(Debug)]
pub(crate) struct CookieCall {
    rpc: SessionRpc,
    name: CookieName,
    stored: Stored,
    /// Whether its refresh token is that of the cookie.
    uses_cookie: bool,
    answer: CookieExchange,
}

impl CookieCall {
    /// `None`: the call does not opt in, or has nothing to do with the cookie. A GET cannot opt in: the RPCs that can be called
    /// by it have no side effects.
    ///
    /// # Errors
    /// It opts in and may not.
    pub(crate) fn of(parts: &Parts) -> Result<Option<Self>, CookieError> {
        if parts.method != Method::POST || !opts_in(&parts.headers)? {
            return Ok(None);
        }
        let exchange: &CookieExchange = parts
            .extensions
            .get()
            .expect("the layer gives one to each request that may opt in");
        let site = exchange.site.as_ref();
        csrf::check(&parts.headers, site)?;
        let (Some(rpc), Some(site)) = (SessionRpc::of(parts.uri.path()), site) else {
            return Ok(None);
        };
        let name = CookieName::of(site, exchange.settings.instance.as_ref())?;
        let stored = Stored::find(&parts.headers, &name)?;
        if rpc.is_of_a_session() {
            check_session(&parts.headers, &stored)?;
        }
        Ok(Some(Self {
            rpc,
            name,
            stored,
            uses_cookie: false,
            answer: exchange.clone(),
        }))
    }

    /// The message of the request, with the refresh token of the cookie if it needs one and has none.
    ///
    /// # Errors
    /// It needs one, and the cookie has none.
    pub(crate) fn fill(&mut self, message: Bytes) -> Result<Bytes, CookieError> {
        if !self.rpc.presents_token() {
            return Ok(message);
        }
        let given = message::text(&message, REQUEST_TOKEN).map_err(CookieError::request)?;
        if !given.is_empty() {
            return Ok(message);
        }
        self.uses_cookie = true;
        match &self.stored {
            Stored::Token(token) => {
                let token = token.refresh_token();
                Ok(message::with_text(&message, REQUEST_TOKEN, token))
            }
            Stored::Unreadable => {
                self.delete();
                Err(CookieError::TokenMissing)
            }
            Stored::Absent => Err(CookieError::TokenMissing),
        }
    }

    /// Whether the gateway has to read the message of the request.
    pub(crate) fn reads_request(&self) -> bool {
        self.rpc.presents_token()
    }

    /// The message of a successful answer without its refresh token, which goes into the cookie.
    ///
    /// # Errors
    /// The answer could still have the refresh token in it.
    pub(crate) fn keep(&self, message: Bytes) -> Result<Bytes, CookieError> {
        let Some(field) = self.rpc.tokens_field() else {
            self.delete_after_end();
            return Ok(message);
        };
        let unreadable = CookieError::AnswerUnreadable;
        let parted = message::without_refresh_token(&message, field).map_err(unreadable)?;
        let Some((message, tokens)) = parted else {
            return Ok(message);
        };
        let token = StoredToken::new(&tokens.session_id, &tokens.refresh_token);
        let token = token.map_err(unreadable)?;
        self.answer
            .set(token.set_cookie(&self.name, tokens.expires_in));
        Ok(message)
    }

    /// After a successful call that ends a session: of the one in the cookie, unless the request had a token of its own.
    fn delete_after_end(&self) {
        if self.uses_cookie || !self.rpc.presents_token() {
            self.delete();
        }
    }

    /// After a refusal. The cookie of a session that has ended is deleted. After a refusal that may pass, and after that of an old
    /// copy, it is kept: a sign-out that did not reach the service can then be tried again. It is also kept when its token is unknown:
    /// that of a refresh which crosses a change of the password is, and the browser has a newer cookie by now.
    pub(crate) fn delete_after(&self, status: &Status) {
        let over = [
            Reason::RefreshTokenExpired,
            Reason::RefreshTokenReused,
            Reason::SessionRevoked,
        ];
        let reason = status.get_details_error_info().map(|info| info.reason);
        let is_over = reason.is_some_and(|reason| over.iter().any(|over| over.as_str() == reason));
        if self.uses_cookie && is_over {
            self.delete();
        }
    }

    fn delete(&self) {
        self.answer.set(delete_cookie(&self.name));
    }
}

/// Takes out of the head of a request what makes a call opt in, for a protocol that has no cookies.
pub(crate) fn opt_out(headers: &mut HeaderMap) {
    headers.remove(&OPT_IN);
    headers.remove(&SESSION_ID);
}

/// Whether a request opts in.
fn opts_in(headers: &HeaderMap) -> Result<bool, CookieError> {
    let mut values = headers.get_all(&OPT_IN).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(false),
        (Some(value), None) if value == "cookie" => Ok(true),
        _ => Err(CookieError::malformed(
            OPT_IN.as_str(),
            "UNKNOWN_VALUE",
            "must be `cookie`, or not be sent",
        )),
    }
}

/// Refuses a page whose session is not that of the cookie. Without a cookie there is nothing that could be confused.
fn check_session(headers: &HeaderMap, stored: &Stored) -> Result<(), CookieError> {
    let mut expected = headers.get_all(&SESSION_ID).iter();
    match stored {
        Stored::Token(token) if !expected.all(|id| token.is_of(id)) => {
            Err(CookieError::SessionChanged)
        }
        Stored::Token(_) | Stored::Absent | Stored::Unreadable => Ok(()),
    }
}
