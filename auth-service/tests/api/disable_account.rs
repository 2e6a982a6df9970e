//! `AdminService.DisableAccount` and `AdminService.EnableAccount`

use shared::proto::auth::{GetAccountRequest, IntrospectTokenRequest};
use testing::{assert_refused, violations};
use tonic::Code;

use crate::{
    admins::{admin, disable, enable, events_of, set_role},
    keys::{create, exchange, wish},
    watcher::of_service,
    world::{PASSWORD, World, bearing, credentials},
};

const NOBODY: &str = "0190163d-8694-739b-aea5-966c26f8ad91";

#[tokio::test]
async fn a_disabled_account_is_closed_to_passwords_refresh_tokens_access_tokens_and_api_keys() {
    let world = World::boot().await;
    let (admin, person, other) = (
        admin(&world).await,
        world.person().await,
        world.person().await,
    );
    let key = create(&world, &person.tokens, wish(&["tasks.read"]))
        .await
        .unwrap()
        .secret;
    let of_key = exchange(&world, &key).await.unwrap().access_token;

    let account = disable(&world, &admin.tokens, &person.id).await.unwrap();
    assert_eq!(
        (account.id.as_str(), account.state),
        (person.id.as_str(), 2)
    );

    let refused = world
        .auth
        .clone()
        .sign_in(credentials(&person.email, PASSWORD))
        .await;
    assert_refused(
        &refused.unwrap_err(),
        Code::Unauthenticated,
        "CREDENTIALS_INVALID",
    );
    let refused = world
        .refresh(&person.tokens.refresh_token, &[])
        .await
        .unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "SESSION_REVOKED");
    let get = bearing(&person.tokens, GetAccountRequest {});
    let refused = world.account.clone().get_account(get).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "TOKEN_REVOKED");
    let refused = exchange(&world, &key).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "API_KEY_INVALID");
    for token in [&person.tokens.access_token, &of_key] {
        let message = IntrospectTokenRequest {
            token: token.clone(),
        };
        let answer = world
            .verifier
            .clone()
            .introspect_token(of_service(message))
            .await;
        assert!(!answer.unwrap().into_inner().active);
    }
    // One entry of the feed voids all of it: no token of the first epoch is good.
    let mut connection = world.connect().await;
    let revoked: Vec<(i16, String, i64)> =
        sqlx::query_as("select kind, subject, min_epoch from auth.revocation")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    assert_eq!(revoked, [(2, person.id.clone(), 2)]);
    world
        .refresh(&other.tokens.refresh_token, &[])
        .await
        .unwrap();
}

#[tokio::test]
async fn an_enabled_account_can_be_signed_in_to_and_what_ended_stays_ended() {
    let world = World::boot().await;
    let (admin, person) = (admin(&world).await, world.person().await);
    let key = create(&world, &person.tokens, wish(&["tasks.read"]))
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
    let get = bearing(&person.tokens, GetAccountRequest {});
    let refused = world.account.clone().get_account(get).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "TOKEN_REVOKED");
    let refused = exchange(&world, &key).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "API_KEY_INVALID");
    let tokens = world.sign_in(&person).await;
    world
        .account
        .clone()
        .get_account(bearing(&tokens, GetAccountRequest {}))
        .await
        .unwrap();
}

#[tokio::test]
async fn both_are_idempotent_and_only_what_changes_something_is_recorded_with_who_did_it() {
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
async fn an_account_that_is_none_is_not_found_and_an_id_that_is_none_is_named() {
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
async fn an_administrator_closes_another_but_never_himself() {
    let world = World::boot().await;
    let (one, other) = (admin(&world).await, admin(&world).await);
    let refused = disable(&world, &one.tokens, &one.id).await.unwrap_err();
    assert_refused(&refused, Code::FailedPrecondition, "LAST_ADMIN");
    disable(&world, &one.tokens, &other.id).await.unwrap();
    let refused = disable(&world, &other.tokens, &one.id).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "TOKEN_REVOKED");
}

#[tokio::test]
async fn of_two_administrators_that_close_each_other_at_once_one_is_left() {
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
