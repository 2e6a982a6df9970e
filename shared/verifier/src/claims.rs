//! What an access token says.

use api::ids::{SessionId, UserId};
use serde::{Deserialize, Serialize};

/// The claims of an access token (RFC 9068 section 2.2). Each is required and typed: an `exp` that is not an integer is
/// refused (CVE-2026-25537).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Issuer.
    pub iss: String,
    /// Audience; exactly one.
    pub aud: String,
    /// Subject: the account.
    pub sub: UserId,
    /// Session.
    pub sid: SessionId,
    /// The account's epoch; a token of an older epoch is not valid.
    pub ep: i64,
    /// Scopes, separated by spaces (RFC 8693 section 4.2).
    pub scope: String,
    /// The client the token was issued to.
    pub client_id: String,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// Not valid before, in seconds since 1970.
    pub nbf: i64,
    /// Not valid from this moment on, in seconds since 1970.
    pub exp: i64,
    /// Token id.
    pub jti: String,
}

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The caller's account and sessions.
    Account,
    /// Reading the caller's tasks.
    TasksRead,
    /// Changing the caller's tasks.
    TasksWrite,
    /// Administration.
    Admin,
}

impl Scope {
    const ALL: [Self; 4] = [
        Self::Account,
        Self::TasksRead,
        Self::TasksWrite,
        Self::Admin,
    ];

    /// As written in tokens and access options.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::TasksRead => "tasks.read",
            Self::TasksWrite => "tasks.write",
            Self::Admin => "admin",
        }
    }

    /// The scope of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// The scopes of a signed-in session.
    pub const SESSION: Self = Self(
        1 << Scope::Account as u8 | 1 << Scope::TasksRead as u8 | 1 << Scope::TasksWrite as u8,
    );

    /// These scopes and `scope`.
    #[must_use]
    pub const fn with(self, scope: Scope) -> Self {
        Self(self.0 | 1 << scope as u8)
    }

    /// The scopes of a `scope` claim; unknown ones allow nothing and are ignored.
    #[must_use]
    pub fn parse(claim: &str) -> Self {
        claim
            .split(' ')
            .filter_map(Scope::parse)
            .fold(Self::default(), Self::with)
    }

    /// Whether `scope` is among them.
    #[must_use]
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & 1 << scope as u8 != 0
    }
}

impl std::fmt::Display for Scopes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = Scope::ALL
            .into_iter()
            .filter(|scope| self.contains(*scope))
            .map(Scope::as_str);
        f.write_str(&names.collect::<Vec<_>>().join(" "))
    }
}
