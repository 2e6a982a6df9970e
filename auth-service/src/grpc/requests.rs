//! From messages to what the use cases take: every violation of a request is found at once.

use shared::{
    etag,
    ids::SessionId,
    mask::Fields,
    proto::auth::{
        Account, ChangePasswordRequest, DeleteAccountRequest, RefreshTokensRequest,
        RevokeSessionRequest, SignInRequest, SignUpRequest, UpdateAccountRequest,
    },
    refusal::{Problem, Violations},
};

use crate::{
    accounts::{Change, RawPassword, SignUp},
    confirmed::NewPassword,
    domain::{AttemptTag, DeviceLabel, DisplayName, Email, Password},
    error::Error,
    sign_in::SignIn,
};

/// What an update of an account may name.
const FIELDS: Fields = Fields {
    mutable: &["display_name"],
    output_only: &["id", "role", "state", "create_time", "update_time", "etag"],
};

pub(super) fn sign_up(message: SignUpRequest) -> Result<SignUp, Error> {
    let SignUpRequest {
        email,
        password,
        display_name,
        device_label,
    } = message;
    let password = RawPassword::from(password);
    let mut violations = Violations::default();
    let email = violations.take("email", Email::parse(&email));
    let password = violations.take("password", password.parse(email.as_ref()));
    let display_name = match (&email, display_name.is_empty()) {
        (Some(email), true) => Some(DisplayName::from_email(email)),
        (None, true) => None,
        (_, false) => violations.take("display_name", DisplayName::parse(&display_name)),
    };
    let device_label = violations.take("device_label", DeviceLabel::parse(&device_label));
    let build = || {
        Some(SignUp {
            email: email?,
            password: password?,
            display_name: display_name?,
            device_label: device_label?,
        })
    };
    violations.finish(build).map_err(Error::FieldInvalid)
}

pub(super) fn sign_in(message: SignInRequest) -> Result<SignIn, Error> {
    let SignInRequest {
        email,
        password,
        device_label,
    } = message;
    let mut violations = Violations::default();
    let email = violations.take("email", Email::parse(&email));
    let password = violations.take("password", present(password));
    let device_label = violations.take("device_label", DeviceLabel::parse(&device_label));
    let build = || {
        Some(SignIn {
            email: email?,
            password: password?,
            device_label: device_label?,
        })
    };
    violations.finish(build).map_err(Error::FieldInvalid)
}

/// A refresh token that is missing is as invalid as any other: no field violation tells it apart.
pub(super) fn refresh_tokens(
    message: RefreshTokensRequest,
) -> Result<(String, Option<AttemptTag>), Error> {
    let RefreshTokensRequest {
        refresh_token,
        attempt_tag,
    } = message;
    let tag =
        AttemptTag::parse(&attempt_tag).map_err(|problem| Error::field("attempt_tag", problem))?;
    Ok((refresh_token, tag))
}

pub(super) fn update_account(message: UpdateAccountRequest) -> Result<Change, Error> {
    let UpdateAccountRequest {
        account,
        update_mask,
    } = message;
    let Some(account) = account else {
        return Err(Error::field(
            "account",
            Problem::new("REQUIRED", "must be set"),
        ));
    };
    let Account {
        id: _,
        email: _,
        display_name,
        role: _,
        state: _,
        create_time: _,
        update_time: _,
        etag,
    } = account;
    let mut violations = Violations::default();
    let populated = |_only_one: &str| !display_name.is_empty();
    let fields = violations.take(
        "update_mask",
        FIELDS.chosen(update_mask.as_ref(), populated),
    );
    let revision = violations.take("account.etag", etag::parse(&etag));
    let named = fields.is_some_and(|fields| fields.contains("display_name"));
    let display_name = named
        .then(|| violations.take("account.display_name", DisplayName::parse(&display_name)))
        .flatten();
    let build = || {
        Some(Change {
            display_name,
            revision: revision?,
        })
    };
    violations.finish(build).map_err(Error::FieldInvalid)
}

pub(super) fn change_password(message: ChangePasswordRequest) -> Result<NewPassword, Error> {
    let ChangePasswordRequest {
        current_password,
        new_password,
    } = message;
    let mut violations = Violations::default();
    let current = violations.take("current_password", present(current_password));
    let new = RawPassword::from(new_password);
    // Whether it is the account's address is checked when the account is known.
    let _checked: Option<Password> = violations.take("new_password", new.parse(None));
    let build = || {
        Some(NewPassword {
            current: current?,
            new,
        })
    };
    violations.finish(build).map_err(Error::FieldInvalid)
}

pub(super) fn delete_account(message: DeleteAccountRequest) -> Result<RawPassword, Error> {
    let DeleteAccountRequest { current_password } = message;
    present(current_password).map_err(|problem| Error::field("current_password", problem))
}

pub(super) fn revoke_session(message: &RevokeSessionRequest) -> Result<SessionId, Error> {
    let RevokeSessionRequest { session_id } = message;
    SessionId::parse(session_id).map_err(|problem| Error::field("session_id", problem))
}

/// A password that is to be checked, not set: it must only be there.
fn present(password: String) -> Result<RawPassword, Problem> {
    if password.is_empty() {
        return Err(Problem::new("REQUIRED", "must not be empty"));
    }
    Ok(RawPassword::from(password))
}
