//! `AccountService.UpdateAccount`

use contract::proto::auth::{Account, GetAccountRequest, TokenPair, UpdateAccountRequest};
use prost_types::FieldMask;
use testing::{assert_refused, violations};
use tonic::{Code, Status};

use crate::world::{World, with_tokens};

async fn update(
    world: &World,
    tokens: &TokenPair,
    account: Account,
    mask: Option<&[&str]>,
) -> Result<Account, Status> {
    let message = UpdateAccountRequest {
        account: Some(account),
        update_mask: mask.map(|paths| FieldMask {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        }),
    };
    let answer = world
        .account
        .clone()
        .update_account(with_tokens(tokens, message))
        .await?;
    Ok(answer.into_inner().account.unwrap())
}

fn named(display_name: &str, etag: &str) -> Account {
    Account {
        display_name: display_name.to_owned(),
        etag: etag.to_owned(),
        ..Account::default()
    }
}

async fn read(world: &World, tokens: &TokenPair) -> Account {
    let request = with_tokens(tokens, GetAccountRequest {});
    let answer = world.account.clone().get_account(request).await.unwrap();
    answer.into_inner().account.unwrap()
}

#[tokio::test]
async fn the_display_name_changes_with_its_mask_with_a_star_and_without_a_mask() {
    let world = World::boot().await;
    let person = world.person().await;
    let before = read(&world, &person.tokens).await;
    let masks: [Option<&[&str]>; 4] = [
        Some(&["display_name"]),
        Some(&["*"]),
        None,
        Some(&["display_name", "id"]),
    ];
    for (number, mask) in masks.into_iter().enumerate() {
        let name = format!("Name {number}");
        world.advance(std::time::Duration::from_secs(1));
        let after = update(&world, &person.tokens, named(&name, ""), mask)
            .await
            .unwrap();
        assert_eq!(after.display_name, name);
        assert_eq!(after.update_time.unwrap().seconds, world.seconds());
        assert_eq!(
            (&after.id, &after.email, after.create_time),
            (&before.id, &before.email, before.create_time)
        );
        assert_eq!(read(&world, &person.tokens).await, after);
    }
}

#[tokio::test]
async fn a_mask_of_output_only_fields_and_an_empty_account_change_nothing() {
    let world = World::boot().await;
    let person = world.person().await;
    let before = read(&world, &person.tokens).await;
    let role: &[&str] = &["role", "state"];
    for (account, mask) in [(named("Other", ""), Some(role)), (named("", ""), None)] {
        let after = update(&world, &person.tokens, account, mask).await.unwrap();
        assert_eq!(after, before);
    }
}

#[tokio::test]
async fn an_outdated_etag_is_a_mismatch() {
    let world = World::boot().await;
    let person = world.person().await;
    let first = read(&world, &person.tokens).await.etag;
    let second = update(&world, &person.tokens, named("Second", &first), None)
        .await
        .unwrap();
    assert_ne!(second.etag, first);
    let nothing: &[&str] = &["role"];
    for mask in [None, Some(nothing)] {
        let refused = update(&world, &person.tokens, named("Third", &first), mask)
            .await
            .unwrap_err();
        assert_refused(&refused, Code::Aborted, "ETAG_MISMATCH");
    }
    assert_eq!(read(&world, &person.tokens).await, second);
    update(&world, &person.tokens, named("Third", &second.etag), None)
        .await
        .unwrap();
}

#[tokio::test]
async fn every_invalid_field_is_named() {
    let world = World::boot().await;
    let person = world.person().await;
    let star: &[&str] = &["*"];
    let refused = update(&world, &person.tokens, named("", ""), Some(star))
        .await
        .unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
    let fields: Vec<_> = violations(&refused)
        .into_iter()
        .map(|(field, _)| field)
        .collect();
    assert_eq!(fields, ["account.display_name"]);
    for path in ["email", "password", "display_name.x", ""] {
        let refused = update(&world, &person.tokens, named("x", ""), Some(&[path]))
            .await
            .unwrap_err();
        assert_eq!(
            violations(&refused),
            [("update_mask".to_owned(), "UNKNOWN_PATH".to_owned())],
            "{path}"
        );
    }
    let request = with_tokens(&person.tokens, UpdateAccountRequest::default());
    let refused = world
        .account
        .clone()
        .update_account(request)
        .await
        .unwrap_err();
    assert_eq!(
        violations(&refused),
        [("account".to_owned(), "REQUIRED".to_owned())]
    );
}

#[tokio::test]
async fn an_etag_of_any_other_form_is_a_mismatch_and_a_star_is_any() {
    let world = World::boot().await;
    let person = world.person().await;
    let current = read(&world, &person.tokens).await;
    let weak = format!("W/{}", current.etag);
    let nothing: &[&str] = &["role"];
    for mask in [None, Some(nothing)] {
        for other in ["\"v2-abcdef\"", "not an etag", "\"\"", &*weak] {
            let refused = update(&world, &person.tokens, named("New", other), mask)
                .await
                .unwrap_err();
            assert_refused(&refused, Code::Aborted, "ETAG_MISMATCH");
        }
    }
    assert_eq!(read(&world, &person.tokens).await, current);
    let named = update(&world, &person.tokens, named("New", "*"), None).await;
    assert_eq!(named.unwrap().display_name, "New");
}

#[tokio::test]
async fn a_display_name_is_trimmed_and_must_be_visible() {
    let world = World::boot().await;
    let person = world.person().await;
    for (name, reason) in [
        ("  ", "REQUIRED"),
        ("\u{3164}", "NOT_VISIBLE"),
        ("\u{2800}", "NOT_VISIBLE"),
        ("Ada\u{202e}", "FORBIDDEN_CHARACTER"),
        ("\u{200b}", "FORBIDDEN_CHARACTER"),
    ] {
        let refused = update(&world, &person.tokens, named(name, ""), None)
            .await
            .unwrap_err();
        assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
        let expected = [("account.display_name".to_owned(), reason.to_owned())];
        assert_eq!(violations(&refused), expected, "{name:?}");
    }
    let named = update(&world, &person.tokens, named(" Ada\u{a0}", ""), None).await;
    assert_eq!(named.unwrap().display_name, "Ada");
}
