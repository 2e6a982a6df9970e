//! Identifiers: UUIDv7 (RFC 9562). The application makes them from the clock, so no database sequence is needed.

use chrono::{DateTime, Utc};
use contract::refusal::Problem;
use uuid::Uuid;

/// A UUIDv7 whose time is `now`, to the millisecond; its other 74 bits are random.
#[must_use]
pub fn uuid_at(now: DateTime<Utc>) -> Uuid {
    let mut random = [0; 10];
    aws_lc_rs::rand::fill(&mut random).expect("the operating system gives random bytes");
    let millis = u64::try_from(now.timestamp_millis()).expect("the clock is past 1970");
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// Parses the usual form of a UUID: 36 characters with hyphens.
pub fn parse_uuid(text: &str) -> Result<Uuid, Problem> {
    let problem = || {
        Problem::new(
            "NOT_A_UUID",
            "must be a UUID such as 0190163d-8694-739b-aea5-966c26f8ad91",
        )
    };
    if text.len() != 36 {
        return Err(problem());
    }
    Uuid::try_parse(text).map_err(|_not_hexadecimal| problem())
}

/// Parses the id that a client gives a request so that it is done only once (AIP-155): a UUID, but not the nil UUID, which
/// clients send for an id that they did not set, and not the max UUID (RFC 9562 sections 5.9 and 5.10). With them, the
/// second request of such a client would not be done.
pub fn parse_request_id(text: &str) -> Result<Uuid, Problem> {
    let id = parse_uuid(text)?;
    if id.is_nil() || id.is_max() {
        return Err(Problem::new(
            "RESERVED_UUID",
            "must be a UUID made for this request, not the nil or the max UUID",
        ));
    }
    Ok(id)
}

macro_rules! id {
    ($(#[$doc:meta])+ $name:ident) => {
        $(#[$doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[derive(serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(transparent))]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id whose time is `now`.
            #[must_use]
            pub fn at(now: DateTime<Utc>) -> Self {
                Self(uuid_at(now))
            }

            /// Parses the text form that is used in messages.
            pub fn parse(text: &str) -> Result<Self, Problem> {
                parse_uuid(text).map(Self)
            }

            /// The UUID itself.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// An account: the user that a token authenticates, and the owner of tasks.
    UserId
}
id! {
    /// One signed-in device.
    SessionId
}

impl From<ApiKeyId> for SessionId {
    fn from(id: ApiKeyId) -> Self {
        Self(id.0)
    }
}

id! {
    /// A credential of a backend. The tokens it is exchanged for belong to a session with the same id.
    ApiKeyId
}
id! {
    /// A task of one user.
    TaskId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nil_and_the_max_uuid_are_no_request_ids() {
        for reserved in [Uuid::nil(), Uuid::max()] {
            for text in [reserved.to_string(), reserved.to_string().to_uppercase()] {
                let problem = parse_request_id(&text).unwrap_err();
                assert_eq!(problem.reason, "RESERVED_UUID");
            }
        }
        assert_eq!(parse_request_id("").unwrap_err().reason, "NOT_A_UUID");
        let id = "0190163d-8694-739b-aea5-966c26f8ad91";
        assert_eq!(parse_request_id(id).unwrap().to_string(), id);
    }
}
