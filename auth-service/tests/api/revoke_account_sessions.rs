//! `AdminService.RevokeAccountSessions`

use shared::proto::auth::{GetAccountRequest, IntrospectTokenRequest};
use testing::{assert_refused, violations};
use tonic::Code;

use crate::{
    admins::{admin, revoke_sessions},
    keys::{create, exchange, wish},
    watcher::of_service,
    world::{World, bearing},
};

#[tokio::test]
async fn every_session_of_the_account_ends_and_its_tokens_are_void_but_it_stays_open() {
    let world = World::boot().await;
    let (admin, person, other) = (
        admin(&world).await,
        world.person().await,
        world.person().await,
    );
    let phone = world.sign_in(&person).await;
    let key = create(&world, &person.tokens, wish(&["tasks.read"]))
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
        let refused = world.refresh(&tokens.refresh_token, &[]).await.unwrap_err();
        assert_refused(&refused, Code::Unauthenticated, "SESSION_REVOKED");
        let get = bearing(tokens, GetAccountRequest {});
        let refused = world.account.clone().get_account(get).await.unwrap_err();
        assert_refused(&refused, Code::Unauthenticated, "TOKEN_REVOKED");
        let message = IntrospectTokenRequest {
            token: tokens.access_token.clone(),
        };
        let answer = world
            .verifier
            .clone()
            .introspect_token(of_service(message))
            .await;
        assert!(!answer.unwrap().into_inner().active);
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
async fn an_administrator_can_end_the_own_sessions() {
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
async fn an_account_that_is_none_is_not_found_and_an_id_that_is_none_is_named() {
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
