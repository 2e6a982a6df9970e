//! Known devices: the limit of an account does not lock out its owner, and a stolen token does not lift a limit.

use std::time::Duration;

use contract::proto::auth::{
    ChangePasswordRequest, DeleteAccountRequest, RevokeOtherSessionsRequest, SignInResponse,
    SignOutRequest, TokenPair,
};
use tonic::{Response, Status, metadata::AsciiMetadataValue};

use crate::{
    throttle::{BEHIND_PROXY, WRONG, from, limited, wrong},
    world::{PASSWORD, Person, World, credentials, with_tokens},
};

const TAG: [u8; 16] = [1; 16];

/// The token that a device shows.
#[derive(Debug, Clone)]
pub(crate) enum Shown {
    Nothing,
    Refresh(String),
    Access(String),
}

impl Shown {
    pub(crate) fn refresh(tokens: &TokenPair) -> Self {
        Self::Refresh(tokens.refresh_token.clone())
    }

    pub(crate) fn access(tokens: &TokenPair) -> Self {
        Self::Access(tokens.access_token.clone())
    }
}

/// Tries to sign in from an address that nobody else uses.
pub(crate) async fn attempt(
    world: &World,
    email: &str,
    password: &str,
    shown: &Shown,
) -> Result<Response<SignInResponse>, Status> {
    let mut request = from("192.0.2.1", credentials(email, password));
    let (name, value) = match shown {
        Shown::Nothing => return world.auth.clone().sign_in(request).await,
        Shown::Refresh(token) => ("tandem-device-token", token.clone()),
        Shown::Access(token) => ("authorization", format!("Bearer {token}")),
    };
    let value: AsciiMetadataValue = value.parse().unwrap();
    request.metadata_mut().insert(name, value);
    world.auth.clone().sign_in(request).await
}

/// Uses up the attempts of unknown clients.
async fn exhaust(world: &World, email: &str) {
    for number in 0..10 {
        let request = from(&format!("198.51.100.{number}"), credentials(email, WRONG));
        wrong(world.auth.clone().sign_in(request).await);
    }
    limited(attempt(world, email, PASSWORD, &Shown::Nothing).await);
}

async fn exhausted() -> (World, Person) {
    let world = World::with(&[BEHIND_PROXY]).await;
    let person = world.person().await;
    exhaust(&world, &person.email).await;
    (world, person)
}

#[tokio::test]
async fn a_device_with_any_token_of_the_account_can_sign_in_while_unknown_clients_cannot() {
    let (world, person) = exhausted().await;
    let second = world
        .refresh(&person.tokens.refresh_token, &TAG)
        .await
        .unwrap();
    for shown in [
        Shown::refresh(&second),
        Shown::refresh(&person.tokens),
        Shown::access(&person.tokens),
    ] {
        attempt(&world, &person.email, PASSWORD, &shown)
            .await
            .unwrap();
    }
    limited(attempt(&world, &person.email, PASSWORD, &Shown::Nothing).await);
}

#[tokio::test]
async fn a_device_is_known_after_its_tokens_have_expired_and_after_it_has_signed_out() {
    let world = World::with(&[BEHIND_PROXY]).await;
    let person = world.person().await;
    let other = world.sign_in(&person).await;
    let sign_out = SignOutRequest {
        refresh_token: person.tokens.refresh_token.clone(),
    };
    world.auth.clone().sign_out(sign_out).await.unwrap();
    // After every deadline of both sessions, but before their rows are deleted.
    world.advance(Duration::from_hours(24 * 100));
    exhaust(&world, &person.email).await;
    for shown in [
        Shown::refresh(&person.tokens),
        Shown::access(&person.tokens),
        Shown::refresh(&other),
        Shown::access(&other),
    ] {
        attempt(&world, &person.email, PASSWORD, &shown)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_token_of_another_account_or_a_forged_one_does_not_make_a_device_known() {
    let (world, person) = exhausted().await;
    let stranger = world.person().await;
    let spoilt = |token: &str| {
        let mut token = token.to_owned().into_bytes();
        let last = token.len() - 3;
        token[last] = if token[last] == b'A' { b'B' } else { b'A' };
        String::from_utf8(token).unwrap()
    };
    for shown in [
        Shown::refresh(&stranger.tokens),
        Shown::access(&stranger.tokens),
        Shown::Refresh(spoilt(&person.tokens.refresh_token)),
        Shown::Access(spoilt(&person.tokens.access_token)),
        Shown::Refresh(person.tokens.access_token.clone()),
        Shown::Access(person.tokens.refresh_token.clone()),
        Shown::Refresh("x".repeat(5000)),
    ] {
        limited(attempt(&world, &person.email, PASSWORD, &shown).await);
    }
}

#[tokio::test]
async fn a_token_that_somebody_else_had_does_not_make_a_device_known() {
    let world = World::with(&[BEHIND_PROXY]).await;
    let person = world.person().await;
    let stolen = world.sign_in(&person).await;
    world.refresh(&stolen.refresh_token, &TAG).await.unwrap();
    let reused = world.refresh(&stolen.refresh_token, &[2; 16]).await;
    assert_eq!(
        testing::reason(&reused.unwrap_err()),
        "REFRESH_TOKEN_REUSED"
    );
    let ended = world.sign_in(&person).await;
    let others = with_tokens(&person.tokens, RevokeOtherSessionsRequest {});
    world
        .account
        .clone()
        .revoke_other_sessions(others)
        .await
        .unwrap();
    exhaust(&world, &person.email).await;
    for tokens in [&stolen, &ended] {
        for shown in [Shown::refresh(tokens), Shown::access(tokens)] {
            limited(attempt(&world, &person.email, PASSWORD, &shown).await);
        }
    }
    let own = Shown::refresh(&person.tokens);
    attempt(&world, &person.email, PASSWORD, &own)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_known_device_has_its_own_limit_and_uses_up_no_other() {
    let world = World::with(&[BEHIND_PROXY, ("auth.throttle.device_failures", "3")]).await;
    let person = world.person().await;
    let other = Shown::refresh(&world.sign_in(&person).await);
    let device = Shown::refresh(&person.tokens);
    for shown in [&device, &Shown::access(&person.tokens), &device] {
        wrong(attempt(&world, &person.email, WRONG, shown).await);
    }
    let wait = limited(attempt(&world, &person.email, PASSWORD, &device).await);
    assert_eq!(wait, Duration::from_mins(15));
    attempt(&world, &person.email, PASSWORD, &other)
        .await
        .unwrap();
    exhaust(&world, &person.email).await;
    world.advance(wait);
    attempt(&world, &person.email, PASSWORD, &device)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_known_device_can_sign_in_from_an_address_whose_attempts_are_used_up() {
    let settings = [BEHIND_PROXY, ("auth.throttle.address_burst", "3")];
    let world = World::with(&settings).await;
    let person = world.person().await;
    for _ in 0..3 {
        wrong(attempt(&world, "nobody@example.org", WRONG, &Shown::Nothing).await);
    }
    let device = Shown::refresh(&person.tokens);
    limited(attempt(&world, &person.email, PASSWORD, &Shown::Nothing).await);
    attempt(&world, &person.email, PASSWORD, &device)
        .await
        .unwrap();
    // The token helps its own account only.
    limited(attempt(&world, "nobody@example.org", WRONG, &device).await);
}

// Longer than 40 lines: one scenario, each step of which depends on the one before.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one attack, step by step")]
async fn a_stolen_access_token_does_not_let_anyone_guess_the_current_password() {
    let world = World::boot().await;
    let person = world.person().await;
    let other = world.sign_in(&person).await;
    let change = async |tokens: &TokenPair, current: &str| {
        let request = ChangePasswordRequest {
            current_password: current.to_owned(),
            new_password: "a new password of some length".to_owned(),
            revoke_api_keys: false,
        };
        let request = with_tokens(tokens, request);
        world
            .account
            .clone()
            .change_password(request)
            .await
            .map(drop)
    };
    let delete = async |tokens: &TokenPair, current: &str| {
        let request = DeleteAccountRequest {
            current_password: current.to_owned(),
        };
        let request = with_tokens(tokens, request);
        world
            .account
            .clone()
            .delete_account(request)
            .await
            .map(drop)
    };
    for _ in 0..5 {
        wrong(change(&person.tokens, WRONG).await);
        wrong(delete(&person.tokens, WRONG).await);
    }
    assert_eq!(
        limited(change(&person.tokens, PASSWORD).await),
        Duration::from_mins(15)
    );
    limited(delete(&person.tokens, PASSWORD).await);
    let device = Shown::refresh(&person.tokens);
    limited(attempt(&world, &person.email, PASSWORD, &device).await);
    // This affects neither the account nor its other devices.
    attempt(&world, &person.email, PASSWORD, &Shown::Nothing)
        .await
        .unwrap();
    delete(&other, PASSWORD).await.unwrap();
}
