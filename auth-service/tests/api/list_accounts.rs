//! `AdminService.ListAccounts`

use std::time::Duration;

use contract::proto::auth::ListAccountsRequest;
use testing::{assert_refused, violations};
use tonic::Code;

use crate::{
    admins::{admin, list_accounts},
    world::World,
};

fn page(page_size: i32, page_token: &str) -> ListAccountsRequest {
    ListAccountsRequest {
        page_size,
        page_token: page_token.to_owned(),
        email: String::new(),
    }
}

#[tokio::test]
async fn pages_show_every_account_once_the_newest_first() {
    let world = World::boot().await;
    let admin = admin(&world).await;
    let mut expected = vec![admin.id.clone()];
    for _ in 0..6 {
        world.advance(Duration::from_millis(1));
        expected.insert(0, world.person().await.id);
    }
    let (mut found, mut sizes, mut token) = (Vec::new(), Vec::new(), String::new());
    loop {
        let answer = list_accounts(&world, &admin.tokens, page(3, &token))
            .await
            .unwrap();
        sizes.push(answer.accounts.len());
        found.extend(answer.accounts.into_iter().map(|account| account.id));
        token = answer.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(found, expected);
    assert_eq!(sizes, [3, 3, 1]);
    let all = list_accounts(&world, &admin.tokens, page(7, ""))
        .await
        .unwrap();
    assert_eq!(
        (all.accounts.len(), all.next_page_token),
        (7, String::new())
    );
}

#[tokio::test]
async fn an_account_is_found_by_its_email_in_any_case() {
    let world = World::boot().await;
    let (admin, person) = (admin(&world).await, world.person().await);
    let of = |email: &str| ListAccountsRequest {
        email: email.to_owned(),
        ..page(0, "")
    };
    let found = list_accounts(&world, &admin.tokens, of(&person.email.to_uppercase()))
        .await
        .unwrap();
    let [account] = &found.accounts[..] else {
        panic!("{found:?}")
    };
    assert_eq!((&account.id, &account.email), (&person.id, &person.email));
    assert_eq!((account.role, account.state), (1, 1));
    let none = list_accounts(&world, &admin.tokens, of("nobody@example.org"))
        .await
        .unwrap();
    assert!(none.accounts.is_empty());
}

#[tokio::test]
async fn a_page_token_is_valid_for_its_caller_and_its_list_for_three_days() {
    let world = World::boot().await;
    let (admin, colleague) = (admin(&world).await, admin(&world).await);
    let token = list_accounts(&world, &admin.tokens, page(1, ""))
        .await
        .unwrap()
        .next_page_token;
    let of_one = ListAccountsRequest {
        email: admin.email.clone(),
        ..page(1, &token)
    };
    for refused in [
        list_accounts(&world, &colleague.tokens, page(1, &token))
            .await
            .unwrap_err(),
        list_accounts(&world, &admin.tokens, of_one)
            .await
            .unwrap_err(),
        list_accounts(&world, &admin.tokens, page(1, "AAAA"))
            .await
            .unwrap_err(),
    ] {
        assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
        let expected = [("page_token".to_owned(), "PAGE_TOKEN_INVALID".to_owned())];
        assert_eq!(violations(&refused), expected);
    }
    world.advance(Duration::from_hours(73));
    let tokens = world.sign_in(&admin).await;
    let refused = list_accounts(&world, &tokens, page(1, &token))
        .await
        .unwrap_err();
    let expected = [("page_token".to_owned(), "PAGE_TOKEN_EXPIRED".to_owned())];
    assert_eq!(violations(&refused), expected);
}

#[tokio::test]
async fn every_invalid_field_is_named() {
    let world = World::boot().await;
    let admin = admin(&world).await;
    let wrong = ListAccountsRequest {
        page_size: -1,
        page_token: String::new(),
        email: "nobody".to_owned(),
    };
    let refused = list_accounts(&world, &admin.tokens, wrong)
        .await
        .unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
    let fields: Vec<_> = violations(&refused)
        .into_iter()
        .map(|(field, _)| field)
        .collect();
    assert_eq!(fields, ["page_size", "email"]);
}
