//! `AdminService.RevokeAccountSessions`

use contract::proto::auth::{GetAccountRequest, IntrospectTokenRequest, TokenPair};
use testing::{assert_refused, violations};
use tonic::Code;

use crate::{
    admins::{admin, revoke_sessions},
    keys::{create, exchange, key_request},
    watcher::of_service,
    world::{World, with_tokens},
};

/// Asserts that the refresh token and the access token of a session are refused.
async fn assert_ended(world: &World, tokens: &TokenPair) {
    let refused = world.refresh(&tokens.refresh_token, &[]).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "SESSION_REVOKED");
    let get = with_tokens(tokens, GetAccountRequest {});
    let refused = world.account.clone().get_account(get).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "TOKEN_REVOKED");
    let token = tokens.access_token.clone();
    let message = of_service(IntrospectTokenRequest { token });
    let answer = world.verifier.clone().introspect_token(message).await;
    assert!(!answer.unwrap().into_inner().active);
}

#[tokio::test]
async fn every_session_ends_and_its_tokens_are_revoked_but_the_account_stays_active() {
    let world = World::boot().await;
    let (admin, person, other) = (
        admin(&world).await,
        world.person().await,
        world.person().await,
    );
    let phone = world.sign_in(&person).await;
    let key = create(&world, &person.tokens, key_request(&["tasks.read"]))
        .await
        .unwrap()
        .secret;
    assert_eq!(
        revoke_sessions(&world, &admin.tokens, &person.id)
            .await
            .unwrap(),
        2
    );
    for tokens in [&person.tokens, &phone] {
        assert_ended(&world, tokens).await;
    }
    world.sign_in(&person).await;
    exchange(&world, &key).await.unwrap();
    world
        .refresh(&other.tokens.refresh_token, &[])
        .await
        .unwrap();
    let mut connection = world.connect().await;
    let actor: String = sqlx::query_scalar(
        "select actor from auth.audit_event where kind = 'account_sessions_revoked' and account_id = $1::uuid",
    )
    .bind(&person.id)
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert_eq!(actor, admin.id);
}

#[tokio::test]
async fn an_administrator_can_end_its_own_sessions() {
    let world = World::boot().await;
    let admin = admin(&world).await;
    assert_eq!(
        revoke_sessions(&world, &admin.tokens, &admin.id)
            .await
            .unwrap(),
        2
    );
    let refused = revoke_sessions(&world, &admin.tokens, &admin.id)
        .await
        .unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "TOKEN_REVOKED");
}

#[tokio::test]
async fn an_unknown_account_is_not_found_and_a_malformed_id_is_named() {
    let world = World::boot().await;
    let admin = admin(&world).await;
    let nobody = "0190163d-8694-739b-aea5-966c26f8ad91";
    let refused = revoke_sessions(&world, &admin.tokens, nobody)
        .await
        .unwrap_err();
    assert_refused(&refused, Code::NotFound, "ACCOUNT_NOT_FOUND");
    let refused = revoke_sessions(&world, &admin.tokens, "x")
        .await
        .unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(
        violations(&refused),
        [("account_id".to_owned(), "NOT_A_UUID".to_owned())]
    );
}
