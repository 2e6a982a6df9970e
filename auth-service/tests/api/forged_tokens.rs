//! Forged refresh tokens and API keys: the limit of their address does not affect others at that address.

use std::time::Duration;

use contract::proto::auth::{
    CreateApiKeyRequest, ExchangeApiKeyRequest, ExchangeApiKeyResponse, RefreshTokensRequest,
    RefreshTokensResponse, RevokeApiKeyRequest, SignOutRequest,
};
use testing::assert_refused;
use tonic::{Code, Response, Status};

use crate::{
    throttle::{BEHIND_PROXY, from, limited},
    world::{PASSWORD, Person, World, with_tokens},
};

const THREE_AT_ONCE: [(&str, &str); 3] = [
    BEHIND_PROXY,
    ("auth.throttle.address_burst", "3"),
    ("auth.throttle.address_interval", "10s"),
];

async fn refresh(world: &World, token: &str) -> Result<Response<RefreshTokensResponse>, Status> {
    let request = RefreshTokensRequest {
        refresh_token: token.to_owned(),
        attempt_tag: vec![1; 16],
    };
    let request = from("192.0.2.1", request);
    world.auth.clone().refresh_tokens(request).await
}

async fn exchange(world: &World, key: &str) -> Result<Response<ExchangeApiKeyResponse>, Status> {
    let api_key = key.to_owned();
    let request = from("192.0.2.1", ExchangeApiKeyRequest { api_key });
    world.auth.clone().exchange_api_key(request).await
}

/// An API key of a user: its id and its text.
async fn api_key(world: &World, person: &Person) -> (String, String) {
    let request = CreateApiKeyRequest {
        display_name: "backend".to_owned(),
        scopes: vec!["tasks.read".to_owned()],
        expire_time: None,
        current_password: PASSWORD.to_owned(),
    };
    let request = with_tokens(&person.tokens, request);
    let made = world.account.clone().create_api_key(request).await.unwrap();
    let made = made.into_inner();
    (made.api_key.unwrap().id, made.secret)
}

#[tokio::test]
async fn an_address_of_forged_tokens_is_limited_and_an_honest_client_there_is_not() {
    let world = World::with(&THREE_AT_ONCE).await;
    let person = world.person().await;
    let mut token = person.tokens.refresh_token;
    for _ in 0..3 {
        let refused = refresh(&world, "forged").await.unwrap_err();
        assert_refused(&refused, Code::Unauthenticated, "REFRESH_TOKEN_INVALID");
    }
    for _ in 0..5 {
        assert_eq!(
            limited(refresh(&world, "forged").await),
            Duration::from_secs(10)
        );
        let next = refresh(&world, &token).await.unwrap().into_inner();
        token = next.tokens.unwrap().refresh_token;
    }
    let elsewhere = world.refresh("forged", &[]).await.unwrap_err();
    assert_refused(&elsewhere, Code::Unauthenticated, "REFRESH_TOKEN_INVALID");
}

#[tokio::test]
async fn tokens_of_an_ended_session_have_their_own_limit() {
    let world = World::with(&THREE_AT_ONCE).await;
    let person = world.person().await;
    let other = world.sign_in(&person).await;
    let sign_out = SignOutRequest {
        refresh_token: person.tokens.refresh_token.clone(),
    };
    world.auth.clone().sign_out(sign_out).await.unwrap();
    for _ in 0..3 {
        let refused = refresh(&world, &person.tokens.refresh_token).await;
        assert_refused(
            &refused.unwrap_err(),
            Code::Unauthenticated,
            "SESSION_REVOKED",
        );
    }
    let wait = limited(refresh(&world, &person.tokens.refresh_token).await);
    assert_eq!(wait, Duration::from_secs(10));
    refresh(&world, &other.refresh_token).await.unwrap();
    world.advance(wait);
    let refused = refresh(&world, &person.tokens.refresh_token).await;
    assert_refused(
        &refused.unwrap_err(),
        Code::Unauthenticated,
        "SESSION_REVOKED",
    );
}

#[tokio::test]
async fn an_address_of_forged_api_keys_is_limited_and_a_genuine_key_there_is_not() {
    let world = World::with(&THREE_AT_ONCE).await;
    let person = world.person().await;
    let (_, key) = api_key(&world, &person).await;
    for _ in 0..3 {
        let refused = exchange(&world, "forged").await.unwrap_err();
        assert_refused(&refused, Code::Unauthenticated, "API_KEY_INVALID");
    }
    for _ in 0..5 {
        limited(exchange(&world, "forged").await);
        exchange(&world, &key).await.unwrap();
    }
}

#[tokio::test]
async fn an_ended_api_key_has_its_own_limit() {
    let world = World::with(&THREE_AT_ONCE).await;
    let person = world.person().await;
    let (id, ended) = api_key(&world, &person).await;
    let (_, other) = api_key(&world, &person).await;
    let revoke = with_tokens(&person.tokens, RevokeApiKeyRequest { id });
    world.account.clone().revoke_api_key(revoke).await.unwrap();
    for _ in 0..3 {
        let refused = exchange(&world, &ended).await.unwrap_err();
        assert_refused(&refused, Code::Unauthenticated, "API_KEY_INVALID");
    }
    let wait = limited(exchange(&world, &ended).await);
    assert_eq!(wait, Duration::from_secs(10));
    exchange(&world, &other).await.unwrap();
}
