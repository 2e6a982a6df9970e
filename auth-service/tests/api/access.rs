//! Refusals that are the same for all RPCs: callers without access, no database, no time.

use std::time::Duration;

use api::ids::{SessionId, UserId};
use clock::Clock as _;
use contract::proto::auth::{
    Account, ChangePasswordRequest, DeleteAccountRequest, GetAccountRequest, ListApiKeysRequest,
    ListSessionsRequest, RevokeApiKeyRequest, RevokeOtherSessionsRequest, RevokeSessionRequest,
    SignOutRequest, SignUpRequest, TokenPair, UpdateAccountRequest,
};
use testing::assert_refused;
use tonic::{Code, Request, Status};
use verifier::Claims;

use crate::keys;
use crate::world::{PASSWORD, Person, World, credentials, with_token};

/// An id that no session and no key has.
const UNKNOWN_ID: &str = "0190163d-8694-739b-aea5-966c26f8ad91";

/// A request with this token, or without one.
fn request<T>(token: Option<&str>, message: T) -> Request<T> {
    match token {
        Some(token) => with_token(token, message),
        None => Request::new(message),
    }
}

/// The refusals of each RPC of `AccountService`, called with a valid message and this token.
async fn refusals(world: &World, token: Option<&str>) -> Vec<Status> {
    let mut refusals = Vec::from(account_refusals(world, token).await);
    refusals.extend(session_refusals(world, token).await);
    refusals.extend(key_refusals(world, token).await);
    refusals
}

async fn account_refusals(world: &World, token: Option<&str>) -> [Status; 4] {
    let update = UpdateAccountRequest {
        account: Some(Account {
            display_name: "Name".to_owned(),
            ..Account::default()
        }),
        update_mask: None,
    };
    let change = ChangePasswordRequest {
        current_password: PASSWORD.to_owned(),
        new_password: "another password for it".to_owned(),
        revoke_api_keys: false,
    };
    let delete = DeleteAccountRequest {
        current_password: PASSWORD.to_owned(),
    };
    let mut account = world.account.clone();
    let got = account.get_account(request(token, GetAccountRequest {}));
    let got = got.await.unwrap_err();
    let updated = account.update_account(request(token, update)).await;
    let changed = account.change_password(request(token, change)).await;
    let deleted = account.delete_account(request(token, delete)).await;
    [
        got,
        updated.unwrap_err(),
        changed.unwrap_err(),
        deleted.unwrap_err(),
    ]
}

async fn session_refusals(world: &World, token: Option<&str>) -> [Status; 3] {
    let revoke = RevokeSessionRequest {
        session_id: UNKNOWN_ID.to_owned(),
    };
    let mut account = world.account.clone();
    let listed = account.list_sessions(request(token, ListSessionsRequest {}));
    let listed = listed.await.unwrap_err();
    let revoked = account.revoke_session(request(token, revoke)).await;
    let others = request(token, RevokeOtherSessionsRequest {});
    let others = account.revoke_other_sessions(others).await;
    [listed, revoked.unwrap_err(), others.unwrap_err()]
}

async fn key_refusals(world: &World, token: Option<&str>) -> [Status; 3] {
    let create = keys::key_request(&["tasks.read"]);
    let revoke = RevokeApiKeyRequest {
        id: UNKNOWN_ID.to_owned(),
    };
    let mut account = world.account.clone();
    let created = account.create_api_key(request(token, create)).await;
    let listed = account.list_api_keys(request(token, ListApiKeysRequest {}));
    let listed = listed.await.unwrap_err();
    let revoked = account.revoke_api_key(request(token, revoke)).await;
    [created.unwrap_err(), listed, revoked.unwrap_err()]
}

#[track_caller]
fn assert_all(refusals: &[Status], code: Code, reason: &str) {
    assert_eq!(refusals.len(), 10);
    for refused in refusals {
        assert_refused(refused, code, reason);
    }
}

/// A token of this service for the session of `tokens`, with this scope.
async fn forged_scope(world: &World, scope: &str) -> String {
    let now = world.clock.now();
    world.signer().await.sign(&Claims {
        iss: "tandem-auth".to_owned(),
        aud: "tandem".to_owned(),
        sub: UserId::at(now),
        sid: SessionId::at(now),
        ep: 1,
        scope: scope.to_owned(),
        client_id: "tandem".to_owned(),
        iat: now.timestamp(),
        nbf: now.timestamp(),
        exp: now.timestamp() + 60,
        jti: "1".to_owned(),
    })
}

#[tokio::test]
async fn a_call_without_a_valid_token_is_refused_by_every_rpc_of_the_account() {
    let world = World::boot().await;
    let person = world.person().await;
    let valid = person.tokens.access_token;
    let all = refusals(&world, None).await;
    assert_all(&all, Code::Unauthenticated, "TOKEN_MISSING");
    for bad in [
        "nonsense",
        &person.tokens.refresh_token,
        &valid[..valid.len() - 2],
    ] {
        let all = refusals(&world, Some(bad)).await;
        assert_all(&all, Code::Unauthenticated, "TOKEN_INVALID");
    }
    world.advance(Duration::from_mins(5) + Duration::from_secs(2));
    let all = refusals(&world, Some(&valid)).await;
    assert_all(&all, Code::Unauthenticated, "TOKEN_EXPIRED");
}

#[tokio::test]
async fn a_token_without_the_scope_is_refused_by_every_rpc_of_the_account() {
    let world = World::boot().await;
    let token = forged_scope(&world, "tasks.read tasks.write admin").await;
    let all = refusals(&world, Some(&token)).await;
    assert_all(&all, Code::PermissionDenied, "SCOPE_MISSING");
}

#[tokio::test]
async fn a_token_that_outlives_its_session_or_account_is_refused_by_every_rpc_of_the_account() {
    let world = World::boot().await;
    for statement in [
        "update auth.session set revoke_time = create_time, revoke_reason = 1",
        "update auth.session set idle_deadline = create_time",
        "update auth.session set absolute_deadline = create_time",
        "update auth.account set state = 2",
        "update auth.account set epoch = epoch + 1",
        "delete from auth.session",
        "delete from auth.account",
    ] {
        let person = world.person().await;
        world.execute(statement).await;
        let all = refusals(&world, Some(&person.tokens.access_token)).await;
        assert_all(&all, Code::Unauthenticated, "TOKEN_REVOKED");
    }
}

#[tokio::test]
async fn without_the_database_every_rpc_that_needs_it_is_unavailable() {
    let world = World::boot().await;
    let person = world.person().await;
    world.cut_database().await;
    let mut all = refusals(&world, Some(&person.tokens.access_token)).await;
    all.extend(other_refusals(&world, &person).await);
    for refused in all {
        assert_refused(&refused, Code::Unavailable, "DATABASE_UNAVAILABLE");
    }
}

#[tokio::test]
async fn a_forged_refresh_token_causes_no_query_and_is_refused_even_without_the_database() {
    let world = World::boot().await;
    let person = world.person().await;
    world.cut_database().await;
    for forged in forgeries(&person.tokens) {
        let refused = world.refresh(&forged, &[]).await.unwrap_err();
        assert_refused(&refused, Code::Unauthenticated, "REFRESH_TOKEN_INVALID");
        let request = SignOutRequest {
            refresh_token: forged,
        };
        world.auth.clone().sign_out(request).await.unwrap();
    }
}

/// The refresh token of `tokens`, with each of its characters changed in turn.
fn forgeries(tokens: &TokenPair) -> Vec<String> {
    let valid = &tokens.refresh_token;
    (0..valid.len())
        .map(|at| {
            let other = if valid.as_bytes()[at] == b'A' {
                "B"
            } else {
                "A"
            };
            format!("{}{other}{}", &valid[..at], &valid[at + 1..])
        })
        .collect()
}

#[tokio::test]
async fn a_call_that_waits_too_long_for_the_database_gets_deadline_exceeded() {
    let world = World::boot().await;
    let person = world.person().await;
    let (database, clock) = world.stop().await;
    let settings = [
        ("auth.server.deadline", "100ms"),
        ("auth.database.lanes", "16"),
    ];
    let world = World::on(database, clock, &settings).await;
    let mut holder = world.connect().await;
    sqlx::raw_sql("begin; lock table auth.session, auth.account in access exclusive mode")
        .execute(&mut holder)
        .await
        .unwrap();
    let mut all = refusals(&world, Some(&person.tokens.access_token)).await;
    all.extend(other_refusals(&world, &person).await);
    for refused in all {
        assert_refused(&refused, Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    }
    sqlx::raw_sql("commit").execute(&mut holder).await.unwrap();
}

/// The refusals of each RPC of `AuthService` that needs the database, called with a valid message.
async fn other_refusals(world: &World, person: &Person) -> Vec<Status> {
    let mut auth = world.auth.clone();
    let sign_up = SignUpRequest {
        email: "new@example.org".to_owned(),
        password: PASSWORD.to_owned(),
        ..SignUpRequest::default()
    };
    let sign_out = SignOutRequest {
        refresh_token: person.tokens.refresh_token.clone(),
    };
    vec![
        auth.sign_up(sign_up).await.unwrap_err(),
        auth.sign_in(credentials(&person.email, PASSWORD))
            .await
            .unwrap_err(),
        world
            .refresh(&person.tokens.refresh_token, &[])
            .await
            .unwrap_err(),
        auth.sign_out(sign_out).await.unwrap_err(),
    ]
}
