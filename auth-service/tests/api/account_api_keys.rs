//! API keys that end with a change of password or by an administrator, who sees those of every account.

use contract::proto::auth::{
    ApiKey, ChangePasswordRequest, ListAccountApiKeysRequest, RevokeAccountApiKeyRequest,
    RevokeAccountSessionsRequest, TokenPair,
};
use testing::{assert_refused, violations};
use tonic::{Code, Status};

use crate::{
    admins::admin,
    keys::{create, exchange, key_request, list},
    watcher::Watcher,
    world::{PASSWORD, Person, World, with_tokens},
};

const UNKNOWN: &str = "0190163d-8694-739b-aea5-966c26f8ad91";

async fn seen(world: &World, by: &TokenPair, id: &str) -> Result<Vec<ApiKey>, Status> {
    let message = ListAccountApiKeysRequest {
        account_id: id.to_owned(),
    };
    let request = with_tokens(by, message);
    let answer = world.admin.clone().list_account_api_keys(request).await?;
    Ok(answer.into_inner().api_keys)
}

async fn end(world: &World, by: &TokenPair, account_id: &str, id: &str) -> Result<(), Status> {
    let message = RevokeAccountApiKeyRequest {
        account_id: account_id.to_owned(),
        id: id.to_owned(),
    };
    let request = with_tokens(by, message);
    let answer = world.admin.clone().revoke_account_api_key(request).await;
    answer.map(drop)
}

/// The id and the text of a new key.
async fn key(world: &World, person: &Person) -> (String, String) {
    let made = create(world, &person.tokens, key_request(&["tasks.read"])).await;
    let made = made.unwrap();
    (made.api_key.unwrap().id, made.secret)
}

async fn assert_ended(world: &World, secret: &str) {
    let refused = exchange(world, secret).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "API_KEY_INVALID");
}

#[tokio::test]
async fn an_administrator_sees_and_ends_the_keys_of_an_account() {
    let world = World::boot().await;
    let (admin, person) = (admin(&world).await, world.person().await);
    let ((first, secret), (second, kept)) =
        (key(&world, &person).await, key(&world, &person).await);
    let keys = seen(&world, &admin.tokens, &person.id).await.unwrap();
    assert_eq!(keys, list(&world, &person.tokens).await.unwrap());
    assert_eq!(keys.len(), 2);

    let mut watcher = Watcher::begin(&world).await;
    end(&world, &admin.tokens, &person.id, &first)
        .await
        .unwrap();
    assert_ended(&world, &secret).await;
    watcher.revocation(&first).await;
    exchange(&world, &kept).await.unwrap();
    let left = seen(&world, &admin.tokens, &person.id).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].id, second);
    let by_admin = "select count(*) from auth.audit_event where kind = 'api_key_revoked' and actor is not null";
    world.becomes(by_admin, 1).await;

    for (account, id, reason) in [
        (person.id.as_str(), first.as_str(), "API_KEY_NOT_FOUND"),
        (&admin.id, &second, "API_KEY_NOT_FOUND"),
        (UNKNOWN, &second, "ACCOUNT_NOT_FOUND"),
    ] {
        let refused = end(&world, &admin.tokens, account, id).await.unwrap_err();
        assert_refused(&refused, Code::NotFound, reason);
    }
    let refused = seen(&world, &admin.tokens, UNKNOWN).await.unwrap_err();
    assert_refused(&refused, Code::NotFound, "ACCOUNT_NOT_FOUND");
    let refused = end(&world, &admin.tokens, "x", "y").await.unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
    let fields: Vec<_> = violations(&refused).into_iter().map(|one| one.0).collect();
    assert_eq!(fields, ["account_id", "id"]);
}

#[tokio::test]
async fn nobody_else_sees_or_ends_the_keys_of_an_account() {
    let world = World::boot().await;
    let (person, other) = (world.person().await, world.person().await);
    let (id, secret) = key(&world, &person).await;
    let refused = seen(&world, &other.tokens, &person.id).await.unwrap_err();
    assert_refused(&refused, Code::PermissionDenied, "SCOPE_MISSING");
    let refused = end(&world, &other.tokens, &person.id, &id).await;
    assert_refused(
        &refused.unwrap_err(),
        Code::PermissionDenied,
        "SCOPE_MISSING",
    );
    exchange(&world, &secret).await.unwrap();
}

#[tokio::test]
async fn a_change_of_password_ends_the_keys_only_if_asked_to() {
    let world = World::boot().await;
    for revoke_api_keys in [false, true] {
        let person = world.person().await;
        let (_id, secret) = key(&world, &person).await;
        let message = ChangePasswordRequest {
            current_password: PASSWORD.to_owned(),
            new_password: "a new password of some length".to_owned(),
            revoke_api_keys,
        };
        let request = with_tokens(&person.tokens, message);
        world
            .account
            .clone()
            .change_password(request)
            .await
            .unwrap();
        if revoke_api_keys {
            assert_ended(&world, &secret).await;
        } else {
            exchange(&world, &secret).await.unwrap();
        }
    }
}

#[tokio::test]
async fn an_administrator_who_ends_the_sessions_ends_the_keys_only_if_asked_to() {
    let world = World::boot().await;
    let admin = admin(&world).await;
    for revoke_api_keys in [false, true] {
        let person = world.person().await;
        let (_id, secret) = key(&world, &person).await;
        let message = RevokeAccountSessionsRequest {
            account_id: person.id.clone(),
            revoke_api_keys,
        };
        let request = with_tokens(&admin.tokens, message);
        let ended = world.admin.clone().revoke_account_sessions(request).await;
        assert_eq!(ended.unwrap().into_inner().revoked_count, 1);
        if revoke_api_keys {
            assert_ended(&world, &secret).await;
        } else {
            exchange(&world, &secret).await.unwrap();
        }
    }
}
