//! Who may call: for every RPC there is, before anything of the request is looked at.

use std::time::Duration;

use auth_service::signing_keys::signer::Signer;
use testing::assert_refused;
use tonic::Code;

use crate::{
    raw::{call, rpcs},
    world::{SESSION, World},
};

#[tokio::test]
async fn no_rpc_answers_without_a_token() {
    let world = World::new().await;
    for rpc in rpcs() {
        let refused = call(&world.channel, &rpc, None, Vec::new())
            .await
            .unwrap_err();
        assert_refused(&refused, Code::Unauthenticated, "TOKEN_MISSING");
    }
}

#[tokio::test]
async fn no_rpc_takes_a_token_that_is_not_ours() {
    let world = World::new().await;
    let user = world.user();
    let stranger = Signer::from_seed(&[8; 32]).unwrap();
    let mut elsewhere = user.claims(SESSION);
    "other".clone_into(&mut elsewhere.aud);
    let mut forged = user.token();
    forged.truncate(forged.len() - 4);
    let tokens = [
        "nonsense".to_owned(),
        stranger.sign(&user.claims(SESSION)),
        world.signer.sign(&elsewhere),
        forged,
    ];
    for rpc in rpcs() {
        for token in &tokens {
            let refused = call(&world.channel, &rpc, Some(token), Vec::new()).await;
            assert_refused(
                &refused.unwrap_err(),
                Code::Unauthenticated,
                "TOKEN_INVALID",
            );
        }
    }
}

#[tokio::test]
async fn no_rpc_takes_a_token_whose_time_is_over() {
    let world = World::new().await;
    let token = world.user().token();
    world.clock.advance(Duration::from_secs(306));
    for rpc in rpcs() {
        let refused = call(&world.channel, &rpc, Some(&token), Vec::new()).await;
        assert_refused(
            &refused.unwrap_err(),
            Code::Unauthenticated,
            "TOKEN_EXPIRED",
        );
    }
}

#[tokio::test]
async fn every_rpc_needs_its_scope_and_writing_needs_more_than_reading() {
    let world = World::new().await;
    let user = world.user();
    for rpc in rpcs() {
        let reads = ["GetTask", "ListTasks"].contains(&rpc.name());
        let wrong = if reads {
            "account tasks.write"
        } else {
            "account tasks.read"
        };
        let token = world.signer.sign(&user.claims(wrong));
        let refused = call(&world.channel, &rpc, Some(&token), Vec::new()).await;
        assert_refused(
            &refused.unwrap_err(),
            Code::PermissionDenied,
            "SCOPE_MISSING",
        );
    }
}

#[tokio::test]
async fn a_token_is_looked_at_before_the_request() {
    let world = World::new().await;
    for rpc in rpcs() {
        let refused = call(&world.channel, &rpc, None, vec![0xff; 64]).await;
        assert_refused(
            &refused.unwrap_err(),
            Code::Unauthenticated,
            "TOKEN_MISSING",
        );
    }
}

#[tokio::test]
async fn a_request_of_more_than_64_kib_or_of_garbage_is_refused() {
    let world = World::new().await;
    let token = world.user().token();
    for rpc in rpcs() {
        let refused = call(&world.channel, &rpc, Some(&token), vec![0; 64 * 1024 + 1]).await;
        assert_refused(
            &refused.unwrap_err(),
            Code::InvalidArgument,
            "REQUEST_TOO_LARGE",
        );
        let refused = call(&world.channel, &rpc, Some(&token), vec![0xff; 64]).await;
        assert_refused(
            &refused.unwrap_err(),
            Code::InvalidArgument,
            "REQUEST_MALFORMED",
        );
    }
}
