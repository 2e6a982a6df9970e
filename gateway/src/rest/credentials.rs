//! The bodies of `/api/auth/…`.

use std::ops::RangeInclusive;

use api::bounds;
use contract::proto::auth::{RefreshTokensRequest, SignInRequest, SignUpRequest};
use serde_json::Value;
use utoipa::ToSchema;

use super::{fields::Fields, problem::Problem};

/// Longer than any address, password, name or token that the services take. They have rules of their own.
const LONGEST: usize = 1024;

/// Characters of an attempt tag in base64, with or without padding.
pub(super) const TAG_LENGTHS: RangeInclusive<usize> = 22..=88;
/// Base64 of 16 to 64 bytes, in either alphabet, with or without padding.
pub(super) const TAG_PATTERN: &str = "^([A-Za-z0-9+/_-]{4}){5,20}([A-Za-z0-9+/_-]{2}(==)?|[A-Za-z0-9+/_-]{3}=?|[A-Za-z0-9+/_-]{4})$\
    |^([A-Za-z0-9+/_-]{4}){21}[A-Za-z0-9+/_-]{2}(==)?$";

/// An account to create.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "only for the document; `sign_up` reads the fields"
)]
pub(super) struct SignUp {
    /// At most 254 bytes. Case does not matter.
    #[schema(format = "email", min_length = 1, max_length = 254)]
    email: String,
    /// 8 to 128 characters (NFC); not the address, and not one of the most common passwords.
    #[schema(format = "password", min_length = 8, max_length = 128)]
    password: String,
    /// 1 to 100 characters; without it, the part of the address before the `@`.
    #[schema(max_length = 100)]
    display_name: Option<String>,
    /// What to call this device in the list of sessions.
    #[schema(max_length = 100)]
    device_label: Option<String>,
    /// Base64 of 16 to 64 random bytes that this device keeps beside the session and sends with each refresh. Then a refresh whose
    /// answer was lost can be sent again, however late, and a thief of the token is still found.
    #[schema(content_encoding = "base64")]
    attempt_tag: Option<String>,
}

/// Who signs in.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "only for the document; `sign_in` reads the fields"
)]
pub(super) struct SignIn {
    #[schema(format = "email", min_length = 1, max_length = 1024)]
    email: String,
    #[schema(format = "password", min_length = 1, max_length = 1024)]
    password: String,
    /// What to call this device in the list of sessions.
    #[schema(max_length = 100)]
    device_label: Option<String>,
    /// As for a sign-up.
    #[schema(content_encoding = "base64")]
    attempt_tag: Option<String>,
}

/// A token to refresh.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "only for the document; `refresh` reads the fields"
)]
pub(super) struct Refresh {
    #[schema(min_length = 1, max_length = 1024)]
    refresh_token: String,
    /// The one of the sign-up or sign-in. A new one is good with the current token.
    #[schema(content_encoding = "base64")]
    attempt_tag: Option<String>,
}

/// A token of a session.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "only for the document; `refresh_token` reads the field"
)]
pub(super) struct RefreshToken {
    #[schema(min_length = 1, max_length = 1024)]
    refresh_token: String,
}

/// Reads a [`SignUp`]. Returns the fields as they were sent too.
pub(super) fn sign_up(mut fields: Fields) -> Result<(SignUpRequest, Value), Problem> {
    let request = SignUpRequest {
        email: fields.required("email", 1..=LONGEST),
        password: fields.required("password", 1..=LONGEST),
        display_name: fields.optional("display_name", 100).unwrap_or_default(),
        device_label: fields.optional("device_label", 100).unwrap_or_default(),
        attempt_tag: fields.bytes("attempt_tag", bounds::ATTEMPT_TAG),
    };
    Ok((request, fields.finish()?))
}

/// Reads a [`SignIn`]. Returns the fields as they were sent too.
pub(super) fn sign_in(mut fields: Fields) -> Result<(SignInRequest, Value), Problem> {
    let request = SignInRequest {
        email: fields.required("email", 1..=LONGEST),
        password: fields.required("password", 1..=LONGEST),
        device_label: fields.optional("device_label", 100).unwrap_or_default(),
        attempt_tag: fields.bytes("attempt_tag", bounds::ATTEMPT_TAG),
    };
    Ok((request, fields.finish()?))
}

/// Reads a [`Refresh`]. Returns the fields as they were sent too.
pub(super) fn refresh(mut fields: Fields) -> Result<(RefreshTokensRequest, Value), Problem> {
    let request = RefreshTokensRequest {
        refresh_token: fields.required("refresh_token", 1..=LONGEST),
        attempt_tag: fields.bytes("attempt_tag", bounds::ATTEMPT_TAG),
    };
    Ok((request, fields.finish()?))
}

/// Reads a [`RefreshToken`]. Returns the fields as they were sent too.
pub(super) fn refresh_token(mut fields: Fields) -> Result<(String, Value), Problem> {
    let token = fields.required("refresh_token", 1..=LONGEST);
    Ok((token, fields.finish()?))
}
