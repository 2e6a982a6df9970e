//! `AuthService.RefreshTokens` with an old copy of a device's own token, for example of a tab that has slept, and with a new tag
//! after a browser has erased the old one.

use testing::assert_refused;
use tonic::Code;

use crate::world::World;

const TAG: [u8; 32] = [1; 32];
const OTHER_TAG: [u8; 32] = [2; 32];

#[tokio::test]
async fn an_old_copy_of_a_devices_own_token_is_stale_and_the_session_goes_on() {
    let world = World::boot().await;
    let person = world.person().await;
    let first = person.tokens;
    let second = world.refresh(&first.refresh_token, &TAG).await.unwrap();
    let third = world.refresh(&second.refresh_token, &TAG).await.unwrap();
    // However often it is presented, it locks nobody out.
    for _ in 0..40 {
        let refused = world.refresh(&first.refresh_token, &TAG).await.unwrap_err();
        assert_refused(&refused, Code::Unauthenticated, "REFRESH_TOKEN_STALE");
    }
    world.refresh(&third.refresh_token, &TAG).await.unwrap();
    assert_eq!(world.audit(&person.id, 1).await, ["sign_up"]);
    // Without the tag it is somebody else's.
    let refused = world.refresh(&first.refresh_token, &OTHER_TAG).await;
    assert_refused(
        &refused.unwrap_err(),
        Code::Unauthenticated,
        "REFRESH_TOKEN_REUSED",
    );
}

#[tokio::test]
async fn a_new_tag_is_good_with_the_current_generation_and_becomes_that_of_the_session() {
    let world = World::boot().await;
    let person = world.person_with_tag(&TAG).await;
    let first = person.tokens.refresh_token;
    let second = world.refresh(&first, &TAG).await.unwrap().refresh_token;
    // The browser has erased the tag, and kept the cookie that has the token.
    let third = world.refresh(&second, &OTHER_TAG).await.unwrap();
    let again = world.refresh(&second, &OTHER_TAG).await.unwrap();
    assert_eq!(again.refresh_token, third.refresh_token);
    let refused = world.refresh(&first, &OTHER_TAG).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "REFRESH_TOKEN_STALE");
    assert_eq!(world.audit(&person.id, 1).await, ["sign_up"]);
    // Whoever has the erased tag and an older token is found.
    let refused = world.refresh(&second, &TAG).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "REFRESH_TOKEN_REUSED");
    let refused = world.refresh(&third.refresh_token, &OTHER_TAG).await;
    assert_refused(
        &refused.unwrap_err(),
        Code::Unauthenticated,
        "SESSION_REVOKED",
    );
}
