//! A penalty that somebody with old tokens causes does not fall on the session that goes on.

use contract::proto::auth::{ChangePasswordRequest, DeleteAccountRequest};
use testing::assert_refused;
use tonic::Code;

use crate::{
    known_device::{Shown, attempt},
    throttle::{BEHIND_PROXY, WRONG, limited, wrong},
    world::{PASSWORD, World, with_tokens},
};

/// The holder of the tokens from before a change of password, which the change has expelled.
#[tokio::test]
async fn an_expelled_holder_of_old_tokens_cannot_use_up_the_attempts_of_the_surviving_session() {
    const NEW: &str = "a new password of some length";
    let pace = ("auth.throttle.address_burst", "12");
    let world = World::with(&[BEHIND_PROXY, pace, ("auth.throttle.address_interval", "1h")]).await;
    let person = world.person().await;
    let stolen = person.tokens;
    let request = ChangePasswordRequest {
        current_password: PASSWORD.to_owned(),
        new_password: NEW.to_owned(),
        revoke_api_keys: false,
    };
    let request = with_tokens(&stolen, request);
    let changed = world.account.clone().change_password(request).await;
    let survivor = changed.unwrap().into_inner().tokens.unwrap();

    // As a refresh token: refused, and limited in the end.
    for _ in 0..12 {
        let refused = world.refresh(&stolen.refresh_token, &[]).await.unwrap_err();
        assert_refused(&refused, Code::Unauthenticated, "REFRESH_TOKEN_INVALID");
    }
    limited(world.refresh(&stolen.refresh_token, &[]).await);
    // As the token of a known device, with wrong passwords.
    for shown in [Shown::refresh(&stolen), Shown::access(&stolen)] {
        for _ in 0..10 {
            wrong(attempt(&world, &person.email, WRONG, &shown).await);
        }
        limited(attempt(&world, &person.email, NEW, &shown).await);
    }

    // The session that goes on is a known device, can confirm its password, and refreshes.
    for shown in [Shown::refresh(&survivor), Shown::access(&survivor)] {
        let signed_in = attempt(&world, &person.email, NEW, &shown).await;
        signed_in.unwrap();
    }
    let next = world.refresh(&survivor.refresh_token, &[]).await.unwrap();
    let request = DeleteAccountRequest {
        current_password: NEW.to_owned(),
    };
    let deleted = world
        .account
        .clone()
        .delete_account(with_tokens(&next, request))
        .await;
    deleted.unwrap();
}
