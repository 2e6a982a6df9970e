//! `AdminService.RotateSigningKey` and `AdminService.ListSigningKeys`

use contract::proto::auth::{
    GetJsonWebKeySetRequest, ListAuditEventsRequest, SigningKey, SigningKeyState as State,
};

use crate::{
    admins::{admin, list_events, rotate_signing_key, signing_keys},
    world::World,
};

fn states(keys: &[SigningKey]) -> Vec<(&str, State)> {
    let of = |key: &'_ SigningKey| key.state();
    keys.iter().map(|key| (key.kid.as_str(), of(key))).collect()
}

#[tokio::test]
async fn a_new_key_is_next_and_then_active_and_the_old_one_retired() {
    let world = World::boot().await;
    let admin = admin(&world).await;
    let before = signing_keys(&world, &admin.tokens).await.unwrap();
    let [old] = &before[..] else {
        panic!("{before:?}")
    };
    assert_eq!(old.state(), State::Active);
    assert_eq!(old.activate_time, old.create_time);
    assert_eq!(old.retire_time, None);

    let new = rotate_signing_key(&world, &admin.tokens).await.unwrap();
    assert_eq!((new.state(), new.activate_time), (State::Next, None));
    assert_eq!(new.create_time.unwrap().seconds, world.seconds());
    world
        .becomes(
            "select count(*) from auth.signing_key where retire_time is not null",
            1,
        )
        .await;
    let after = signing_keys(&world, &admin.tokens).await.unwrap();
    assert_eq!(
        states(&after),
        [(&*new.kid, State::Active), (&*old.kid, State::Retired)]
    );
    assert_eq!(after[0].activate_time, new.create_time);
    assert_eq!(after[1].retire_time, new.create_time);
    let published = world
        .auth
        .clone()
        .get_json_web_key_set(GetJsonWebKeySetRequest {})
        .await;
    assert_eq!(published.unwrap().into_inner().keys.len(), 2);
}

#[tokio::test]
async fn the_audit_log_says_which_administrator_rotated_the_key() {
    let world = World::boot().await;
    let admin = admin(&world).await;
    rotate_signing_key(&world, &admin.tokens).await.unwrap();
    let page = list_events(&world, &admin.tokens, ListAuditEventsRequest::default()).await;
    let events = page.unwrap().events;
    let rotations: Vec<_> = events
        .iter()
        .filter(|event| event.kind == "signing_key_rotated")
        .map(|event| (event.account_id.as_str(), event.actor.as_str()))
        .collect();
    assert_eq!(rotations, [("", admin.id.as_str())]);
}
