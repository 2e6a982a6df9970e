//! `VerifierService.IntrospectToken` (RFC 7662)

use std::time::Duration;

use api::ids::{SessionId, UserId};
use auth_service::signing_keys::signer::Signer;
use clock::Clock as _;
use contract::proto::auth::{
    CreateApiKeyRequest, ExchangeApiKeyRequest, IntrospectTokenRequest, IntrospectTokenResponse,
    TokenPair,
};
use testing::assert_refused;
use tonic::{Code, Status};
use verifier::Claims;

use crate::{
    watcher::{QUICK, Watcher, of_service},
    world::{PASSWORD, Person, World, with_tokens},
};

pub(crate) async fn introspect(
    world: &World,
    token: &str,
) -> Result<IntrospectTokenResponse, Status> {
    let message = IntrospectTokenRequest {
        token: token.to_owned(),
    };
    let answer = world
        .verifier
        .clone()
        .introspect_token(of_service(message))
        .await?;
    Ok(answer.into_inner())
}

/// Asserts that the response is `active = false` and nothing else.
async fn assert_inactive(world: &World, token: &str, what: &str) {
    let answer = introspect(world, token).await.unwrap();
    assert_eq!(answer, IntrospectTokenResponse::default(), "{what}");
}

/// The claims of a token of the user's session.
fn claims(world: &World, person: &Person) -> Claims {
    let now = world.clock.now().timestamp();
    Claims {
        iss: "tandem-auth".to_owned(),
        aud: "tandem".to_owned(),
        sub: UserId::parse(&person.id).unwrap(),
        sid: SessionId::parse(&person.tokens.session_id).unwrap(),
        ep: 1,
        scope: "account".to_owned(),
        client_id: "tandem".to_owned(),
        iat: now,
        nbf: now,
        exp: now + 60,
        jti: "1".to_owned(),
    }
}

/// The access token of a new API key of the user.
async fn of_api_key(world: &World, tokens: &TokenPair) -> String {
    let message = CreateApiKeyRequest {
        display_name: "backend".to_owned(),
        scopes: vec!["tasks.read".to_owned()],
        expire_time: None,
        current_password: PASSWORD.to_owned(),
    };
    let made = world
        .account
        .clone()
        .create_api_key(with_tokens(tokens, message))
        .await;
    let message = ExchangeApiKeyRequest {
        api_key: made.unwrap().into_inner().secret,
    };
    let exchanged = world.auth.clone().exchange_api_key(message).await;
    exchanged.unwrap().into_inner().access_token
}

#[tokio::test]
async fn the_response_for_a_valid_token_has_its_claims() {
    let world = World::boot().await;
    let person = world.person().await;
    let answer = introspect(&world, &person.tokens.access_token)
        .await
        .unwrap();
    assert!(answer.active);
    assert_eq!(
        (&answer.sub, &answer.sid),
        (&person.id, &person.tokens.session_id)
    );
    assert_eq!(answer.scope, "account tasks.read tasks.write");
    assert_eq!(answer.client_id, "tandem");
    assert_eq!(answer.expire_time, person.tokens.access_token_expire_time);
    assert_eq!(answer.issue_time.unwrap().seconds, world.seconds());
    assert_eq!(answer.jti.len(), 32);

    let key = of_api_key(&world, &person.tokens).await;
    let answer = introspect(&world, &key).await.unwrap();
    assert_eq!((answer.active, answer.scope.as_str()), (true, "tasks.read"));
    assert_eq!(answer.sub, person.id);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "the table of its cases is long")]
async fn the_response_for_a_token_that_does_not_verify_says_nothing_else() {
    let world = World::boot().await;
    let person = world.person().await;
    let valid = person.tokens.access_token.clone();
    let signer = world.signer().await;
    assert!(
        introspect(&world, &signer.sign(&claims(&world, &person)))
            .await
            .unwrap()
            .active
    );
    let another = Signer::from_seed(&[9; 32]).unwrap();
    let changed = |change: fn(&mut Claims)| {
        let mut claims = claims(&world, &person);
        change(&mut claims);
        signer.sign(&claims)
    };
    for (what, bad) in [
        ("nothing", String::new()),
        ("no token", "nonsense".to_owned()),
        ("a very long text", "a".repeat(60_000)),
        ("a refresh token", person.tokens.refresh_token.clone()),
        (
            "without its signature",
            valid.rsplit_once('.').unwrap().0.to_owned(),
        ),
        ("cut short", valid[..valid.len() - 2].to_owned()),
        ("of another key", another.sign(&claims(&world, &person))),
        ("of another issuer", changed(|claims| claims.iss.push('x'))),
        (
            "for another audience",
            changed(|claims| claims.aud.push('x')),
        ),
        ("of the future", changed(|claims| claims.nbf += 60)),
        ("expired", changed(|claims| claims.exp = claims.iat - 2)),
        (
            "of an unknown account",
            changed(|claims| claims.sub = UserId::from(claims.sid.uuid())),
        ),
        (
            "of an unknown session",
            changed(|claims| claims.sid = SessionId::from(claims.sub.uuid())),
        ),
        ("of an older epoch", changed(|claims| claims.ep -= 1)),
        ("of a later epoch", changed(|claims| claims.ep += 1)),
    ] {
        assert_inactive(&world, &bad, what).await;
    }
    world.advance(Duration::from_mins(5) + Duration::from_secs(2));
    assert_inactive(&world, &valid, "expired").await;
}

#[tokio::test]
async fn the_response_for_a_token_whose_session_key_or_account_has_ended_says_nothing_else() {
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
        assert_inactive(&world, &person.tokens.access_token, statement).await;
    }
    for statement in [
        "update auth.api_key set revoke_time = create_time",
        "update auth.api_key set expire_time = create_time",
        "update auth.account set state = 2",
        "delete from auth.api_key",
    ] {
        let person = world.person().await;
        let token = of_api_key(&world, &person.tokens).await;
        world.execute(statement).await;
        assert_inactive(&world, &token, statement).await;
    }
}

#[tokio::test]
async fn the_response_for_a_token_whose_signing_key_was_killed_says_nothing_else() {
    let world = World::with(&QUICK).await;
    let person = world.person().await;
    let kid = world.signer().await.public_key().kid;
    let mut connection = world.connect().await;
    sqlx::query(
        "insert into auth.revocation (kind, subject, min_epoch, create_time, expire_time)
         values (3, $1, 0, '2026-01-01', '2026-01-01 00:05:00Z')",
    )
    .bind(&kid)
    .execute(&mut connection)
    .await
    .unwrap();
    Watcher::begin(&world).await.revocation(&kid).await;
    assert_inactive(&world, &person.tokens.access_token, "its key").await;
}

#[tokio::test]
async fn without_the_database_a_token_that_verifies_cannot_be_judged() {
    let world = World::boot().await;
    let person = world.person().await;
    world.cut_database().await;
    let refused = introspect(&world, &person.tokens.access_token)
        .await
        .unwrap_err();
    assert_refused(&refused, Code::Unavailable, "DATABASE_UNAVAILABLE");
    assert_inactive(&world, "nonsense", "it causes no query").await;
}
