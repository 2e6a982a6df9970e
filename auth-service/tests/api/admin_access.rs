//! Who may call `AdminService`: those whose account is an administrator now, whatever their token says.

use contract::proto::auth::{ListAccountsRequest, ListAuditEventsRequest, TokenPair};
use testing::assert_refused;
use tonic::{Code, Status};
use verifier::{Scope, Scopes};

use crate::{
    admins::{
        admin, disable, enable, list_accounts, list_events, revoke_sessions, rotate_signing_key,
        set_role, signing_keys,
    },
    keys::{create, exchange, key_request},
    world::World,
};

/// The refusals of each RPC, called with a valid message about an account.
async fn refusals(world: &World, tokens: &TokenPair, id: &str) -> [Status; 7] {
    [
        list_accounts(world, tokens, ListAccountsRequest::default())
            .await
            .unwrap_err(),
        disable(world, tokens, id).await.unwrap_err(),
        enable(world, tokens, id).await.unwrap_err(),
        revoke_sessions(world, tokens, id).await.unwrap_err(),
        list_events(world, tokens, ListAuditEventsRequest::default())
            .await
            .unwrap_err(),
        signing_keys(world, tokens).await.unwrap_err(),
        rotate_signing_key(world, tokens).await.unwrap_err(),
    ]
}

/// The scopes of an access token.
fn scopes(token: &str) -> Scopes {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let claims = URL_SAFE_NO_PAD
        .decode(token.split('.').nth(1).unwrap())
        .unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    Scopes::parse(claims["scope"].as_str().unwrap())
}

#[tokio::test]
async fn only_tokens_of_administrators_have_the_scope_admin_after_signing_in_and_after_refreshing()
{
    let world = World::boot().await;
    let (admin, person) = (admin(&world).await, world.person().await);
    let refreshed = world
        .refresh(&admin.tokens.refresh_token, &[])
        .await
        .unwrap();
    for tokens in [&admin.tokens, &refreshed] {
        let scopes = scopes(&tokens.access_token);
        for scope in [
            Scope::Admin,
            Scope::Account,
            Scope::TasksRead,
            Scope::TasksWrite,
        ] {
            assert!(scopes.contains(scope), "{scope:?}");
        }
    }
    assert!(!scopes(&person.tokens.access_token).contains(Scope::Admin));
}

#[tokio::test]
async fn a_user_may_call_none_of_the_rpcs() {
    let world = World::boot().await;
    let (person, other) = (world.person().await, world.person().await);
    for refused in refusals(&world, &person.tokens, &other.id).await {
        assert_refused(&refused, Code::PermissionDenied, "SCOPE_MISSING");
    }
    world
        .refresh(&other.tokens.refresh_token, &[])
        .await
        .unwrap();
}

#[tokio::test]
async fn an_api_key_of_an_administrator_may_call_none_of_the_rpcs() {
    let world = World::boot().await;
    let (admin, other) = (admin(&world).await, world.person().await);
    let made = create(
        &world,
        &admin.tokens,
        key_request(&["tasks.read", "tasks.write"]),
    )
    .await
    .unwrap();
    let mut tokens = admin.tokens.clone();
    tokens.access_token = exchange(&world, &made.secret).await.unwrap().access_token;
    for refused in refusals(&world, &tokens, &other.id).await {
        assert_refused(&refused, Code::PermissionDenied, "SCOPE_MISSING");
    }
}

#[tokio::test]
async fn a_former_administrator_may_call_none_of_the_rpcs_with_an_old_token() {
    let world = World::boot().await;
    let (admin, other) = (admin(&world).await, world.person().await);
    set_role(&world, &admin, 1).await;
    for refused in refusals(&world, &admin.tokens, &other.id).await {
        assert_refused(&refused, Code::PermissionDenied, "SCOPE_MISSING");
    }
}

#[tokio::test]
async fn an_administrator_whose_session_has_ended_may_call_none_of_the_rpcs() {
    let world = World::boot().await;
    let other = world.person().await;
    for statement in [
        "update auth.session set revoke_time = create_time, revoke_reason = 1 where revoke_time is null",
        "update auth.session set idle_deadline = create_time",
        "update auth.account set state = 2 where role = 2",
        "update auth.account set epoch = epoch + 1",
    ] {
        let admin = admin(&world).await;
        world.execute(statement).await;
        for refused in refusals(&world, &admin.tokens, &other.id).await {
            assert_refused(&refused, Code::Unauthenticated, "TOKEN_REVOKED");
        }
    }
}

#[tokio::test]
async fn without_the_database_every_rpc_is_unavailable() {
    let world = World::boot().await;
    let (admin, other) = (admin(&world).await, world.person().await);
    world.cut_database().await;
    for refused in refusals(&world, &admin.tokens, &other.id).await {
        assert_refused(&refused, Code::Unavailable, "DATABASE_UNAVAILABLE");
    }
}

#[tokio::test]
async fn without_a_valid_token_every_rpc_refuses() {
    let world = World::boot().await;
    let person = world.person().await;
    let mut tokens = person.tokens.clone();
    tokens.access_token.truncate(tokens.access_token.len() - 2);
    for refused in refusals(&world, &tokens, &person.id).await {
        assert_refused(&refused, Code::Unauthenticated, "TOKEN_INVALID");
    }
}
