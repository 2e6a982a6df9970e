//! `AccountService.CreateApiKey`

use std::time::Duration;

use contract::proto::auth::CreateApiKeyRequest;
use futures_util::future::join_all;
use prost_types::Timestamp;
use testing::{assert_refused, violations};
use tonic::Code;

use crate::{
    keys::{create, exchange, key_request, list, revoke},
    world::{PASSWORD, World},
};

#[tokio::test]
async fn a_key_is_shown_once_lives_a_year_and_is_stored_only_as_a_hash() {
    let world = World::boot().await;
    let person = world.person().await;
    let made = create(
        &world,
        &person.tokens,
        key_request(&["tasks.write", "tasks.read"]),
    )
    .await
    .unwrap();
    let key = made.api_key.unwrap();
    assert!(made.secret.starts_with("tdk_"));
    assert_eq!(made.secret.len(), 92);
    assert_eq!(key.display_name, "backend");
    assert_eq!(key.scopes, ["tasks.read", "tasks.write"]);
    assert_eq!(key.create_time.unwrap().seconds, world.seconds());
    let year = Duration::from_hours(24 * 365).as_secs();
    let year = i64::try_from(year).unwrap();
    assert_eq!(key.expire_time.unwrap().seconds, world.seconds() + year);
    assert_eq!(key.last_use_time, None);
    assert_eq!(list(&world, &person.tokens).await.unwrap(), [key]);
    world
        .becomes(
            "select count(*) from auth.api_key where octet_length(secret_hash) = 32",
            1,
        )
        .await;
    assert_eq!(
        world.audit(&person.id, 2).await,
        ["sign_up", "api_key_created"]
    );
}

#[tokio::test]
async fn every_invalid_field_is_named() {
    let world = World::boot().await;
    let person = world.person().await;
    let seconds = world.seconds() + 366 * 24 * 3600;
    let wrong = CreateApiKeyRequest {
        display_name: String::new(),
        scopes: ["tasks.read", "account", "admin"].map(str::to_owned).into(),
        expire_time: Some(Timestamp { seconds, nanos: 0 }),
        current_password: PASSWORD.to_owned(),
    };
    let refused = create(&world, &person.tokens, wrong).await.unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
    let expected = [
        ("display_name", "REQUIRED"),
        ("scopes[1]", "SCOPE_INVALID"),
        ("scopes[2]", "SCOPE_INVALID"),
        ("expire_time", "TOO_FAR"),
    ];
    let expected = expected.map(|(field, reason)| (field.to_owned(), reason.to_owned()));
    assert_eq!(violations(&refused), expected);
}

#[tokio::test]
async fn a_key_needs_a_scope_and_an_end_in_the_future() {
    let world = World::boot().await;
    let person = world.person().await;
    let wrong = CreateApiKeyRequest {
        expire_time: Some(Timestamp {
            seconds: world.seconds(),
            nanos: 999_999_999,
        }),
        ..key_request(&[])
    };
    let refused = create(&world, &person.tokens, wrong).await.unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
    let expected = [("scopes", "REQUIRED"), ("expire_time", "IN_THE_PAST")];
    let expected = expected.map(|(field, reason)| (field.to_owned(), reason.to_owned()));
    assert_eq!(violations(&refused), expected);
}

#[tokio::test]
async fn an_account_has_at_most_50_live_keys_however_many_are_made_concurrently() {
    let world = World::boot().await;
    let (person, other) = (world.person().await, world.person().await);
    let made =
        join_all((0..60).map(|_| create(&world, &person.tokens, key_request(&["tasks.read"]))))
            .await;
    let (made, refused): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (50, 10));
    for refused in refused {
        assert_refused(
            &refused.unwrap_err(),
            Code::ResourceExhausted,
            "API_KEY_QUOTA_EXCEEDED",
        );
    }
    create(&world, &other.tokens, key_request(&["tasks.read"]))
        .await
        .unwrap();
    // A key that has ended does not count.
    let one = made.into_iter().next().unwrap().unwrap().api_key.unwrap();
    revoke(&world, &person.tokens, &one.id).await.unwrap();
    create(&world, &person.tokens, key_request(&["tasks.read"]))
        .await
        .unwrap();
    let refused = create(&world, &person.tokens, key_request(&["tasks.read"])).await;
    assert_refused(
        &refused.unwrap_err(),
        Code::ResourceExhausted,
        "API_KEY_QUOTA_EXCEEDED",
    );
    world
        .execute("update auth.api_key set expire_time = create_time + interval '1 second'")
        .await;
    world.advance(Duration::from_secs(2));
    create(&world, &person.tokens, key_request(&["tasks.read"]))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_api_key_cannot_make_api_keys_or_read_the_account() {
    let world = World::boot().await;
    let person = world.person().await;
    let both = key_request(&["tasks.read", "tasks.write"]);
    let made = create(&world, &person.tokens, both.clone()).await.unwrap();
    let mut tokens = person.tokens.clone();
    tokens.access_token = exchange(&world, &made.secret).await.unwrap().access_token;
    let id = made.api_key.unwrap().id;
    for refused in [
        create(&world, &tokens, both).await.unwrap_err(),
        list(&world, &tokens).await.unwrap_err(),
        revoke(&world, &tokens, &id).await.unwrap_err(),
    ] {
        assert_refused(&refused, Code::PermissionDenied, "SCOPE_MISSING");
    }
}

#[tokio::test]
async fn a_key_is_not_made_without_the_current_password() {
    let world = World::boot().await;
    let person = world.person().await;
    for (password, code, reason) in [
        ("", Code::InvalidArgument, "FIELD_INVALID"),
        (
            "a wrong password",
            Code::Unauthenticated,
            "CREDENTIALS_INVALID",
        ),
    ] {
        let request = CreateApiKeyRequest {
            current_password: password.to_owned(),
            ..key_request(&["tasks.read"])
        };
        let refused = create(&world, &person.tokens, request).await.unwrap_err();
        assert_refused(&refused, code, reason);
    }
    world.becomes("select count(*) from auth.api_key", 0).await;
    let kinds = world.audit(&person.id, 2).await;
    assert_eq!(kinds, ["sign_up", "confirmation_failed"]);
}
