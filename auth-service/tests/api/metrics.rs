//! The metrics of sign-ins, refreshes, limits, hashing and the feed.

use contract::proto::auth::{GetAccountRequest, SignUpRequest};
use tonic::Code;

use crate::{
    throttle::WRONG,
    world::{PASSWORD, POLL, POLLS, World, credentials, with_tokens},
};

const TAG: [u8; 32] = [7; 32];

/// The value of one series, which must exist.
#[track_caller]
fn value(world: &World, series: &str) -> f64 {
    let text = world.metrics.text();
    let found = text
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    found
        .unwrap_or_else(|| panic!("no {series} in:\n{text}"))
        .parse()
        .unwrap()
}

fn sign_ins(world: &World, result: &str) -> f64 {
    value(
        world,
        &format!("tandem_auth_sign_ins_total{{result=\"{result}\"}}"),
    )
}

fn refreshes(world: &World, outcome: &str) -> f64 {
    value(
        world,
        &format!("tandem_auth_refreshes_total{{outcome=\"{outcome}\"}}"),
    )
}

fn throttled(world: &World, limit: &str) -> f64 {
    value(
        world,
        &format!("tandem_auth_throttled_total{{limit=\"{limit}\"}}"),
    )
}

// Longer than 40 lines: one scenario, each step of which depends on the one before.
#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "every way a call can end, in one table"
)]
async fn sign_ins_and_sign_ups_are_counted_by_how_they_end() {
    let world = World::with(&[("auth.throttle.account_failures", "1")]).await;
    let person = world.person().await;
    let signed_up = value(&world, "tandem_auth_sign_ups_total{result=\"ok\"}");
    assert!((signed_up - 1.0).abs() < f64::EPSILON);
    let mut auth = world.auth.clone();
    let again = SignUpRequest {
        email: person.email.clone(),
        password: PASSWORD.to_owned(),
        display_name: "Again".to_owned(),
        ..SignUpRequest::default()
    };
    assert_eq!(
        auth.sign_up(again).await.unwrap_err().code(),
        Code::AlreadyExists
    );
    auth.sign_in(credentials(&person.email, PASSWORD))
        .await
        .unwrap();
    auth.sign_in(credentials(&person.email, WRONG))
        .await
        .unwrap_err();
    let limited = auth
        .sign_in(credentials(&person.email, PASSWORD))
        .await
        .unwrap_err();
    assert_eq!(limited.code(), Code::ResourceExhausted);
    for (result, expected) in [
        ("ok", 1.0),
        ("wrong", 1.0),
        ("throttled", 1.0),
        ("failed", 0.0),
    ] {
        let counted: f64 = sign_ins(&world, result);
        assert!(
            (counted - expected).abs() < f64::EPSILON,
            "{result}: {counted}"
        );
    }
    assert!(throttled(&world, "account") > 0.0);
    assert!(throttled(&world, "hashing").abs() < f64::EPSILON);
    let taken = value(&world, "tandem_auth_sign_ups_total{result=\"taken\"}");
    assert!((taken - 1.0).abs() < f64::EPSILON);
    // Two sign-ups, a right password and a wrong one. The refused one was not hashed.
    let hashed = value(&world, "tandem_auth_hashing_duration_seconds_count");
    assert!((hashed - 4.0).abs() < f64::EPSILON, "{hashed}");
    assert!(value(&world, "tandem_auth_hashing_busy").abs() < f64::EPSILON);
}

#[tokio::test]
async fn refreshes_are_counted_by_their_result_and_reuse_separately() {
    let world = World::boot().await;
    let first = world.person().await.tokens;
    let second = world.refresh(&first.refresh_token, &TAG).await.unwrap();
    world.refresh(&first.refresh_token, &TAG).await.unwrap();
    world.refresh(&second.refresh_token, &TAG).await.unwrap();
    world
        .refresh(&first.refresh_token, &[8; 32])
        .await
        .unwrap_err();
    world
        .refresh(&first.refresh_token, &[8; 32])
        .await
        .unwrap_err();
    world.refresh("forged", &TAG).await.unwrap_err();
    let expected = [
        ("rotated", 2.0),
        ("retried", 1.0),
        ("concurrent", 0.0),
        ("reused", 1.0),
        ("revoked", 1.0),
        ("invalid", 1.0),
        ("expired", 0.0),
    ];
    for (outcome, expected) in expected {
        let counted = refreshes(&world, outcome);
        assert!(
            (counted - expected).abs() < f64::EPSILON,
            "{outcome}: {counted}"
        );
    }
}

#[tokio::test]
async fn token_checks_and_the_state_of_the_service_are_exported() {
    let world = World::boot().await;
    let person = world.person().await;
    world
        .account
        .clone()
        .get_account(with_tokens(&person.tokens, GetAccountRequest {}))
        .await
        .unwrap();
    world
        .account
        .clone()
        .get_account(GetAccountRequest {})
        .await
        .unwrap_err();
    for (result, expected) in [("ok", 1.0), ("missing", 1.0), ("invalid", 0.0)] {
        let counted = value(
            &world,
            &format!("tandem_tokens_checked_total{{result=\"{result}\"}}"),
        );
        assert!(
            (counted - expected).abs() < f64::EPSILON,
            "{result}: {counted}"
        );
    }
    assert!(value(&world, "tandem_auth_signing_keys_published") >= 1.0);
    assert!(value(&world, "tandem_auth_signing_keys_age_seconds") < 5.0);
    assert!(value(&world, "tandem_revocations_published_age_seconds") < 5.0);
    assert!(value(&world, "tandem_revocations_subscribers").abs() < f64::EPSILON);
    assert!(value(&world, "tandem_database_up{lanes=\"calls\"}") > 0.0);
    assert!(
        value(
            &world,
            "tandem_database_unit_duration_seconds_count{lanes=\"calls\"}"
        ) > 0.0
    );
}

#[tokio::test]
async fn an_ended_session_is_counted_among_the_revocations() {
    let world = World::boot().await;
    let first = world.person().await.tokens;
    assert!(value(&world, "tandem_revocations_held").abs() < f64::EPSILON);
    let request = contract::proto::auth::SignOutRequest {
        refresh_token: first.refresh_token,
    };
    world.auth.clone().sign_out(request).await.unwrap();
    for _ in 0..POLLS {
        if value(&world, "tandem_revocations_held") > 0.0 {
            return;
        }
        tokio::time::sleep(POLL).await;
    }
    panic!("the revocation was never counted");
}
