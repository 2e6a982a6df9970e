//! `AdminService.DisableAccount` and `AdminService.EnableAccount`

use contract::proto::auth::{GetAccountRequest, IntrospectTokenRequest};
use testing::{assert_refused, violations};
use tonic::Code;

use crate::{
    admins::{admin, disable, enable, events_of, set_role},
    keys::{create, exchange, key_request},
    watcher::of_service,
    world::{PASSWORD, Person, World, credentials, with_tokens},
};

const NOBODY: &str = "0190163d-8694-739b-aea5-966c26f8ad91";

/// Asserts that the account's password, refresh token, access token and API key are refused.
async fn assert_all_refused(world: &World, person: &Person, key: &str) {
    let sign_in = credentials(&person.email, PASSWORD);
    let refused = world.auth.clone().sign_in(sign_in).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "CREDENTIALS_INVALID");
    let refused = world.refresh(&person.tokens.refresh_token, &[]).await;
    let refused = refused.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "SESSION_REVOKED");
    let get = with_tokens(&person.tokens, GetAccountRequest {});
    let refused = world.account.clone().get_account(get).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "TOKEN_REVOKED");
    let refused = exchange(world, key).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "API_KEY_INVALID");
}

/// Whether introspection says that the token is active.
async fn is_active(world: &World, token: &str) -> bool {
    let token = token.to_owned();
    let message = of_service(IntrospectTokenRequest { token });
    let answer = world.verifier.clone().introspect_token(message).await;
    answer.unwrap().into_inner().active
}

#[tokio::test]
async fn a_disabled_account_refuses_passwords_refresh_tokens_access_tokens_and_api_keys() {
    let world = World::boot().await;
    let admin = admin(&world).await;
    let (person, other) = (world.person().await, world.person().await);
    let created = create(&world, &person.tokens, key_request(&["tasks.read"])).await;
    let key = created.unwrap().secret;
    let of_key = exchange(&world, &key).await.unwrap().access_token;

    let account = disable(&world, &admin.tokens, &person.id).await.unwrap();
    let (id, state) = (account.id.as_str(), account.state);
    assert_eq!((id, state), (person.id.as_str(), 2));

    assert_all_refused(&world, &person, &key).await;
    for token in [&person.tokens.access_token, &of_key] {
        assert!(!is_active(&world, token).await);
    }
    // One entry of the feed revokes all of them: no token of the first epoch is valid.
    let mut connection = world.connect().await;
    let revoked: Vec<(i16, String, i64)> =
        sqlx::query_as("select kind, subject, min_epoch from auth.revocation")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    assert_eq!(revoked, [(2, person.id.clone(), 2)]);
    let refreshed = world.refresh(&other.tokens.refresh_token, &[]).await;
    refreshed.unwrap();
}

#[tokio::test]
async fn an_enabled_account_can_be_signed_in_to_and_what_ended_stays_ended() {
    let world = World::boot().await;
    let (admin, person) = (admin(&world).await, world.person().await);
    let key = create(&world, &person.tokens, key_request(&["tasks.read"]))
        .await
        .unwrap()
        .secret;
    let before = disable(&world, &admin.tokens, &person.id).await.unwrap();
    let account = enable(&world, &admin.tokens, &person.id).await.unwrap();
    assert_eq!(account.state, 1);
    assert_ne!(account.etag, before.etag);
    let refused = world
        .refresh(&person.tokens.refresh_token, &[])
        .await
        .unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "SESSION_REVOKED");
    let get = with_tokens(&person.tokens, GetAccountRequest {});
    let refused = world.account.clone().get_account(get).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "TOKEN_REVOKED");
    let refused = exchange(&world, &key).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "API_KEY_INVALID");
    let tokens = world.sign_in(&person).await;
    world
        .account
        .clone()
        .get_account(with_tokens(&tokens, GetAccountRequest {}))
        .await
        .unwrap();
}

#[tokio::test]
async fn both_are_idempotent_and_only_changes_are_recorded_with_their_actor() {
    let world = World::boot().await;
    let (admin, person) = (admin(&world).await, world.person().await);
    let untouched = enable(&world, &admin.tokens, &person.id).await.unwrap();
    let disabled = disable(&world, &admin.tokens, &person.id).await.unwrap();
    assert_ne!(disabled.etag, untouched.etag);
    assert_eq!(
        disable(&world, &admin.tokens, &person.id).await.unwrap(),
        disabled
    );
    let enabled = enable(&world, &admin.tokens, &person.id).await.unwrap();
    assert_eq!(
        enable(&world, &admin.tokens, &person.id).await.unwrap(),
        enabled
    );
    let events = events_of(&world, &admin.tokens, &person.id).await;
    let found: Vec<_> = events
        .iter()
        .map(|event| (event.kind.as_str(), event.actor.as_str()))
        .collect();
    let kinds = world.audit(&person.id, 3).await;
    assert_eq!(kinds, ["sign_up", "account_disabled", "account_enabled"]);
    for expected in [
        ("account_enabled", admin.id.as_str()),
        ("account_disabled", &admin.id),
        ("sign_up", ""),
    ] {
        assert!(found.contains(&expected), "{expected:?} in {found:?}");
    }
}

#[tokio::test]
async fn an_unknown_account_is_not_found_and_a_malformed_id_is_named() {
    let world = World::boot().await;
    let admin = admin(&world).await;
    for refused in [
        disable(&world, &admin.tokens, NOBODY).await.unwrap_err(),
        enable(&world, &admin.tokens, NOBODY).await.unwrap_err(),
    ] {
        assert_refused(&refused, Code::NotFound, "ACCOUNT_NOT_FOUND");
    }
    for refused in [
        disable(&world, &admin.tokens, "1").await.unwrap_err(),
        enable(&world, &admin.tokens, "").await.unwrap_err(),
    ] {
        assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
        assert_eq!(
            violations(&refused),
            [("account_id".to_owned(), "NOT_A_UUID".to_owned())]
        );
    }
}

#[tokio::test]
async fn an_administrator_can_disable_another_but_not_itself() {
    let world = World::boot().await;
    let (one, other) = (admin(&world).await, admin(&world).await);
    let refused = disable(&world, &one.tokens, &one.id).await.unwrap_err();
    assert_refused(&refused, Code::FailedPrecondition, "LAST_ADMIN");
    disable(&world, &one.tokens, &other.id).await.unwrap();
    let refused = disable(&world, &other.tokens, &one.id).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "TOKEN_REVOKED");
}

#[tokio::test]
async fn of_two_administrators_that_disable_each_other_concurrently_one_is_left() {
    let world = World::boot().await;
    for _ in 0..5 {
        let (one, other) = (admin(&world).await, admin(&world).await);
        let done = tokio::join!(
            disable(&world, &one.tokens, &other.id),
            disable(&world, &other.tokens, &one.id),
        );
        let won = [done.0.is_ok(), done.1.is_ok()];
        assert_eq!(won.iter().filter(|won| **won).count(), 1);
        let ((Err(refused), _) | (_, Err(refused))) = done else {
            panic!("one was refused")
        };
        assert_refused(&refused, Code::Unauthenticated, "TOKEN_REVOKED");
        set_role(&world, &one, 1).await;
        set_role(&world, &other, 1).await;
    }
}
