//! Who may call `VerifierService`: services with the secret.

use contract::proto::auth::{
    AcknowledgeKeysRequest, IntrospectTokenRequest, ListAccountDeletionsRequest,
};
use testing::assert_refused;
use tonic::{Code, Request, Status};

use crate::{
    watcher::{of_service, watch},
    world::{SERVICE_SECRET, World, with_token},
};

const NEW: &str = "Zk3vR9tYw1XbN6mQ4sLf8HjC2gPd7Ua0/+=";

/// The results of each RPC with this credential.
async fn answers(world: &World, credential: Option<&str>) -> Vec<Result<(), Status>> {
    fn request<T>(credential: Option<&str>, message: T) -> Request<T> {
        match credential {
            Some(credential) => with_token(credential, message),
            None => Request::new(message),
        }
    }
    let mut verifier = world.verifier.clone();
    let acknowledge = AcknowledgeKeysRequest {
        verifier_id: "v".to_owned(),
        kids: Vec::new(),
    };
    let introspect = IntrospectTokenRequest::default();
    let deletions = ListAccountDeletionsRequest::default();
    vec![
        verifier
            .watch_revocations(request(credential, watch("v")))
            .await
            .map(drop),
        verifier
            .acknowledge_keys(request(credential, acknowledge))
            .await
            .map(drop),
        verifier
            .introspect_token(request(credential, introspect))
            .await
            .map(drop),
        verifier
            .list_account_deletions(request(credential, deletions))
            .await
            .map(drop),
    ]
}

async fn assert_all_refused(world: &World, credential: Option<&str>, reason: &str) {
    for answer in answers(world, credential).await {
        assert_refused(&answer.unwrap_err(), Code::Unauthenticated, reason);
    }
}

async fn assert_all_served(world: &World, credential: &str) {
    for answer in answers(world, Some(credential)).await {
        answer.unwrap();
    }
}

#[tokio::test]
async fn every_rpc_for_services_requires_the_secret_and_refuses_tokens_of_users() {
    let world = World::boot().await;
    let person = world.person().await;
    assert_all_refused(&world, None, "TOKEN_MISSING").await;
    let longer = format!("{SERVICE_SECRET}x");
    for wrong in [
        "nonsense",
        &SERVICE_SECRET[1..],
        &longer,
        &person.tokens.access_token,
        &person.tokens.refresh_token,
    ] {
        assert_all_refused(&world, Some(wrong), "TOKEN_INVALID").await;
    }
    assert_all_served(&world, SERVICE_SECRET).await;
}

#[tokio::test]
async fn two_credentials_at_once_are_refused() {
    let world = World::boot().await;
    let mut request = of_service(IntrospectTokenRequest::default());
    let again = format!("Bearer {SERVICE_SECRET}").parse().unwrap();
    request.metadata_mut().append("authorization", again);
    let refused = world.verifier.clone().introspect_token(request).await;
    assert_refused(
        &refused.unwrap_err(),
        Code::Unauthenticated,
        "TOKEN_INVALID",
    );
}

#[tokio::test]
async fn the_secret_is_replaced_without_refusing_a_service_at_any_time() {
    let world = World::boot().await;
    assert_all_refused(&world, Some(NEW), "TOKEN_INVALID").await;
    let both = format!("{NEW},{SERVICE_SECRET}");
    let (database, clock) = world.stop().await;
    let world = World::on(database, clock, &[("auth.service_secrets", &both)]).await;
    assert_all_served(&world, SERVICE_SECRET).await;
    assert_all_served(&world, NEW).await;
    assert_all_refused(&world, Some(&both), "TOKEN_INVALID").await;
    let (database, clock) = world.stop().await;
    let world = World::on(database, clock, &[("auth.service_secrets", NEW)]).await;
    assert_all_served(&world, NEW).await;
    assert_all_refused(&world, Some(SERVICE_SECRET), "TOKEN_INVALID").await;
}
