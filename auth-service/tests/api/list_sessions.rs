//! `AccountService.ListSessions`

use std::time::Duration;

use contract::proto::auth::{
    ListSessionsRequest, Session, SignInRequest, SignOutRequest, TokenPair,
};

use crate::world::{PASSWORD, World, credentials, with_tokens};

async fn list(world: &World, tokens: &TokenPair) -> Vec<Session> {
    let request = with_tokens(tokens, ListSessionsRequest {});
    let answer = world.account.clone().list_sessions(request).await.unwrap();
    answer.into_inner().sessions
}

#[tokio::test]
async fn live_sessions_are_listed_the_newest_first_with_the_current_one_marked() {
    let world = World::boot().await;
    let person = world.person().await;
    let _somebody_else = world.person().await;
    world.advance(Duration::from_secs(10));
    let mut request = tonic::Request::new(SignInRequest {
        device_label: "phone".to_owned(),
        ..credentials(&person.email, PASSWORD)
    });
    request
        .metadata_mut()
        .insert("x-user-agent", "tests/1.0".parse().unwrap());
    let phone = world
        .auth
        .clone()
        .sign_in(request)
        .await
        .unwrap()
        .into_inner()
        .tokens
        .unwrap();
    let listed = list(&world, &person.tokens).await;
    let ids: Vec<_> = listed.iter().map(|session| session.id.as_str()).collect();
    assert_eq!(ids, [&phone.session_id, &person.tokens.session_id]);
    assert_eq!(listed[0].device_label, "phone");
    assert_eq!(listed[0].user_agent, "tests/1.0");
    assert_eq!(listed[0].ip, "127.0.0.1");
    assert_eq!((listed[0].current, listed[1].current), (false, true));
    assert_eq!(listed[0].create_time.unwrap().seconds, world.seconds());
}

#[tokio::test]
async fn a_refresh_is_shown_in_the_list() {
    let world = World::boot().await;
    let person = world.person().await;
    world.advance(Duration::from_secs(100));
    let tokens = world
        .refresh(&person.tokens.refresh_token, &[])
        .await
        .unwrap();
    let [session] = &list(&world, &tokens).await[..] else {
        panic!("one session")
    };
    assert_eq!(session.last_refresh_time.unwrap().seconds, world.seconds());
    assert_eq!(session.create_time.unwrap().seconds, world.seconds() - 100);
    assert_eq!(session.expire_time, tokens.refresh_token_expire_time);
}

#[tokio::test]
async fn a_session_that_has_ended_is_not_listed() {
    let world = World::boot().await;
    let person = world.person().await;
    let signed_out = world.sign_in(&person).await;
    let request = SignOutRequest {
        refresh_token: signed_out.refresh_token,
    };
    world.auth.clone().sign_out(request).await.unwrap();
    world.advance(Duration::from_hours(24 * 13));
    let kept = world
        .refresh(&person.tokens.refresh_token, &[])
        .await
        .unwrap();
    let _idle = world.sign_in(&person).await;
    assert_eq!(list(&world, &kept).await.len(), 2);
    world.advance(Duration::from_hours(24 * 13));
    let kept = world.refresh(&kept.refresh_token, &[]).await.unwrap();
    world.advance(Duration::from_hours(24 * 2));
    let kept = world.refresh(&kept.refresh_token, &[]).await.unwrap();
    assert_eq!(list(&world, &kept).await.len(), 1);
}
