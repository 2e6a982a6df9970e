//! `AdminService.ListAuditEvents`, and that every act is in the log.

use std::{collections::BTreeSet, time::Duration};

use shared::proto::auth::{
    ChangePasswordRequest, DeleteAccountRequest, ListAuditEventsRequest,
    RevokeOtherSessionsRequest, RevokeSessionRequest, SignOutRequest,
};
use testing::{assert_refused, violations};
use tonic::Code;

use crate::{
    admins::{admin, disable, enable, events_of, list_events, revoke_sessions},
    keys::{create, revoke, wish},
    world::{PASSWORD, Person, World, bearing, credentials},
};

fn page(page_size: i32, page_token: &str, account_id: &str) -> ListAuditEventsRequest {
    ListAuditEventsRequest {
        page_size,
        page_token: page_token.to_owned(),
        account_id: account_id.to_owned(),
    }
}

/// Does to a person's account everything that is to be recorded.
async fn live(world: &World, person: &Person, admin: &Person) {
    let mut account = world.account.clone();
    let step = || world.advance(Duration::from_secs(1));
    let tokens = &person.tokens;
    step();
    let wrong = world
        .auth
        .clone()
        .sign_in(credentials(&person.email, "a wrong password"))
        .await;
    wrong.unwrap_err();
    world.audit(&person.id, 2).await;
    step();
    let other = world.sign_in(person).await;
    let refresh_token = other.refresh_token;
    world
        .auth
        .clone()
        .sign_out(SignOutRequest { refresh_token })
        .await
        .unwrap();
    let session_id = world.sign_in(person).await.session_id;
    account
        .revoke_session(bearing(tokens, RevokeSessionRequest { session_id }))
        .await
        .unwrap();
    world.sign_in(person).await;
    account
        .revoke_other_sessions(bearing(tokens, RevokeOtherSessionsRequest {}))
        .await
        .unwrap();
    let key = create(world, tokens, wish(&["tasks.read"]))
        .await
        .unwrap()
        .api_key
        .unwrap();
    revoke(world, tokens, &key.id).await.unwrap();
    let stolen = world.sign_in(person).await.refresh_token;
    world
        .refresh(&stolen, b"a tag of the owner's")
        .await
        .unwrap();
    world
        .refresh(&stolen, b"a tag of the thief's")
        .await
        .unwrap_err();
    step();
    revoke_sessions(world, &admin.tokens, &person.id)
        .await
        .unwrap();
    disable(world, &admin.tokens, &person.id).await.unwrap();
    enable(world, &admin.tokens, &person.id).await.unwrap();
    let tokens = world.sign_in(person).await;
    let change = |current: &str| ChangePasswordRequest {
        current_password: current.to_owned(),
        new_password: "another good password".to_owned(),
    };
    account
        .change_password(bearing(&tokens, change("a wrong password")))
        .await
        .unwrap_err();
    let tokens = account
        .change_password(bearing(&tokens, change(PASSWORD)))
        .await
        .unwrap();
    let tokens = tokens.into_inner().tokens.unwrap();
    let delete = DeleteAccountRequest {
        current_password: "another good password".to_owned(),
    };
    account
        .delete_account(bearing(&tokens, delete))
        .await
        .unwrap();
}

#[tokio::test]
async fn every_act_is_in_the_log_with_who_did_it_and_from_where() {
    let world = World::boot().await;
    let (admin, person) = (admin(&world).await, world.person().await);
    live(&world, &person, &admin).await;
    let events = events_of(&world, &admin.tokens, &person.id).await;
    let kinds: BTreeSet<_> = events.iter().map(|event| event.kind.as_str()).collect();
    let expected = [
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
    assert_eq!(kinds, BTreeSet::from(expected));
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
            let asked = page(2, &token, account_id);
            let answer = list_events(&world, &admin.tokens, asked).await.unwrap();
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
async fn a_page_token_of_one_account_or_of_another_list_does_not_open() {
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
async fn every_field_out_of_bounds_is_named() {
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
