//! `AuthService.ExchangeApiKey`

use std::{sync::Arc, time::Duration};

use contract::proto::auth::CreateApiKeyRequest;
use prost_types::Timestamp;
use testing::assert_refused;
use tonic::Code;
use verifier::{Claims, KeySet, Purpose, Revocations, Scope, Scopes, Trust, Verifier};

use crate::{
    keys::{create, exchange, key_request, revoke},
    world::World,
};

/// The claims of a token, verified as another service verifies them.
async fn verified(world: &World, token: &str) -> Claims {
    let trust = Trust {
        issuer: "tandem-auth".to_owned(),
        audience: "tandem".to_owned(),
        leeway: Duration::ZERO,
    };
    let verifier = Verifier::new(
        trust,
        Revocations::NotConsulted,
        0,
        Arc::new(world.clock.clone()),
    );
    let signer = world.signer().await;
    verifier.set_keys(KeySet::new([signer.public_key()]));
    Claims::clone(&verifier.verify(token, Purpose::Read).unwrap())
}

#[tokio::test]
async fn the_token_has_the_account_the_key_and_only_its_scopes() {
    let world = World::boot().await;
    let person = world.person().await;
    let made = create(&world, &person.tokens, key_request(&["tasks.read"]))
        .await
        .unwrap();
    let answer = exchange(&world, &made.secret).await.unwrap();
    assert_eq!(answer.scopes, ["tasks.read"]);
    let claims = verified(&world, &answer.access_token).await;
    assert_eq!(claims.sub.to_string(), person.id);
    assert_eq!(claims.sid.to_string(), made.api_key.unwrap().id);
    assert_eq!(claims.client_id, "api-key");
    assert_eq!(answer.access_token_expire_time.unwrap().seconds, claims.exp);
    assert!(
        (285..=300).contains(&(claims.exp - claims.iat)),
        "{claims:?}"
    );
    let scopes = Scopes::parse(&claims.scope);
    assert!(scopes.contains(Scope::TasksRead));
    for scope in [Scope::TasksWrite, Scope::Account, Scope::Admin] {
        assert!(!scopes.contains(scope), "{scope:?}");
    }
    let again = exchange(&world, &made.secret).await.unwrap();
    assert_ne!(verified(&world, &again.access_token).await.jti, claims.jti);
}

#[tokio::test]
async fn a_token_expires_no_later_than_its_key() {
    let world = World::boot().await;
    let person = world.person().await;
    let soon = CreateApiKeyRequest {
        expire_time: Some(Timestamp {
            seconds: world.seconds() + 60,
            nanos: 0,
        }),
        ..key_request(&["tasks.read"])
    };
    let made = create(&world, &person.tokens, soon).await.unwrap();
    world.advance(Duration::from_secs(59));
    let answer = exchange(&world, &made.secret).await.unwrap();
    let claims = verified(&world, &answer.access_token).await;
    assert_eq!(claims.exp, world.seconds() + 1);
    assert_eq!(
        answer.access_token_expire_time,
        made.api_key.unwrap().expire_time
    );
    world.advance(Duration::from_secs(1));
    let refused = exchange(&world, &made.secret).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "API_KEY_INVALID");
}

#[tokio::test]
async fn a_key_that_is_not_live_or_of_an_active_account_is_refused_without_the_reason() {
    let world = World::boot().await;
    let mut answers = Vec::new();
    for statement in [
        "update auth.api_key set expire_time = create_time",
        "update auth.api_key set revoke_time = create_time",
        "update auth.api_key set secret_hash = sha256('another')",
        "update auth.account set state = 2",
        "delete from auth.api_key",
        "delete from auth.account",
    ] {
        let person = world.person().await;
        let made = create(&world, &person.tokens, key_request(&["tasks.read"]))
            .await
            .unwrap();
        world.execute(statement).await;
        let refused = exchange(&world, &made.secret).await.unwrap_err();
        assert_refused(&refused, Code::Unauthenticated, "API_KEY_INVALID");
        answers.push((refused.message().to_owned(), refused.details().len()));
    }
    let person = world.person().await;
    for text in [
        "",
        "nonsense",
        &person.tokens.refresh_token,
        &person.tokens.access_token,
    ] {
        let refused = exchange(&world, text).await.unwrap_err();
        assert_refused(&refused, Code::Unauthenticated, "API_KEY_INVALID");
        answers.push((refused.message().to_owned(), refused.details().len()));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test]
async fn a_forged_key_causes_no_query_and_is_refused_even_without_the_database() {
    let world = World::boot().await;
    let person = world.person().await;
    let valid = create(&world, &person.tokens, key_request(&["tasks.read"]))
        .await
        .unwrap()
        .secret;
    world.cut_database().await;
    for at in 0..valid.len() {
        let other = if valid.as_bytes()[at] == b'A' {
            "B"
        } else {
            "A"
        };
        let forged = format!("{}{other}{}", &valid[..at], &valid[at + 1..]);
        let refused = exchange(&world, &forged).await.unwrap_err();
        assert_refused(&refused, Code::Unauthenticated, "API_KEY_INVALID");
    }
    let refused = exchange(&world, &valid).await.unwrap_err();
    assert_refused(&refused, Code::Unavailable, "DATABASE_UNAVAILABLE");
}

#[tokio::test]
async fn a_key_stays_valid_after_a_password_change_but_its_old_tokens_do_not() {
    let world = World::boot().await;
    let person = world.person().await;
    let made = create(&world, &person.tokens, key_request(&["tasks.read"]))
        .await
        .unwrap();
    let before = exchange(&world, &made.secret).await.unwrap();
    world
        .execute("update auth.account set epoch = epoch + 1")
        .await;
    let after = exchange(&world, &made.secret).await.unwrap();
    let epoch = async |token: &str| verified(&world, token).await.ep;
    assert_eq!(
        epoch(&after.access_token).await,
        epoch(&before.access_token).await + 1
    );
    let tokens = world.sign_in(&person).await;
    revoke(&world, &tokens, &made.api_key.unwrap().id)
        .await
        .unwrap();
}
