//! `AdminService.ListAuditEvents`, and that every kind of event is in the log.

use std::{collections::BTreeSet, time::Duration};

use contract::proto::auth::{
    ChangePasswordRequest, DeleteAccountRequest, ListAuditEventsRequest,
    RevokeOtherSessionsRequest, RevokeSessionRequest, SignOutRequest,
};
use testing::{assert_refused, violations};
use tonic::Code;

use crate::{
    admins::{admin, disable, enable, events_of, list_events, revoke_sessions},
    keys::{create, key_request, revoke},
    world::{PASSWORD, Person, World, credentials, with_tokens},
};

fn page(page_size: i32, page_token: &str, account_id: &str) -> ListAuditEventsRequest {
    ListAuditEventsRequest {
        page_size,
        page_token: page_token.to_owned(),
        account_id: account_id.to_owned(),
    }
}

/// Causes every kind of event of an account, and moves the clock between some of them.
async fn cause_all_events(world: &World, person: &Person, admin: &Person) {
    let step = || world.advance(Duration::from_secs(1));
    step();
    fail_to_sign_in(world, person).await;
    step();
    end_sessions_and_keys(world, person).await;
    reuse_a_refresh_token(world, person).await;
    step();
    let by = &admin.tokens;
    revoke_sessions(world, by, &person.id).await.unwrap();
    disable(world, by, &person.id).await.unwrap();
    enable(world, by, &person.id).await.unwrap();
    change_password_and_delete(world, person).await;
}

async fn fail_to_sign_in(world: &World, person: &Person) {
    let wrong = credentials(&person.email, "a wrong password");
    world.auth.clone().sign_in(wrong).await.unwrap_err();
    world.audit(&person.id, 2).await;
}

async fn end_sessions_and_keys(world: &World, person: &Person) {
    let (mut account, tokens) = (world.account.clone(), &person.tokens);
    let refresh_token = world.sign_in(person).await.refresh_token;
    let sign_out = SignOutRequest { refresh_token };
    world.auth.clone().sign_out(sign_out).await.unwrap();
    let session_id = world.sign_in(person).await.session_id;
    let request = with_tokens(tokens, RevokeSessionRequest { session_id });
    account.revoke_session(request).await.unwrap();
    world.sign_in(person).await;
    let request = with_tokens(tokens, RevokeOtherSessionsRequest {});
    account.revoke_other_sessions(request).await.unwrap();
    let created = create(world, tokens, key_request(&["tasks.read"])).await;
    let key = created.unwrap().api_key.unwrap();
    revoke(world, tokens, &key.id).await.unwrap();
}

async fn reuse_a_refresh_token(world: &World, person: &Person) {
    let stolen = world.sign_in(person).await.refresh_token;
    let refreshed = world.refresh(&stolen, b"a tag of the owner's").await;
    refreshed.unwrap();
    let reused = world.refresh(&stolen, b"a tag of the thief's").await;
    reused.unwrap_err();
}

async fn change_password_and_delete(world: &World, person: &Person) {
    let mut account = world.account.clone();
    let tokens = world.sign_in(person).await;
    let change = |current: &str| ChangePasswordRequest {
        current_password: current.to_owned(),
        new_password: "another good password".to_owned(),
        revoke_api_keys: false,
    };
    let wrong = with_tokens(&tokens, change("a wrong password"));
    account.change_password(wrong).await.unwrap_err();
    let changed = account.change_password(with_tokens(&tokens, change(PASSWORD)));
    let tokens = changed.await.unwrap().into_inner().tokens.unwrap();
    let delete = DeleteAccountRequest {
        current_password: "another good password".to_owned(),
    };
    let deleted = account.delete_account(with_tokens(&tokens, delete));
    deleted.await.unwrap();
}

/// The kinds of event that [`cause_all_events`] causes.
const KINDS: [&str; 15] = [
    "sign_up",
    "sign_in",
    "sign_in_failed",
    "confirmation_failed",
    "sign_out",
    "session_revoked",
    "other_sessions_revoked",
    "password_changed",
    "refresh_reused",
    "api_key_created",
    "api_key_revoked",
    "account_sessions_revoked",
    "account_disabled",
    "account_enabled",
    "account_deleted",
];

#[tokio::test]
async fn every_event_is_in_the_log_with_its_actor_and_origin() {
    let world = World::boot().await;
    let (admin, person) = (admin(&world).await, world.person().await);
    cause_all_events(&world, &person, &admin).await;
    let events = events_of(&world, &admin.tokens, &person.id).await;
    let kinds: BTreeSet<_> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, BTreeSet::from(KINDS));
    for event in &events {
        assert_eq!(event.account_id, person.id);
        assert_eq!(event.ip, "127.0.0.1");
        assert!(event.user_agent.starts_with("tonic/"), "{event:?}");
        let by_admin = [
            "account_sessions_revoked",
            "account_disabled",
            "account_enabled",
        ];
        let actor = if by_admin.contains(&event.kind.as_str()) {
            admin.id.as_str()
        } else {
            ""
        };
        assert_eq!(event.actor, actor, "{event:?}");
    }
    let times: Vec<_> = events
        .iter()
        .map(|event| event.time.unwrap().seconds)
        .collect();
    assert!(
        times.is_sorted_by(|newer, older| newer >= older),
        "{times:?}"
    );
}

#[tokio::test]
async fn pages_show_every_event_once_the_newest_first() {
    let world = World::boot().await;
    let admin = admin(&world).await;
    let person = world.person().await;
    for _ in 0..4 {
        world.advance(Duration::from_millis(1));
        world.sign_in(&person).await;
    }
    for (account_id, expected) in [(person.id.as_str(), 5), ("", 7)] {
        let (mut found, mut token) = (Vec::new(), String::new());
        loop {
            let request = page(2, &token, account_id);
            let answer = list_events(&world, &admin.tokens, request).await.unwrap();
            assert!(answer.events.len() <= 2);
            found.extend(answer.events.into_iter().map(|event| event.id));
            token = answer.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(found.len(), expected);
        assert!(
            found.is_sorted_by(|newer, older| newer > older),
            "{found:?}"
        );
    }
}

#[tokio::test]
async fn a_page_token_of_another_account_or_another_list_is_refused() {
    let world = World::boot().await;
    let (admin, person) = (admin(&world).await, world.person().await);
    let token = list_events(&world, &admin.tokens, page(1, "", ""))
        .await
        .unwrap()
        .next_page_token;
    assert!(!token.is_empty());
    let refused = list_events(&world, &admin.tokens, page(1, &token, &person.id))
        .await
        .unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
    let expected = [("page_token".to_owned(), "PAGE_TOKEN_INVALID".to_owned())];
    assert_eq!(violations(&refused), expected);
}

#[tokio::test]
async fn every_invalid_field_is_named() {
    let world = World::boot().await;
    let admin = admin(&world).await;
    let refused = list_events(&world, &admin.tokens, page(-1, "x", "x"))
        .await
        .unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
    let fields: Vec<_> = violations(&refused)
        .into_iter()
        .map(|(field, _)| field)
        .collect();
    assert_eq!(fields, ["page_size", "page_token", "account_id"]);
}
