//! Why a call that opts in to the cookie is refused by the gateway.

use contract::refusal::{Problem, Reason, Refusal, Violation};

/// An error of a call that opts in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CookieError {
    /// A header of the request does not have the form that it must have. The violation names it.
    #[error("a header of the request is malformed")]
    Malformed([Violation; 1]),
    /// The message of the request is not the one of its RPC.
    #[error("the message of the request cannot be read")]
    RequestUnreadable(#[source] Unreadable, [Violation; 1]),
    /// The page that calls is not known to be of this origin.
    #[error("the call does not come from a page of this origin")]
    OriginRefused,
    /// A browser would send the cookie over a network that anybody can read.
    #[error("the browser reached the gateway by plain http, and not on the same machine")]
    HttpsNeeded,
    /// The call needs the cookie, and there is none, or its value is not one of the gateway's.
    #[error("the request has no usable refresh token")]
    TokenMissing,
    /// The page has another session than the browser.
    #[error("the cookie is of another session")]
    SessionChanged,
    /// The service answered in a way that the gateway cannot rewrite, so the answer could contain a refresh token.
    #[error("the answer of the service cannot be rewritten")]
    AnswerUnreadable(#[source] Unreadable),
}

/// Bytes that are not the message that they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unreadable(pub(super) &'static str);

impl CookieError {
    pub(super) fn malformed(header: &str, reason: &'static str, text: &'static str) -> Self {
        Self::Malformed([violation(header, reason, text)])
    }

    pub(super) fn request(unreadable: Unreadable) -> Self {
        let violation = violation("", "NOT_A_MESSAGE", "the message cannot be read");
        Self::RequestUnreadable(unreadable, [violation])
    }
}

fn violation(field: &str, reason: &'static str, text: &'static str) -> Violation {
    Violation {
        field: field.to_owned(),
        problem: Problem::new(reason, text),
    }
}

impl Refusal for CookieError {
    fn reason(&self) -> Reason {
        match self {
            Self::Malformed(_) | Self::RequestUnreadable(..) => Reason::RequestMalformed,
            Self::OriginRefused => Reason::OriginRefused,
            Self::HttpsNeeded => Reason::CookiesNeedHttps,
            Self::TokenMissing => Reason::RefreshTokenInvalid,
            Self::SessionChanged => Reason::SessionChanged,
            Self::AnswerUnreadable(_) => Reason::Internal,
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Malformed(violations) | Self::RequestUnreadable(_, violations) => violations,
            Self::OriginRefused
            | Self::HttpsNeeded
            | Self::TokenMissing
            | Self::SessionChanged
            | Self::AnswerUnreadable(_) => &[],
        }
    }
}
