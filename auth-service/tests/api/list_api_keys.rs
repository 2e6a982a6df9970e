//! `AccountService.ListApiKeys`

use std::time::Duration;

use contract::proto::auth::CreateApiKeyRequest;
use prost_types::Timestamp;

use crate::{
    keys::{create, exchange, key_request, list, revoke},
    world::World,
};

#[tokio::test]
async fn only_live_keys_of_the_account_are_listed_the_newest_first() {
    let world = World::boot().await;
    let (person, other) = (world.person().await, world.person().await);
    assert!(list(&world, &person.tokens).await.unwrap().is_empty());
    let soon = CreateApiKeyRequest {
        expire_time: Some(Timestamp {
            seconds: world.seconds() + 60,
            nanos: 0,
        }),
        ..key_request(&["tasks.read"])
    };
    let mut made = Vec::new();
    for key_request in [
        soon,
        key_request(&["tasks.read"]),
        key_request(&["tasks.write"]),
        key_request(&["tasks.read"]),
    ] {
        made.push(
            create(&world, &person.tokens, key_request)
                .await
                .unwrap()
                .api_key
                .unwrap(),
        );
        world.advance(Duration::from_secs(1));
    }
    create(&world, &other.tokens, key_request(&["tasks.read"]))
        .await
        .unwrap();
    revoke(&world, &person.tokens, &made[1].id).await.unwrap();
    world.advance(Duration::from_mins(1));
    let listed = list(&world, &person.tokens).await.unwrap();
    assert_eq!(listed, [made[3].clone(), made[2].clone()]);
}

#[tokio::test]
async fn the_last_use_is_shown_in_whole_hours_and_written_at_most_once_an_hour() {
    let world = World::boot().await;
    let person = world.person().await;
    let secret = create(&world, &person.tokens, key_request(&["tasks.read"]))
        .await
        .unwrap()
        .secret;
    let row = "select xmin::text::bigint from auth.api_key";
    world.advance(Duration::from_mins(61));
    exchange(&world, &secret).await.unwrap();
    let mut connection = world.connect().await;
    let written: i64 = sqlx::query_scalar(row)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    world.advance(Duration::from_mins(58));
    exchange(&world, &secret).await.unwrap();
    world.becomes(row, written).await;
    let again = world.sign_in(&person).await;
    let [key] = &list(&world, &again).await.unwrap()[..] else {
        panic!("one key")
    };
    // The clock of the test begins on the hour.
    let hour = world.seconds() / 3600 * 3600;
    assert_eq!(
        key.last_use_time,
        Some(Timestamp {
            seconds: hour,
            nanos: 0
        })
    );
    world.advance(Duration::from_mins(1));
    exchange(&world, &secret).await.unwrap();
    let key = list(&world, &again).await.unwrap().remove(0);
    assert_eq!(key.last_use_time.unwrap().seconds, hour + 3600);
}
