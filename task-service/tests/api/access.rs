//! Who may call: checked for every RPC, before the request is parsed.

use std::time::Duration;

use auth_service::signing_keys::signer::Signer;
use testing::assert_refused;
use tonic::Code;

use crate::{
    raw::{call, rpcs},
    world::{SESSION, World},
};

#[tokio::test]
async fn every_rpc_refuses_a_call_without_a_token() {
    let world = World::new().await;
    for rpc in rpcs() {
        let refused = call(&world.channel, &rpc, None, Vec::new())
            .await
            .unwrap_err();
        assert_refused(&refused, Code::Unauthenticated, "TOKEN_MISSING");
    }
}

#[tokio::test]
async fn every_rpc_refuses_an_invalid_token() {
    let world = World::new().await;
    let user = world.user();
    let other_signer = Signer::from_seed(&[8; 32]).unwrap();
    let mut other_audience = user.claims(SESSION);
    "other".clone_into(&mut other_audience.aud);
    let mut truncated = user.token();
    truncated.truncate(truncated.len() - 4);
    let tokens = [
        "nonsense".to_owned(),
        other_signer.sign(&user.claims(SESSION)),
        world.signer.sign(&other_audience),
        truncated,
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
async fn every_rpc_refuses_an_expired_token() {
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
async fn every_rpc_requires_its_scope_for_reading_or_writing() {
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
async fn the_token_is_checked_before_the_request_is_parsed() {
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
async fn a_request_larger_than_64_kib_or_malformed_is_refused() {
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
