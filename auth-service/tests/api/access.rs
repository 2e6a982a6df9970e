//! What every RPC answers to callers and circumstances that are the same for all.

use std::time::Duration;

use shared::{
    clock::Clock as _,
    ids::{SessionId, UserId},
    proto::auth::{
        Account, ChangePasswordRequest, DeleteAccountRequest, GetAccountRequest,
        ListApiKeysRequest, ListSessionsRequest, RevokeApiKeyRequest, RevokeOtherSessionsRequest,
        RevokeSessionRequest, SignOutRequest, SignUpRequest, TokenPair, UpdateAccountRequest,
    },
    token::Claims,
};
use testing::assert_refused;
use tonic::{Code, Request, Status};

use crate::keys;
use crate::world::{PASSWORD, Person, World, credentials, with_token};

/// What each RPC of `AccountService` answers to requests that `send` makes out of good messages.
async fn refusals(world: &World, token: Option<&str>) -> Vec<Status> {
    fn request<T>(token: Option<&str>, message: T) -> Request<T> {
        match token {
            Some(token) => with_token(token, message),
            None => Request::new(message),
        }
    }
    let mut account = world.account.clone();
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
    };
    let delete = DeleteAccountRequest {
        current_password: PASSWORD.to_owned(),
    };
    let revoke = RevokeSessionRequest {
        session_id: "0190163d-8694-739b-aea5-966c26f8ad91".to_owned(),
    };
    let revoke_key = RevokeApiKeyRequest {
        id: "0190163d-8694-739b-aea5-966c26f8ad91".to_owned(),
    };
    vec![
        account
            .get_account(request(token, GetAccountRequest {}))
            .await
            .unwrap_err(),
        account
            .update_account(request(token, update))
            .await
            .unwrap_err(),
        account
            .change_password(request(token, change))
            .await
            .unwrap_err(),
        account
            .delete_account(request(token, delete))
            .await
            .unwrap_err(),
        account
            .list_sessions(request(token, ListSessionsRequest {}))
            .await
            .unwrap_err(),
        account
            .revoke_session(request(token, revoke))
            .await
            .unwrap_err(),
        account
            .revoke_other_sessions(request(token, RevokeOtherSessionsRequest {}))
            .await
            .unwrap_err(),
        account
            .create_api_key(request(token, keys::wish(&["tasks.read"])))
            .await
            .unwrap_err(),
        account
            .list_api_keys(request(token, ListApiKeysRequest {}))
            .await
            .unwrap_err(),
        account
            .revoke_api_key(request(token, revoke_key))
            .await
            .unwrap_err(),
    ]
}

#[track_caller]
fn assert_all(refusals: &[Status], code: Code, reason: &str) {
    assert_eq!(refusals.len(), 10);
    for refused in refusals {
        assert_refused(refused, code, reason);
    }
}

/// A token of this service for `tokens`' session that says `scope`.
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
async fn a_call_without_a_good_token_is_refused_by_every_rpc_of_the_account() {
    let world = World::boot().await;
    let person = world.person().await;
    let good = person.tokens.access_token;
    let all = refusals(&world, None).await;
    assert_all(&all, Code::Unauthenticated, "TOKEN_MISSING");
    for bad in [
        "nonsense",
        &person.tokens.refresh_token,
        &good[..good.len() - 2],
    ] {
        let all = refusals(&world, Some(bad)).await;
        assert_all(&all, Code::Unauthenticated, "TOKEN_INVALID");
    }
    world.advance(Duration::from_mins(5));
    let all = refusals(&world, Some(&good)).await;
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
async fn without_the_database_every_rpc_that_needs_it_says_so() {
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
async fn a_forged_refresh_token_makes_no_query_so_it_is_refused_even_without_the_database() {
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

/// The token of `tokens` with each of its characters changed.
fn forgeries(tokens: &TokenPair) -> Vec<String> {
    let good = &tokens.refresh_token;
    (0..good.len())
        .map(|at| {
            let other = if good.as_bytes()[at] == b'A' {
                "B"
            } else {
                "A"
            };
            format!("{}{other}{}", &good[..at], &good[at + 1..])
        })
        .collect()
}

#[tokio::test]
async fn a_call_that_waits_for_the_database_too_long_is_told_that_its_deadline_has_passed() {
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

#[tokio::test]
async fn a_full_hashing_queue_is_said_by_every_rpc_that_hashes() {
    let settings = [
        ("auth.hash.threads", "1"),
        ("auth.hash.queue", "1"),
        ("auth.hash.memory_kib", "32768"),
    ];
    let world = World::with(&settings).await;
    let person = world.person().await;
    let token = person.tokens.access_token.as_str();
    let mut answers = vec![Vec::new(); 4];
    let wrong = || "a wrong password".to_owned();
    for _ in 0..20 {
        let sign_up = SignUpRequest {
            email: person.email.clone(),
            password: PASSWORD.to_owned(),
            ..SignUpRequest::default()
        };
        let sign_in = credentials(&person.email, "a wrong password");
        let change = ChangePasswordRequest {
            current_password: wrong(),
            new_password: "another password for it".to_owned(),
        };
        let delete = DeleteAccountRequest {
            current_password: wrong(),
        };
        let (mut auth, mut account) = (world.auth.clone(), world.account.clone());
        let mut again = world.auth.clone();
        let mut other = world.account.clone();
        let at_once = tokio::join!(
            auth.sign_up(sign_up),
            again.sign_in(sign_in),
            account.change_password(with_token(token, change)),
            other.delete_account(with_token(token, delete)),
        );
        answers[0].push(at_once.0.unwrap_err());
        answers[1].push(at_once.1.unwrap_err());
        answers[2].push(at_once.2.unwrap_err());
        answers[3].push(at_once.3.unwrap_err());
    }
    for (rpc, expected) in answers.iter().zip([
        "EMAIL_TAKEN",
        "CREDENTIALS_INVALID",
        "CREDENTIALS_INVALID",
        "CREDENTIALS_INVALID",
    ]) {
        let limited = |refused: &&Status| refused.code() == Code::ResourceExhausted;
        for refused in rpc.iter().filter(limited) {
            assert_refused(refused, Code::ResourceExhausted, "RATE_LIMITED");
        }
        for refused in rpc.iter().filter(|refused| !limited(refused)) {
            assert_eq!(testing::reason(refused), expected);
        }
    }
    let limited = answers
        .iter()
        .flatten()
        .filter(|refused| refused.code() == Code::ResourceExhausted);
    assert!(limited.count() > 0);
}

/// What each RPC of `AuthService` that needs the database answers to a good message.
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
