//! The RPCs with which administrators manage accounts.

use api::ids::UserId;
use contract::{
    proto::auth::{
        DisableAccountRequest, DisableAccountResponse, EnableAccountRequest, EnableAccountResponse,
        ListAccountsRequest, ListAccountsResponse, RevokeAccountSessionsRequest,
        RevokeAccountSessionsResponse,
    },
    refusal::Violations,
};
use serving::caller::{Caller, authenticated};
use tonic::{Request, Response, Status};

use super::{
    Admin,
    page::{PageRequest, binding, optional},
};
use crate::{accounts::email::Email, error::Error};

impl Admin {
    pub(crate) async fn list_accounts_rpc(
        &self,
        request: Request<ListAccountsRequest>,
    ) -> Result<Response<ListAccountsResponse>, Status> {
        let (caller, call, message) = authenticated(request)?;
        let (page, email) = self.parse(&message, caller)?;
        let page = self.list_accounts(caller, &call, page, email).await?;
        Ok(Response::new(ListAccountsResponse {
            accounts: page.entries.iter().map(Into::into).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    pub(crate) async fn disable_account_rpc(
        &self,
        request: Request<DisableAccountRequest>,
    ) -> Result<Response<DisableAccountResponse>, Status> {
        let (caller, call, DisableAccountRequest { account_id }) = authenticated(request)?;
        let id = parse_id(&account_id)?;
        let account = self.disable(caller, &call, id).await?;
        Ok(Response::new(DisableAccountResponse {
            account: Some((&account).into()),
        }))
    }

    pub(crate) async fn enable_account_rpc(
        &self,
        request: Request<EnableAccountRequest>,
    ) -> Result<Response<EnableAccountResponse>, Status> {
        let (caller, call, EnableAccountRequest { account_id }) = authenticated(request)?;
        let id = parse_id(&account_id)?;
        let account = self.enable(caller, &call, id).await?;
        Ok(Response::new(EnableAccountResponse {
            account: Some((&account).into()),
        }))
    }

    pub(crate) async fn revoke_account_sessions_rpc(
        &self,
        request: Request<RevokeAccountSessionsRequest>,
    ) -> Result<Response<RevokeAccountSessionsResponse>, Status> {
        let (caller, call, message) = authenticated(request)?;
        let RevokeAccountSessionsRequest {
            account_id,
            revoke_api_keys,
        } = message;
        let id = parse_id(&account_id)?;
        let ended = self.end_sessions(caller, &call, id, revoke_api_keys);
        let revoked_count = ended.await?;
        let response = RevokeAccountSessionsResponse { revoked_count };
        Ok(Response::new(response))
    }

    /// The page, and the address that is searched for, if there is one.
    fn parse(
        &self,
        message: &ListAccountsRequest,
        caller: Caller,
    ) -> Result<(PageRequest, Option<Email>), Error> {
        let ListAccountsRequest {
            page_size,
            page_token,
            email,
        } = message;
        let mut violations = Violations::default();
        let binding = binding(b"accounts", caller, email);
        let page = self
            .pages
            .parse(*page_size, page_token, binding, &mut violations);
        let email = violations.take("email", optional(email, Email::parse_existing));
        violations
            .finish(|| Some((page?, email?)))
            .map_err(Error::FieldInvalid)
    }
}

pub(super) fn parse_id(text: &str) -> Result<UserId, Error> {
    UserId::parse(text).map_err(|problem| Error::field("account_id", problem))
}
