//! `AuthService.SignIn`

use std::time::Duration;

use contract::proto::auth::SignInRequest;
use testing::{assert_refused, violations};
use tonic::Code;

use crate::world::{PASSWORD, World, credentials};

#[tokio::test]
async fn a_user_signs_in_with_the_address_in_any_case() {
    let world = World::boot().await;
    let person = world.person().await;
    let request = credentials(&person.email.to_uppercase(), PASSWORD);
    let answer = world
        .auth
        .clone()
        .sign_in(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.account.unwrap().id, person.id);
    assert_ne!(answer.tokens.unwrap().session_id, person.tokens.session_id);
    assert_eq!(world.audit(&person.id, 2).await, ["sign_up", "sign_in"]);
}

#[tokio::test]
async fn unknown_accounts_disabled_accounts_and_wrong_passwords_get_the_same_answer() {
    let world = World::boot().await;
    let known = world.person().await;
    let disabled = world.person().await;
    world
        .execute("update auth.account set state = 2 where email = 'person1@example.org'")
        .await;
    let mut answers = Vec::new();
    for request in [
        credentials(&known.email, "a wrong password"),
        credentials("nobody@example.org", PASSWORD),
        credentials(&disabled.email, PASSWORD),
    ] {
        let refused = world.auth.clone().sign_in(request).await.unwrap_err();
        assert_refused(&refused, Code::Unauthenticated, "CREDENTIALS_INVALID");
        answers.push((refused.message().to_owned(), refused.details().len()));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test]
async fn a_failed_sign_in_of_a_known_account_is_recorded() {
    let world = World::boot().await;
    let person = world.person().await;
    for email in [person.email.as_str(), "nobody@example.org"] {
        world
            .auth
            .clone()
            .sign_in(credentials(email, "a wrong password"))
            .await
            .unwrap_err();
    }
    assert_eq!(
        world.audit(&person.id, 2).await,
        ["sign_up", "sign_in_failed"]
    );
    world
        .becomes("select count(*) from auth.audit_event", 2)
        .await;
}

#[tokio::test]
async fn fields_that_are_missing_or_too_long_are_named() {
    let world = World::boot().await;
    let request = SignInRequest {
        email: String::new(),
        password: String::new(),
        device_label: "x".repeat(101),
        attempt_tag: Vec::new(),
    };
    let refused = world.auth.clone().sign_in(request).await.unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
    let fields: Vec<_> = violations(&refused)
        .into_iter()
        .map(|(field, _)| field)
        .collect();
    assert_eq!(fields, ["email", "password", "device_label"]);
}

#[tokio::test]
async fn a_hash_with_old_settings_is_replaced_at_the_next_sign_in() {
    let world = World::boot().await;
    let person = world.person().await;
    let (database, clock) = world.stop().await;
    let world = World::on(database, clock, &[("auth.hash.iterations", "3")]).await;
    let outdated = "select count(*) from auth.account where password_hash like '%,t=1,%'";
    world
        .auth
        .clone()
        .sign_in(credentials(&person.email, "a wrong password"))
        .await
        .unwrap_err();
    world.becomes(outdated, 1).await;
    world.sign_in(&person).await;
    world.becomes(outdated, 0).await;
    world.sign_in(&person).await;
}

#[tokio::test]
async fn a_full_hashing_queue_refuses_at_once() {
    let settings = [
        ("auth.hash.threads", "1"),
        ("auth.hash.queue", "1"),
        ("auth.hash.memory_kib", "65536"),
    ];
    let world = World::with(&settings).await;
    let tries: Vec<_> = (0..30)
        .map(|_| {
            let mut auth = world.auth.clone();
            tokio::spawn(async move {
                auth.sign_in(credentials("nobody@example.org", PASSWORD))
                    .await
            })
        })
        .collect();
    let mut limited = 0;
    for attempt in tries {
        let refused = attempt.await.unwrap().unwrap_err();
        if refused.code() == Code::ResourceExhausted {
            assert_refused(&refused, Code::ResourceExhausted, "RATE_LIMITED");
            limited += 1;
        } else {
            assert_refused(&refused, Code::Unauthenticated, "CREDENTIALS_INVALID");
        }
    }
    assert!(limited > 0);
}

#[tokio::test]
async fn a_password_change_refuses_a_sign_in_that_has_read_the_old_password() {
    let world = World::boot().await;
    let person = world.person().await;
    // The account is locked as a password change locks it. The sign-in reads, verifies, and waits for the row.
    let mut change = world.connect().await;
    sqlx::raw_sql("begin; update auth.account set epoch = epoch + 1")
        .execute(&mut change)
        .await
        .unwrap();
    let mut auth = world.auth.clone();
    let email = person.email.clone();
    let attempt = tokio::spawn(async move { auth.sign_in(credentials(&email, PASSWORD)).await });
    world
        .becomes(
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
            1,
        )
        .await;
    sqlx::raw_sql("commit").execute(&mut change).await.unwrap();
    let refused = attempt.await.unwrap().unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "CREDENTIALS_INVALID");
    world.becomes("select count(*) from auth.session", 1).await;
}

#[tokio::test]
async fn a_tag_declares_a_session_from_its_birth() {
    let world = World::boot().await;
    let person = world.person_with_tag(&[1; 16]).await;
    let request = SignInRequest {
        attempt_tag: vec![1; 16],
        ..credentials(&person.email, PASSWORD)
    };
    let signed_in = world.auth.clone().sign_in(request).await.unwrap();
    let signed_in = signed_in.into_inner().tokens.unwrap();
    for first in [person.tokens, signed_in] {
        // The first refresh is somebody else's, so the device is refused even within the short window.
        world.refresh(&first.refresh_token, &[]).await.unwrap();
        let refused = world.refresh(&first.refresh_token, &[1; 16]).await;
        let refused = refused.unwrap_err();
        assert_refused(&refused, Code::Unauthenticated, "REFRESH_TOKEN_REUSED");
    }
    let request = SignInRequest {
        attempt_tag: vec![1; 15],
        ..credentials(&person.email, PASSWORD)
    };
    let refused = world.auth.clone().sign_in(request).await.unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
    let expected = [("attempt_tag".to_owned(), "LENGTH_INVALID".to_owned())];
    assert_eq!(violations(&refused), expected);
}

#[tokio::test]
async fn the_lifetimes_are_also_durations_from_the_answer() {
    let world = World::boot().await;
    let first = world.person_with_tag(&[1; 16]).await.tokens;
    let second = world.refresh(&first.refresh_token, &[1; 16]).await.unwrap();
    world.advance(Duration::from_secs(100));
    let retried = world.refresh(&first.refresh_token, &[1; 16]).await.unwrap();
    assert_eq!(retried.access_token, second.access_token);
    for (pair, passed) in [(&first, 0), (&second, 0), (&retried, 100)] {
        // The answers were given a quarter of a second after a full second.
        let answered = world.seconds() - 100 + passed;
        for (expire_time, expires_in) in [
            (
                &pair.access_token_expire_time,
                &pair.access_token_expires_in,
            ),
            (
                &pair.refresh_token_expire_time,
                &pair.refresh_token_expires_in,
            ),
        ] {
            let (at, left) = (expire_time.unwrap(), expires_in.unwrap());
            let nanos = i64::from(at.nanos) - 250_000_000;
            let whole = (at.seconds - answered) * 1_000_000_000 + nanos;
            assert_eq!(left.seconds * 1_000_000_000 + i64::from(left.nanos), whole);
        }
    }
}
