//! `AuthService.SignOut`

use contract::proto::auth::{GetAccountRequest, SignOutRequest};
use testing::assert_refused;
use tonic::Code;

use crate::world::{World, with_tokens};

async fn sign_out(world: &World, token: &str) {
    let request = SignOutRequest {
        refresh_token: token.to_owned(),
    };
    world.auth.clone().sign_out(request).await.unwrap();
}

#[tokio::test]
async fn signing_out_ends_the_session_its_refresh_token_and_its_access_token() {
    let world = World::boot().await;
    let person = world.person().await;
    sign_out(&world, &person.tokens.refresh_token).await;
    let refused = world
        .refresh(&person.tokens.refresh_token, &[])
        .await
        .unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "SESSION_REVOKED");
    let request = with_tokens(&person.tokens, GetAccountRequest {});
    let refused = world
        .account
        .clone()
        .get_account(request)
        .await
        .unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "TOKEN_REVOKED");
    assert_eq!(world.audit(&person.id, 2).await, ["sign_up", "sign_out"]);
}

#[tokio::test]
async fn an_older_refresh_token_of_the_session_signs_out_too() {
    let world = World::boot().await;
    let person = world.person().await;
    let next = world
        .refresh(&person.tokens.refresh_token, &[])
        .await
        .unwrap();
    sign_out(&world, &person.tokens.refresh_token).await;
    let refused = world.refresh(&next.refresh_token, &[]).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "SESSION_REVOKED");
}

#[tokio::test]
async fn unknown_tokens_and_ended_sessions_get_ok_and_end_nothing() {
    let world = World::boot().await;
    let person = world.person().await;
    let other = world.sign_in(&person).await;
    for token in ["", "nonsense", &"A".repeat(72)] {
        sign_out(&world, token).await;
    }
    for _ in 0..2 {
        sign_out(&world, &other.refresh_token).await;
    }
    world
        .refresh(&person.tokens.refresh_token, &[])
        .await
        .unwrap();
    assert_eq!(
        world.audit(&person.id, 3).await,
        ["sign_up", "sign_in", "sign_out"]
    );
}
