//! `VerifierService.AcknowledgeKeys`

use contract::proto::auth::{AcknowledgeKeysRequest, AcknowledgeKeysResponse};
use testing::{assert_refused, violations};
use tonic::{Code, Status};

use crate::{watcher::of_service, world::World};

async fn acknowledge(
    world: &World,
    verifier_id: &str,
    kids: &[String],
) -> Result<AcknowledgeKeysResponse, Status> {
    let message = AcknowledgeKeysRequest {
        verifier_id: verifier_id.to_owned(),
        kids: kids.to_vec(),
    };
    let answer = world
        .verifier
        .clone()
        .acknowledge_keys(of_service(message))
        .await?;
    Ok(answer.into_inner())
}

#[tokio::test]
async fn a_verifier_can_acknowledge_keys_whether_or_not_it_is_connected() {
    let world = World::boot().await;
    acknowledge(&world, "verifier", &["kid".to_owned()])
        .await
        .unwrap();
    acknowledge(&world, "verifier", &[]).await.unwrap();
    // As many keys as there are when they are replaced every second.
    let many: Vec<_> = (0..1_000).map(|number| format!("{number:043}")).collect();
    acknowledge(&world, "verifier", &many).await.unwrap();
}

#[tokio::test]
async fn every_invalid_field_is_named() {
    let world = World::boot().await;
    let too_many = vec!["kid".to_owned(); 1_001];
    for (verifier_id, kids, expected) in [
        ("", vec![], ("verifier_id", "REQUIRED")),
        (&*"v".repeat(101), vec![], ("verifier_id", "TOO_LONG")),
        ("v", too_many, ("kids", "TOO_MANY")),
        ("v", vec![String::new()], ("kids", "NOT_A_KEY_ID")),
        ("v", vec!["k".repeat(65)], ("kids", "NOT_A_KEY_ID")),
    ] {
        let refused = acknowledge(&world, verifier_id, &kids).await.unwrap_err();
        assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
        let (field, reason) = expected;
        assert_eq!(
            violations(&refused),
            [(field.to_owned(), reason.to_owned())]
        );
    }
}
