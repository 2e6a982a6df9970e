//! What administrators do with the API keys of an account.

use std::sync::Arc;

use api::ids::{ApiKeyId, UserId};
use contract::{
    proto::auth::{
        ListAccountApiKeysRequest, ListAccountApiKeysResponse, RevokeAccountApiKeyRequest,
        RevokeAccountApiKeyResponse,
    },
    refusal::Violations,
};
use futures_util::FutureExt as _;
use serving::caller::{Call, Caller, authenticated};
use tonic::{Request, Response, Status};

use super::{Admin, grpc::parse_id, store};
use crate::{
    api_keys::store::{self as api_keys, ApiKey},
    audit::domain::EventKind,
    error::Error,
};

impl Admin {
    pub(crate) async fn list_account_api_keys_rpc(
        &self,
        request: Request<ListAccountApiKeysRequest>,
    ) -> Result<Response<ListAccountApiKeysResponse>, Status> {
        let (caller, call, ListAccountApiKeysRequest { account_id }) = authenticated(request)?;
        let id = parse_id(&account_id)?;
        let listed = self.list_api_keys(caller, &call, id).await?;
        Ok(Response::new(ListAccountApiKeysResponse {
            api_keys: listed.iter().map(Into::into).collect(),
        }))
    }

    pub(crate) async fn revoke_account_api_key_rpc(
        &self,
        request: Request<RevokeAccountApiKeyRequest>,
    ) -> Result<Response<RevokeAccountApiKeyResponse>, Status> {
        let (caller, call, message) = authenticated(request)?;
        let (account_id, id) = parse_key(message)?;
        self.end_api_key(caller, &call, account_id, id).await?;
        Ok(Response::new(RevokeAccountApiKeyResponse {}))
    }

    /// The live keys of an account, the newest first.
    async fn list_api_keys(
        &self,
        caller: Caller,
        call: &Call,
        id: UserId,
    ) -> Result<Vec<ApiKey>, Error> {
        let now = self.context.now();
        let listed = self.gate.transaction(caller, call, move |connection| {
            async move {
                let found = store::find_account(connection, id).await?;
                let account = found.ok_or(Error::AccountNotFound)?;
                Ok(api_keys::list_of_account(connection, account.id, now).await?)
            }
            .boxed()
        });
        listed.await
    }

    /// Ends one live key of an account.
    async fn end_api_key(
        &self,
        caller: Caller,
        call: &Call,
        account_id: UserId,
        id: ApiKeyId,
    ) -> Result<(), Error> {
        let command = self.command(caller, call, account_id, EventKind::ApiKeyRevoked);
        let ended = self.gate.transaction(caller, call, move |connection| {
            let command = Arc::clone(&command);
            async move { command.end_api_key(connection, id).await }.boxed()
        });
        ended.await?;
        self.context.feed.notify_written();
        Ok(())
    }
}

fn parse_key(message: RevokeAccountApiKeyRequest) -> Result<(UserId, ApiKeyId), Error> {
    let RevokeAccountApiKeyRequest { account_id, id } = message;
    let mut violations = Violations::default();
    let account_id = violations.take("account_id", UserId::parse(&account_id));
    let id = violations.take("id", ApiKeyId::parse(&id));
    violations
        .finish(|| Some((account_id?, id?)))
        .map_err(Error::FieldInvalid)
}
