//! Forged and malformed tokens in real calls.

use contract::proto::task::GetTaskRequest;
use testing::{
    assert_refused,
    forgery::{Forgery, TestIssuer, forgeries, unusual},
};
use tonic::{Code, Request, Status, metadata::AsciiMetadataValue};

use crate::world::{SESSION, User, World};

/// The seed of the key that the service trusts.
const SEED: [u8; 32] = [7; 32];

/// Reads a task with the token. `None` when a header cannot contain the token unchanged.
async fn get(user: &User, id: &str, token: &str) -> Option<Result<(), Status>> {
    let unchanged = !token.is_empty() && token.trim() == token;
    let bearer: AsciiMetadataValue = format!("Bearer {token}")
        .parse()
        .ok()
        .filter(|_| unchanged)?;
    let mut request = Request::new(GetTaskRequest { id: id.to_owned() });
    request.metadata_mut().insert("authorization", bearer);
    Some(user.client().get_task(request).await.map(drop))
}

#[tokio::test]
async fn every_forged_token_that_a_header_can_carry_is_refused_as_invalid() {
    let world = World::new().await;
    let user = world.user();
    let task = user.task("mine").await;
    let issuer = TestIssuer::new(&SEED, serde_json::to_value(user.claims(SESSION)).unwrap());
    assert_eq!(issuer.key.kid, world.signer.public_key().kid);
    let mut presented = 0;
    for Forgery { name, token, .. } in forgeries(&issuer) {
        let Some(answer) = get(&user, &task.id, &token).await else {
            continue;
        };
        let refused = answer.expect_err(&name);
        eprintln!("{name}");
        assert_refused(&refused, Code::Unauthenticated, "TOKEN_INVALID");
        presented += 1;
    }
    assert!(presented > 200, "{presented}");
    for Forgery { name, token, .. } in unusual(&issuer) {
        let answer = get(&user, &task.id, &token).await;
        assert!(matches!(answer, Some(Ok(()))), "{name}: {answer:?}");
    }
}
