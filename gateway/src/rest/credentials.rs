//! The bodies of `/api/auth/…`.

use contract::proto::auth::{SignInRequest, SignUpRequest};
use serde_json::Value;
use utoipa::ToSchema;

use super::{fields::Fields, problem::Problem};

/// Longer than any address, password, name or token that the services take. They have rules of their own.
const LONGEST: usize = 1024;

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
        ..SignUpRequest::default()
    };
    Ok((request, fields.finish()?))
}

/// Reads a [`SignIn`]. Returns the fields as they were sent too.
pub(super) fn sign_in(mut fields: Fields) -> Result<(SignInRequest, Value), Problem> {
    let request = SignInRequest {
        email: fields.required("email", 1..=LONGEST),
        password: fields.required("password", 1..=LONGEST),
        device_label: fields.optional("device_label", 100).unwrap_or_default(),
        ..SignInRequest::default()
    };
    Ok((request, fields.finish()?))
}

/// Reads a [`RefreshToken`]. Returns the fields as they were sent too.
pub(super) fn refresh_token(mut fields: Fields) -> Result<(String, Value), Problem> {
    let token = fields.required("refresh_token", 1..=LONGEST);
    Ok((token, fields.finish()?))
}
