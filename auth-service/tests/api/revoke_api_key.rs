//! `AccountService.RevokeApiKey`

use contract::proto::auth::IntrospectTokenRequest;
use testing::{assert_refused, violations};
use tonic::Code;

use crate::{
    keys::{create, exchange, key_request, revoke},
    watcher::of_service,
    world::World,
};

#[tokio::test]
async fn a_revoked_key_cannot_be_exchanged_and_its_tokens_are_revoked() {
    let world = World::boot().await;
    let person = world.person().await;
    let made = create(&world, &person.tokens, key_request(&["tasks.read"]))
        .await
        .unwrap();
    let id = made.api_key.unwrap().id;
    let token = exchange(&world, &made.secret).await.unwrap().access_token;
    let introspect = || async {
        let message = IntrospectTokenRequest {
            token: token.clone(),
        };
        let answer = world
            .verifier
            .clone()
            .introspect_token(of_service(message))
            .await;
        answer.unwrap().into_inner().active
    };
    assert!(introspect().await);
    revoke(&world, &person.tokens, &id).await.unwrap();
    assert!(!introspect().await);
    let refused = exchange(&world, &made.secret).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "API_KEY_INVALID");
    // The revocation is in the feed for as long as such a token can live.
    let mut connection = world.connect().await;
    let (kind, subject): (i16, String) =
        sqlx::query_as("select kind, subject from auth.revocation")
            .fetch_one(&mut connection)
            .await
            .unwrap();
    assert_eq!((kind, subject), (1, id));
    let kinds = ["sign_up", "api_key_created", "api_key_revoked"];
    assert_eq!(world.audit(&person.id, 3).await, kinds);
}

#[tokio::test]
async fn keys_of_others_unknown_keys_and_revoked_keys_are_all_not_found() {
    let world = World::boot().await;
    let (person, other) = (world.person().await, world.person().await);
    let foreign = create(&world, &other.tokens, key_request(&["tasks.read"]))
        .await
        .unwrap();
    let revoked = create(&world, &person.tokens, key_request(&["tasks.read"]))
        .await
        .unwrap();
    let revoked = revoked.api_key.unwrap().id;
    revoke(&world, &person.tokens, &revoked).await.unwrap();
    let foreign_id = foreign.api_key.unwrap().id;
    let mut answers = Vec::new();
    for id in [
        &foreign_id,
        "0190163d-8694-739b-aea5-966c26f8ad91",
        &revoked,
    ] {
        let refused = revoke(&world, &person.tokens, id).await.unwrap_err();
        assert_refused(&refused, Code::NotFound, "API_KEY_NOT_FOUND");
        answers.push((refused.message().to_owned(), refused.details().len()));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    exchange(&world, &foreign.secret).await.unwrap();
    assert_eq!(
        world.audit(&other.id, 2).await,
        ["sign_up", "api_key_created"]
    );
}

#[tokio::test]
async fn a_malformed_id_is_named() {
    let world = World::boot().await;
    let person = world.person().await;
    let refused = revoke(&world, &person.tokens, "1").await.unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(
        violations(&refused),
        [("id".to_owned(), "NOT_A_UUID".to_owned())]
    );
}
