//! `AccountService.DeleteAccount`

use contract::proto::auth::{
    DeleteAccountRequest, DeleteAccountResponse, GetAccountRequest, SignUpRequest, TokenPair,
};
use testing::{assert_refused, violations};
use tonic::{Code, Status};

use crate::{
    admins::{admin, disable},
    world::{PASSWORD, World, credentials, with_tokens},
};

async fn delete(
    world: &World,
    tokens: &TokenPair,
    password: &str,
) -> Result<DeleteAccountResponse, Status> {
    let message = DeleteAccountRequest {
        current_password: password.to_owned(),
    };
    let answer = world
        .account
        .clone()
        .delete_account(with_tokens(tokens, message))
        .await?;
    Ok(answer.into_inner())
}

#[tokio::test]
async fn the_account_and_its_sessions_are_deleted_and_its_events_stay_without_the_address() {
    let world = World::boot().await;
    let person = world.person().await;
    let other = world.sign_in(&person).await;
    delete(&world, &person.tokens, PASSWORD).await.unwrap();

    for tokens in [&person.tokens, &other] {
        let refused = world.refresh(&tokens.refresh_token, &[]).await.unwrap_err();
        assert_refused(&refused, Code::Unauthenticated, "REFRESH_TOKEN_INVALID");
        let request = with_tokens(tokens, GetAccountRequest {});
        let refused = world
            .account
            .clone()
            .get_account(request)
            .await
            .unwrap_err();
        assert_refused(&refused, Code::Unauthenticated, "TOKEN_REVOKED");
    }
    let refused = world
        .auth
        .clone()
        .sign_in(credentials(&person.email, PASSWORD))
        .await
        .unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "CREDENTIALS_INVALID");
    world.becomes("select count(*) from auth.session", 0).await;
    assert_eq!(
        world.audit(&person.id, 3).await,
        ["sign_up", "sign_in", "account_deleted"]
    );
    let with_address =
        "select count(*) from auth.audit_event e where row_to_json(e)::text like '%@%'";
    world.becomes(with_address, 0).await;
}

#[tokio::test]
async fn the_address_can_sign_up_again() {
    let world = World::boot().await;
    let person = world.person().await;
    delete(&world, &person.tokens, PASSWORD).await.unwrap();
    let request = SignUpRequest {
        email: person.email,
        password: PASSWORD.to_owned(),
        ..SignUpRequest::default()
    };
    let answer = world
        .auth
        .clone()
        .sign_up(request)
        .await
        .unwrap()
        .into_inner();
    assert_ne!(answer.account.unwrap().id, person.id);
}

#[tokio::test]
async fn the_wrong_password_deletes_nothing() {
    let world = World::boot().await;
    let person = world.person().await;
    let refused = delete(&world, &person.tokens, "a wrong password")
        .await
        .unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "CREDENTIALS_INVALID");
    let refused = delete(&world, &person.tokens, "").await.unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&refused)[0].0, "current_password");
    world.sign_in(&person).await;
    let recorded = world.audit(&person.id, 3).await;
    assert_eq!(recorded, ["sign_up", "confirmation_failed", "sign_in"]);
}

#[tokio::test]
async fn the_last_administrator_cannot_be_deleted() {
    let world = World::boot().await;
    let (one, other) = (admin(&world).await, admin(&world).await);
    delete(&world, &one.tokens, PASSWORD).await.unwrap();
    let refused = delete(&world, &other.tokens, PASSWORD).await.unwrap_err();
    assert_refused(&refused, Code::FailedPrecondition, "LAST_ADMIN");
    let refused = delete(&world, &other.tokens, "a wrong password").await;
    let refused = refused.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "CREDENTIALS_INVALID");

    // A disabled administrator does not count.
    let closed = admin(&world).await;
    disable(&world, &other.tokens, &closed.id).await.unwrap();
    let refused = delete(&world, &other.tokens, PASSWORD).await.unwrap_err();
    assert_refused(&refused, Code::FailedPrecondition, "LAST_ADMIN");
    let request = with_tokens(&other.tokens, GetAccountRequest {});
    world.account.clone().get_account(request).await.unwrap();
    let revoked = "select count(*) from auth.revocation where subject = (
                     select id::text from auth.account where role = 2 and state = 1)";
    world.becomes(revoked, 0).await;
}

#[tokio::test]
async fn of_two_administrators_deleted_concurrently_one_stays() {
    let world = World::boot().await;
    let (one, other) = (admin(&world).await, admin(&world).await);
    let done = tokio::join!(
        delete(&world, &one.tokens, PASSWORD),
        delete(&world, &other.tokens, PASSWORD),
    );
    let ((Ok(_), Err(refused)) | (Err(refused), Ok(_))) = done else {
        panic!("one is deleted and one stays: {done:?}")
    };
    assert_refused(&refused, Code::FailedPrecondition, "LAST_ADMIN");
}
