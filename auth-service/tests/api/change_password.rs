//! `AccountService.ChangePassword`

use contract::proto::auth::{ChangePasswordRequest, GetAccountRequest, TokenPair};
use testing::{assert_refused, violations};
use tonic::{Code, Status};

use crate::world::{PASSWORD, World, credentials, with_tokens};

const NEW: &str = "a new password of some length";

async fn change(
    world: &World,
    tokens: &TokenPair,
    current: &str,
    new: &str,
) -> Result<TokenPair, Status> {
    let message = ChangePasswordRequest {
        current_password: current.to_owned(),
        new_password: new.to_owned(),
        revoke_api_keys: false,
    };
    let answer = world
        .account
        .clone()
        .change_password(with_tokens(tokens, message))
        .await?;
    Ok(answer.into_inner().tokens.unwrap())
}

#[tokio::test]
async fn only_the_new_password_can_sign_in_afterwards() {
    let world = World::boot().await;
    let person = world.person().await;
    change(&world, &person.tokens, PASSWORD, NEW).await.unwrap();
    let old = world
        .auth
        .clone()
        .sign_in(credentials(&person.email, PASSWORD))
        .await;
    assert_refused(
        &old.unwrap_err(),
        Code::Unauthenticated,
        "CREDENTIALS_INVALID",
    );
    world
        .auth
        .clone()
        .sign_in(credentials(&person.email, NEW))
        .await
        .unwrap();
    let mut kinds = world.audit(&person.id, 4).await;
    // The failed sign-in is recorded some time later.
    kinds.retain(|kind| kind != "sign_in_failed");
    assert_eq!(kinds, ["sign_up", "password_changed", "sign_in"]);
}

#[tokio::test]
async fn every_other_session_ends_and_this_one_continues_only_with_the_new_pair() {
    let world = World::boot().await;
    let person = world.person().await;
    let other = world.sign_in(&person).await;
    let pair = change(&world, &person.tokens, PASSWORD, NEW).await.unwrap();
    assert_eq!(pair.session_id, person.tokens.session_id);

    let refused = world.refresh(&other.refresh_token, &[]).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "SESSION_REVOKED");
    let refused = world
        .refresh(&person.tokens.refresh_token, &[])
        .await
        .unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "REFRESH_TOKEN_INVALID");
    for void in [&other, &person.tokens] {
        let request = with_tokens(void, GetAccountRequest {});
        let refused = world
            .account
            .clone()
            .get_account(request)
            .await
            .unwrap_err();
        assert_refused(&refused, Code::Unauthenticated, "TOKEN_REVOKED");
    }

    let request = with_tokens(&pair, GetAccountRequest {});
    world.account.clone().get_account(request).await.unwrap();
    let next = world.refresh(&pair.refresh_token, &[9; 16]).await.unwrap();
    assert_eq!(
        world.refresh(&pair.refresh_token, &[9; 16]).await.unwrap(),
        next
    );
}

#[tokio::test]
async fn the_wrong_current_password_changes_nothing() {
    let world = World::boot().await;
    let person = world.person().await;
    let refused = change(&world, &person.tokens, "a wrong password", NEW)
        .await
        .unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "CREDENTIALS_INVALID");
    world
        .refresh(&person.tokens.refresh_token, &[])
        .await
        .unwrap();
    world.sign_in(&person).await;
}

#[tokio::test]
async fn a_wrong_current_password_is_recorded_with_its_session_before_it_is_refused() {
    let world = World::boot().await;
    let person = world.person().await;
    let refused = change(&world, &person.tokens, "a wrong password", NEW).await;
    let refused = refused.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "CREDENTIALS_INVALID");
    let recorded = sqlx::query_as(
        "select kind, session_id::text from auth.audit_event where account_id = $1::uuid order by ctid",
    );
    let recorded: Vec<(String, String)> = recorded
        .bind(&person.id)
        .fetch_all(&mut world.connect().await)
        .await
        .unwrap();
    let expected = ["sign_up", "confirmation_failed"]
        .map(|kind| (kind.to_owned(), person.tokens.session_id.clone()));
    assert_eq!(recorded, expected);
}

#[tokio::test]
async fn an_invalid_new_password_is_named() {
    let world = World::boot().await;
    let person = world.person().await;
    for (new, current) in [
        ("short", PASSWORD),
        (person.email.as_str(), PASSWORD),
        ("", PASSWORD),
    ] {
        let refused = change(&world, &person.tokens, current, new)
            .await
            .unwrap_err();
        assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
        assert_eq!(violations(&refused)[0].0, "new_password");
    }
    let refused = change(&world, &person.tokens, "", "short")
        .await
        .unwrap_err();
    let fields: Vec<_> = violations(&refused)
        .into_iter()
        .map(|(field, _)| field)
        .collect();
    assert_eq!(fields, ["current_password", "new_password"]);
}

#[tokio::test]
async fn of_two_concurrent_changes_one_succeeds_and_the_other_is_refused() {
    let world = World::boot().await;
    let person = world.person().await;
    let (one, other) = tokio::join!(
        change(&world, &person.tokens, PASSWORD, "the first new password"),
        change(&world, &person.tokens, PASSWORD, "the second new password"),
    );
    let (winner, loser) = if one.is_ok() {
        (one, other)
    } else {
        (other, one)
    };
    let refused = loser.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    assert!(["TOKEN_REVOKED", "CREDENTIALS_INVALID"].contains(&testing::reason(&refused).as_str()));
    world
        .refresh(&winner.unwrap().refresh_token, &[])
        .await
        .unwrap();
}
