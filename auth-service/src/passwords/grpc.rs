//! The RPC of passwords.

use contract::{
    proto::auth::{ChangePasswordRequest, ChangePasswordResponse},
    refusal::Violations,
};
use serving::caller::authenticated;
use tonic::{Request, Response, Status};

use super::{
    PasswordChange, Passwords,
    domain::{Password, RawPassword, required},
};
use crate::error::Error;

impl Passwords {
    pub(crate) async fn change_password_rpc(
        &self,
        request: Request<ChangePasswordRequest>,
    ) -> Result<Response<ChangePasswordResponse>, Status> {
        let (caller, call, message) = authenticated(request)?;
        let change = PasswordChange::try_from(message)?;
        let pair = self.change(caller, &call, change).await?;
        Ok(Response::new(ChangePasswordResponse {
            tokens: Some(pair.into()),
        }))
    }
}

impl TryFrom<ChangePasswordRequest> for PasswordChange {
    type Error = Error;

    fn try_from(message: ChangePasswordRequest) -> Result<Self, Error> {
        let ChangePasswordRequest {
            current_password,
            new_password,
            revoke_api_keys,
        } = message;
        let mut violations = Violations::default();
        let current = violations.take("current_password", required(current_password));
        let new = RawPassword::from(new_password);
        // Whether it is the account's address is checked later, when the account is known.
        let _checked: Option<Password> = violations.take("new_password", new.parse(None));
        let build = || {
            Some(Self {
                current: current?,
                new,
                revoke_api_keys,
            })
        };
        violations.finish(build).map_err(Error::FieldInvalid)
    }
}
