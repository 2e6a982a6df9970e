//! Shared by the tests of administration: an administrator, and one function for each RPC.

use contract::proto::auth::{
    Account, AuditEvent, DisableAccountRequest, EnableAccountRequest, ListAccountsRequest,
    ListAccountsResponse, ListAuditEventsRequest, ListAuditEventsResponse, ListSigningKeysRequest,
    RevokeAccountSessionsRequest, RotateSigningKeyRequest, SigningKey, TokenPair,
};
use tonic::Status;

use crate::world::{Person, World, with_tokens};

/// A user with the role ADMIN, signed in.
pub(crate) async fn admin(world: &World) -> Person {
    let mut person = world.person().await;
    set_role(world, &person, 2).await;
    person.tokens = world.sign_in(&person).await;
    person
}

/// Gives an account the role with this number.
pub(crate) async fn set_role(world: &World, person: &Person, role: i16) {
    let mut connection = world.connect().await;
    sqlx::query("update auth.account set role = $2 where id = $1::uuid")
        .bind(&person.id)
        .bind(role)
        .execute(&mut connection)
        .await
        .unwrap();
}

pub(crate) async fn disable(world: &World, by: &TokenPair, id: &str) -> Result<Account, Status> {
    let message = DisableAccountRequest {
        account_id: id.to_owned(),
    };
    let answer = world
        .admin
        .clone()
        .disable_account(with_tokens(by, message))
        .await?;
    Ok(answer.into_inner().account.unwrap())
}

pub(crate) async fn enable(world: &World, by: &TokenPair, id: &str) -> Result<Account, Status> {
    let message = EnableAccountRequest {
        account_id: id.to_owned(),
    };
    let answer = world
        .admin
        .clone()
        .enable_account(with_tokens(by, message))
        .await?;
    Ok(answer.into_inner().account.unwrap())
}

pub(crate) async fn revoke_sessions(
    world: &World,
    by: &TokenPair,
    id: &str,
) -> Result<i32, Status> {
    let message = RevokeAccountSessionsRequest {
        account_id: id.to_owned(),
        revoke_api_keys: false,
    };
    let request = with_tokens(by, message);
    let answer = world.admin.clone().revoke_account_sessions(request).await?;
    Ok(answer.into_inner().revoked_count)
}

pub(crate) async fn list_accounts(
    world: &World,
    by: &TokenPair,
    message: ListAccountsRequest,
) -> Result<ListAccountsResponse, Status> {
    let answer = world
        .admin
        .clone()
        .list_accounts(with_tokens(by, message))
        .await?;
    Ok(answer.into_inner())
}

pub(crate) async fn list_events(
    world: &World,
    by: &TokenPair,
    message: ListAuditEventsRequest,
) -> Result<ListAuditEventsResponse, Status> {
    let answer = world
        .admin
        .clone()
        .list_audit_events(with_tokens(by, message))
        .await?;
    Ok(answer.into_inner())
}

/// The newest events of an account, the newest first.
pub(crate) async fn events_of(world: &World, by: &TokenPair, id: &str) -> Vec<AuditEvent> {
    let message = ListAuditEventsRequest {
        account_id: id.to_owned(),
        ..ListAuditEventsRequest::default()
    };
    list_events(world, by, message).await.unwrap().events
}

pub(crate) async fn signing_keys(world: &World, by: &TokenPair) -> Result<Vec<SigningKey>, Status> {
    let message = ListSigningKeysRequest {};
    let answer = world
        .admin
        .clone()
        .list_signing_keys(with_tokens(by, message))
        .await?;
    Ok(answer.into_inner().keys)
}

pub(crate) async fn rotate_signing_key(
    world: &World,
    by: &TokenPair,
) -> Result<SigningKey, Status> {
    let message = RotateSigningKeyRequest {};
    let answer = world
        .admin
        .clone()
        .rotate_signing_key(with_tokens(by, message))
        .await?;
    Ok(answer.into_inner().key.unwrap())
}
