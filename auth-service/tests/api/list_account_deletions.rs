//! `VerifierService.ListAccountDeletions`

use contract::proto::auth::{
    DeleteAccountRequest, ListAccountDeletionsRequest, ListAccountDeletionsResponse,
};
use testing::{assert_refused, violations};
use tonic::{Code, Status};

use crate::{
    watcher::of_service,
    world::{PASSWORD, Person, World, with_tokens},
};

async fn delete(world: &World, person: &Person) -> Result<(), Status> {
    let message = DeleteAccountRequest {
        current_password: PASSWORD.to_owned(),
    };
    let request = with_tokens(&person.tokens, message);
    let deleted = world.account.clone().delete_account(request).await;
    deleted.map(|_deleted| ())
}

async fn list(
    world: &World,
    since_sequence: i64,
    incarnation: &str,
    page_size: i32,
) -> Result<ListAccountDeletionsResponse, Status> {
    let request = of_service(ListAccountDeletionsRequest {
        since_sequence,
        incarnation: incarnation.to_owned(),
        page_size,
    });
    let listed = world.verifier.clone().list_account_deletions(request).await;
    Ok(listed?.into_inner())
}

/// Sequences and accounts.
fn listed(page: &ListAccountDeletionsResponse) -> Vec<(i64, &str)> {
    let deletions = page.deletions.iter();
    deletions
        .map(|one| (one.sequence, one.account_id.as_str()))
        .collect()
}

#[tokio::test]
async fn deletions_are_listed_in_their_order_from_any_place() {
    let world = World::boot().await;
    let empty = list(&world, 0, "", 0).await.unwrap();
    assert_eq!((empty.deletions.len(), empty.head_sequence), (0, 0));
    assert!(!empty.incarnation.is_empty());

    let mut people = Vec::new();
    for _ in 0..3 {
        people.push(world.person().await);
    }
    let _kept = world.person().await;
    for person in &people {
        delete(&world, person).await.unwrap();
    }
    let ids: Vec<&str> = people.iter().map(|person| person.id.as_str()).collect();
    let here = empty.incarnation.as_str();
    let all = [(1, ids[0]), (2, ids[1]), (3, ids[2])];
    for (since, incarnation, page_size, expected) in [
        (0, "", 0, &all[..]),
        (0, here, 500, &all[..]),
        (0, here, 2, &all[..2]),
        (2, here, 2, &all[2..]),
        (3, here, 1_000, &[]),
        // Another history, and a place that this history has not reached.
        (2, "another", 0, &all[..]),
        (4, here, 0, &all[..]),
    ] {
        let page = list(&world, since, incarnation, page_size).await.unwrap();
        assert_eq!(listed(&page), expected, "{since} {incarnation}");
        assert_eq!((page.head_sequence, page.incarnation.as_str()), (3, here));
    }
}

#[tokio::test]
async fn a_refused_deletion_is_not_listed_and_leaves_no_gap() {
    let world = World::boot().await;
    let only = crate::admins::admin(&world).await;
    let refused = delete(&world, &only).await.unwrap_err();
    assert_refused(&refused, Code::FailedPrecondition, "LAST_ADMIN");
    let person = world.person().await;
    delete(&world, &person).await.unwrap();
    let page = list(&world, 0, "", 0).await.unwrap();
    assert_eq!(listed(&page), [(1, person.id.as_str())]);
}

#[tokio::test]
async fn concurrent_deletions_have_sequences_without_gaps() {
    let world = World::boot().await;
    let mut people = Vec::new();
    for _ in 0..8 {
        people.push(world.person().await);
    }
    let deletions = people.iter().map(|person| delete(&world, person));
    for deleted in futures_util::future::join_all(deletions).await {
        deleted.unwrap();
    }
    let page = list(&world, 0, "", 0).await.unwrap();
    let sequences: Vec<i64> = page.deletions.iter().map(|one| one.sequence).collect();
    assert_eq!(sequences, (1..=8).collect::<Vec<_>>());
}

/// The release before does not know the table, and an administrator may use psql.
#[tokio::test]
async fn an_account_that_is_deleted_by_any_other_statement_is_listed() {
    let world = World::boot().await;
    let (one, other) = (world.person().await, world.person().await);
    world.execute("delete from auth.account").await;
    let page = list(&world, 0, "", 0).await.unwrap();
    let mut ids: Vec<&str> = listed(&page).into_iter().map(|(_, id)| id).collect();
    ids.sort_unstable();
    let mut expected = [one.id.as_str(), other.id.as_str()];
    expected.sort_unstable();
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn negative_numbers_are_refused() {
    let world = World::boot().await;
    let refused = list(&world, -1, "", -1).await.unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
    let fields: Vec<String> = violations(&refused)
        .into_iter()
        .map(|(field, _)| field)
        .collect();
    assert_eq!(fields, ["since_sequence", "page_size"]);
}
