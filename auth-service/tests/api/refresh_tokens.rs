//! `AuthService.RefreshTokens`: rotation, lost responses, second parties, deadlines.

use std::time::Duration;

use contract::proto::auth::{GetAccountRequest, TokenPair};
use testing::{assert_refused, violations};
use tonic::Code;

use crate::world::{World, with_tokens};

const TAG: [u8; 32] = [1; 32];
const OTHER_TAG: [u8; 32] = [2; 32];
const DAY: Duration = Duration::from_hours(24);

/// A pair without the durations, which depend on when it is answered.
pub(crate) fn undated(pair: TokenPair) -> TokenPair {
    TokenPair {
        access_token_expires_in: None,
        refresh_token_expires_in: None,
        ..pair
    }
}

#[tokio::test]
async fn a_refresh_gives_the_next_pair_and_moves_the_idle_deadline() {
    let world = World::boot().await;
    let first = world.person().await.tokens;
    world.advance(DAY);
    let second = world.refresh(&first.refresh_token, &TAG).await.unwrap();
    assert_ne!(second.refresh_token, first.refresh_token);
    assert_ne!(second.access_token, first.access_token);
    assert_eq!(second.session_id, first.session_id);
    assert_eq!(second.session_expire_time, first.session_expire_time);
    let idle = second.refresh_token_expire_time.unwrap().seconds - world.seconds();
    assert_eq!(idle, 14 * 24 * 3600);
    let request = with_tokens(&second, GetAccountRequest {});
    world.account.clone().get_account(request).await.unwrap();
}

#[tokio::test]
async fn a_retry_with_the_same_tag_gets_the_identical_pair() {
    let world = World::boot().await;
    let first = world.person().await.tokens;
    let second = world.refresh(&first.refresh_token, &TAG).await.unwrap();
    for seconds in [0, 1, 60, 60] {
        world.advance(Duration::from_secs(seconds));
        let again = world.refresh(&first.refresh_token, &TAG).await.unwrap();
        assert_eq!(undated(again), undated(second.clone()));
    }
}

#[tokio::test]
async fn a_retry_hours_later_gets_the_identical_refresh_token_and_a_valid_access_token() {
    let world = World::boot().await;
    let first = world.person().await.tokens;
    let second = world.refresh(&first.refresh_token, &TAG).await.unwrap();
    world.advance(Duration::from_hours(13 * 24));
    let again = world.refresh(&first.refresh_token, &TAG).await.unwrap();
    assert_eq!(again.refresh_token, second.refresh_token);
    assert_eq!(
        again.refresh_token_expire_time,
        second.refresh_token_expire_time
    );
    let request = with_tokens(&again, GetAccountRequest {});
    world.account.clone().get_account(request).await.unwrap();
    world.refresh(&again.refresh_token, &TAG).await.unwrap();
}

#[tokio::test]
async fn a_client_without_tags_has_a_short_window_for_the_same_pair() {
    let world = World::boot().await;
    let person = world.person().await;
    let second = world
        .refresh(&person.tokens.refresh_token, &[])
        .await
        .unwrap();
    world.advance(Duration::from_millis(4_999));
    let again = world
        .refresh(&person.tokens.refresh_token, &[])
        .await
        .unwrap();
    assert_eq!(undated(again), undated(second));
    world.advance(Duration::from_millis(1));
    let refused = world
        .refresh(&person.tokens.refresh_token, &[])
        .await
        .unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "REFRESH_TOKEN_REUSED");
}

#[tokio::test]
async fn the_window_can_be_disabled() {
    let world = World::with(&[("auth.concurrent_window", "0s")]).await;
    let first = world.person().await.tokens;
    world.refresh(&first.refresh_token, &[]).await.unwrap();
    let refused = world.refresh(&first.refresh_token, &[]).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "REFRESH_TOKEN_REUSED");
}

#[tokio::test]
async fn a_reused_refresh_token_ends_the_session_and_is_recorded_once() {
    let world = World::boot().await;
    let person = world.person().await;
    let device = world.sign_in(&person).await;
    let second = world
        .refresh(&person.tokens.refresh_token, &TAG)
        .await
        .unwrap();
    let refused = world
        .refresh(&person.tokens.refresh_token, &OTHER_TAG)
        .await
        .unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "REFRESH_TOKEN_REUSED");
    for token in [&person.tokens.refresh_token, &second.refresh_token] {
        let refused = world.refresh(token, &TAG).await.unwrap_err();
        assert_refused(&refused, Code::Unauthenticated, "SESSION_REVOKED");
    }
    let request = with_tokens(&second, GetAccountRequest {});
    let refused = world
        .account
        .clone()
        .get_account(request)
        .await
        .unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "TOKEN_REVOKED");
    assert_eq!(
        world.audit(&person.id, 3).await,
        ["sign_up", "sign_in", "refresh_reused"]
    );
    world.refresh(&device.refresh_token, &TAG).await.unwrap();
}

#[tokio::test]
async fn a_client_that_has_sent_a_tag_gets_no_window_without_one() {
    let world = World::boot().await;
    let first = world.person().await.tokens;
    world.refresh(&first.refresh_token, &TAG).await.unwrap();
    let refused = world.refresh(&first.refresh_token, &[]).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "REFRESH_TOKEN_REUSED");
}

#[tokio::test]
async fn a_client_that_has_sent_a_tag_gets_no_window_even_after_a_refresh_without_one() {
    let world = World::boot().await;
    let first = world.person().await.tokens;
    let second = world.refresh(&first.refresh_token, &TAG).await.unwrap();
    world.refresh(&second.refresh_token, &[]).await.unwrap();
    let refused = world.refresh(&second.refresh_token, &[]).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "REFRESH_TOKEN_REUSED");
}

#[tokio::test]
async fn a_thief_who_refreshes_first_is_detected_by_the_victims_next_refresh_even_within_the_window()
 {
    let world = World::boot().await;
    for thief in [&OTHER_TAG[..], &[]] {
        let person = world.person_with_tag(&TAG).await;
        let stolen = world
            .refresh(&person.tokens.refresh_token, thief)
            .await
            .unwrap();
        let refused = world
            .refresh(&person.tokens.refresh_token, &TAG)
            .await
            .unwrap_err();
        assert_refused(&refused, Code::Unauthenticated, "REFRESH_TOKEN_REUSED");
        let refused = world
            .refresh(&stolen.refresh_token, thief)
            .await
            .unwrap_err();
        assert_refused(&refused, Code::Unauthenticated, "SESSION_REVOKED");
    }
}

#[tokio::test]
async fn a_token_newer_than_a_restored_database_ends_the_session_without_a_reuse_event() {
    let world = World::boot().await;
    let person = world.person().await;
    let second = world
        .refresh(&person.tokens.refresh_token, &TAG)
        .await
        .unwrap();
    world
        .execute("update auth.session set generation = 0, attempt_tag = null, declares_tag = false")
        .await;
    let refused = world
        .refresh(&second.refresh_token, &TAG)
        .await
        .unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "SESSION_REVOKED");
    assert_eq!(
        world.audit(&person.id, 2).await,
        ["sign_up", "refresh_restored"]
    );
    world
        .becomes("select revoke_reason::bigint from auth.session", 5)
        .await;
}

#[tokio::test]
async fn a_session_ends_when_it_is_not_used() {
    let world = World::boot().await;
    let first = world.person().await.tokens;
    world.advance(13 * DAY + Duration::from_micros(24 * 3_600_000_000 - 1));
    let second = world.refresh(&first.refresh_token, &TAG).await.unwrap();
    world.advance(14 * DAY);
    for token in [&first.refresh_token, &second.refresh_token] {
        let refused = world.refresh(token, &TAG).await.unwrap_err();
        assert_refused(&refused, Code::Unauthenticated, "REFRESH_TOKEN_EXPIRED");
    }
}

#[tokio::test]
async fn a_session_ends_at_its_absolute_deadline_however_much_it_is_used() {
    let world = World::boot().await;
    let mut tokens = world.person().await.tokens;
    for _ in 0..8 {
        world.advance(11 * DAY);
        tokens = world.refresh(&tokens.refresh_token, &TAG).await.unwrap();
    }
    assert_eq!(tokens.refresh_token_expire_time, tokens.session_expire_time);
    world.advance(2 * DAY);
    let refused = world
        .refresh(&tokens.refresh_token, &TAG)
        .await
        .unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "REFRESH_TOKEN_EXPIRED");
}

#[tokio::test]
async fn a_session_of_a_disabled_account_cannot_refresh_until_the_account_is_enabled() {
    let world = World::boot().await;
    let first = world.person().await.tokens;
    world.execute("update auth.account set state = 2").await;
    let refused = world.refresh(&first.refresh_token, &TAG).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "SESSION_REVOKED");
    world.execute("update auth.account set state = 1").await;
    world.refresh(&first.refresh_token, &TAG).await.unwrap();
}

#[tokio::test]
async fn any_other_text_is_an_invalid_refresh_token() {
    let world = World::boot().await;
    let person = world.person().await;
    for token in [
        "",
        "nonsense",
        &"A".repeat(1_000),
        &person.tokens.access_token,
    ] {
        let refused = world.refresh(token, &[]).await.unwrap_err();
        assert_refused(&refused, Code::Unauthenticated, "REFRESH_TOKEN_INVALID");
    }
    world.execute("delete from auth.session").await;
    let refused = world
        .refresh(&person.tokens.refresh_token, &[])
        .await
        .unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "REFRESH_TOKEN_INVALID");
}

#[tokio::test]
async fn a_tag_has_16_to_64_bytes_or_none() {
    let world = World::boot().await;
    let first = world.person().await.tokens;
    for length in [1, 15, 65] {
        let refused = world
            .refresh(&first.refresh_token, &vec![7; length])
            .await
            .unwrap_err();
        assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
        assert_eq!(violations(&refused)[0].0, "attempt_tag");
    }
    world.refresh(&first.refresh_token, &[7; 16]).await.unwrap();
}

#[tokio::test]
async fn keys_of_refresh_tokens_are_replaced_without_a_refused_token() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let key = |factor: usize| {
        let bytes: [u8; 32] =
            std::array::from_fn(|at| u8::try_from((at * at * factor + 201) % 256).unwrap());
        STANDARD.encode(bytes)
    };
    let world = World::boot().await;
    let first = world.person().await.tokens;
    let (database, clock) = world.stop().await;
    let both = format!("2:{},1:{}", key(13), key(11));
    let world = World::on(database, clock, &[("auth.refresh_keys", &both)]).await;
    let second = world.refresh(&first.refresh_token, &TAG).await.unwrap();
    let (database, clock) = world.stop().await;
    let new = format!("2:{}", key(13));
    let world = World::on(database, clock, &[("auth.refresh_keys", &new)]).await;
    let refused = world.refresh(&first.refresh_token, &TAG).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "REFRESH_TOKEN_INVALID");
    world.refresh(&second.refresh_token, &TAG).await.unwrap();
}
