//! `AccountService.RevokeOtherSessions`

use contract::proto::auth::{RevokeOtherSessionsRequest, TokenPair};
use testing::assert_refused;
use tonic::{Code, Status};

use crate::world::{World, with_tokens};

async fn revoke_others(world: &World, tokens: &TokenPair) -> Result<i32, Status> {
    let request = with_tokens(tokens, RevokeOtherSessionsRequest {});
    let answer = world.account.clone().revoke_other_sessions(request).await?;
    Ok(answer.into_inner().revoked_count)
}

#[tokio::test]
async fn the_other_sessions_of_the_account_end_and_no_more() {
    let world = World::boot().await;
    let person = world.person().await;
    let somebody_else = world.person().await;
    let others = [world.sign_in(&person).await, world.sign_in(&person).await];
    assert_eq!(revoke_others(&world, &person.tokens).await.unwrap(), 2);
    assert_eq!(revoke_others(&world, &person.tokens).await.unwrap(), 0);
    for other in others {
        let refused = world.refresh(&other.refresh_token, &[]).await.unwrap_err();
        assert_refused(&refused, Code::Unauthenticated, "SESSION_REVOKED");
    }
    for kept in [person.tokens, somebody_else.tokens] {
        world.refresh(&kept.refresh_token, &[]).await.unwrap();
    }
    let kinds = world.audit(&person.id, 4).await;
    assert_eq!(
        kinds,
        ["sign_up", "sign_in", "sign_in", "other_sessions_revoked"]
    );
}

#[tokio::test]
async fn of_two_sessions_that_end_the_others_concurrently_at_least_one_stays() {
    let world = World::boot().await;
    let person = world.person().await;
    let other = world.sign_in(&person).await;
    let (one, two) = tokio::join!(
        revoke_others(&world, &person.tokens),
        revoke_others(&world, &other)
    );
    for refused in [one, two].into_iter().filter_map(Result::err) {
        assert_refused(&refused, Code::Unauthenticated, "TOKEN_REVOKED");
    }
    world
        .becomes(
            "select (count(*) < 2)::int::bigint from auth.session where revoke_time is null",
            1,
        )
        .await;
}
