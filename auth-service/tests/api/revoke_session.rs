//! `AccountService.RevokeSession`

use contract::proto::auth::{
    GetAccountRequest, RevokeSessionRequest, RevokeSessionResponse, TokenPair,
};
use testing::{assert_refused, violations};
use tonic::{Code, Status};

use crate::world::{World, with_tokens};

async fn revoke(
    world: &World,
    tokens: &TokenPair,
    id: &str,
) -> Result<RevokeSessionResponse, Status> {
    let message = RevokeSessionRequest {
        session_id: id.to_owned(),
    };
    let answer = world
        .account
        .clone()
        .revoke_session(with_tokens(tokens, message))
        .await?;
    Ok(answer.into_inner())
}

#[tokio::test]
async fn a_revoked_session_can_neither_refresh_nor_read() {
    let world = World::boot().await;
    let person = world.person().await;
    let phone = world.sign_in(&person).await;
    revoke(&world, &person.tokens, &phone.session_id)
        .await
        .unwrap();
    let refused = world.refresh(&phone.refresh_token, &[]).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "SESSION_REVOKED");
    let request = with_tokens(&phone, GetAccountRequest {});
    let refused = world
        .account
        .clone()
        .get_account(request)
        .await
        .unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "TOKEN_REVOKED");
    world
        .refresh(&person.tokens.refresh_token, &[])
        .await
        .unwrap();
    assert_eq!(
        world.audit(&person.id, 3).await,
        ["sign_up", "sign_in", "session_revoked"]
    );
}

#[tokio::test]
async fn the_callers_own_session_can_be_revoked() {
    let world = World::boot().await;
    let person = world.person().await;
    revoke(&world, &person.tokens, &person.tokens.session_id)
        .await
        .unwrap();
    let refused = revoke(&world, &person.tokens, &person.tokens.session_id)
        .await
        .unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "TOKEN_REVOKED");
}

#[tokio::test]
async fn sessions_of_others_unknown_sessions_and_ended_sessions_are_all_not_found() {
    let world = World::boot().await;
    let person = world.person().await;
    let somebody_else = world.person().await;
    let ended = world.sign_in(&person).await;
    revoke(&world, &person.tokens, &ended.session_id)
        .await
        .unwrap();
    let mut answers = Vec::new();
    for id in [
        somebody_else.tokens.session_id.as_str(),
        "0190163d-8694-739b-aea5-966c26f8ad91",
        ended.session_id.as_str(),
    ] {
        let refused = revoke(&world, &person.tokens, id).await.unwrap_err();
        assert_refused(&refused, Code::NotFound, "SESSION_NOT_FOUND");
        answers.push((refused.message().to_owned(), refused.details().len()));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    world
        .refresh(&somebody_else.tokens.refresh_token, &[])
        .await
        .unwrap();
}

#[tokio::test]
async fn a_malformed_id_is_named() {
    let world = World::boot().await;
    let person = world.person().await;
    for id in ["", "1", "0190163d8694739baea5966c26f8ad91"] {
        let refused = revoke(&world, &person.tokens, id).await.unwrap_err();
        assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
        assert_eq!(
            violations(&refused),
            [("session_id".to_owned(), "NOT_A_UUID".to_owned())]
        );
    }
}
