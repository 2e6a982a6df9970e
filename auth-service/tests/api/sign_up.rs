//! `AuthService.SignUp`

use contract::proto::auth::{AccountRole, AccountState, GetAccountRequest, SignUpRequest};
use testing::{assert_refused, violations};
use tonic::Code;
use verifier::Claims;

use crate::world::{PASSWORD, World, credentials, with_tokens};

fn request(email: &str) -> SignUpRequest {
    SignUpRequest {
        email: email.to_owned(),
        password: PASSWORD.to_owned(),
        display_name: String::new(),
        device_label: "laptop".to_owned(),
        attempt_tag: Vec::new(),
    }
}

#[tokio::test]
async fn a_new_account_is_signed_in_at_once() {
    let world = World::boot().await;
    let answer = world
        .auth
        .clone()
        .sign_up(request("Ada@Example.org"))
        .await
        .unwrap();
    let answer = answer.into_inner();
    let (account, tokens) = (answer.account.unwrap(), answer.tokens.unwrap());
    assert_eq!(account.email, "Ada@Example.org");
    assert_eq!(account.display_name, "Ada");
    assert_eq!(account.role(), AccountRole::User);
    assert_eq!(account.state(), AccountState::Active);
    assert_eq!(tokens.token_type, "Bearer");
    let request = with_tokens(&tokens, GetAccountRequest {});
    let read = world.account.clone().get_account(request).await.unwrap();
    assert_eq!(read.into_inner().account, Some(account.clone()));
    assert_eq!(world.audit(&account.id, 1).await, ["sign_up"]);
}

#[tokio::test]
async fn the_tokens_contain_the_settings_and_expire_on_time() {
    let world = World::boot().await;
    let person = world.person().await;
    let claims = claims(&person.tokens.access_token);
    assert_eq!(
        (claims.iss.as_str(), claims.aud.as_str()),
        ("tandem-auth", "tandem")
    );
    assert_eq!(claims.client_id, "tandem");
    assert_eq!(claims.sub.to_string(), person.id);
    assert_eq!(claims.sid.to_string(), person.tokens.session_id);
    assert_eq!(claims.scope, "account tasks.read tasks.write");
    assert_eq!((claims.iat, claims.nbf), (world.seconds(), world.seconds()));
    assert!(
        (285..=300).contains(&(claims.exp - claims.iat)),
        "{claims:?}"
    );
    let day = 24 * 3600;
    let end = |time: Option<prost_types::Timestamp>| time.unwrap().seconds - world.seconds();
    let tokens = person.tokens;
    assert_eq!(tokens.access_token_expire_time.unwrap().seconds, claims.exp);
    assert_eq!(end(tokens.refresh_token_expire_time), 14 * day);
    assert_eq!(end(tokens.session_expire_time), 90 * day);
}

#[tokio::test]
async fn an_address_is_taken_whatever_its_case() {
    let world = World::boot().await;
    world
        .auth
        .clone()
        .sign_up(request("ada@example.org"))
        .await
        .unwrap();
    for email in ["ada@example.org", "ADA@EXAMPLE.ORG"] {
        let refused = world
            .auth
            .clone()
            .sign_up(request(email))
            .await
            .unwrap_err();
        assert_refused(&refused, Code::AlreadyExists, "EMAIL_TAKEN");
    }
    world.becomes("select count(*) from auth.session", 1).await;
}

#[tokio::test]
async fn a_domain_in_unicode_and_in_ascii_is_one_address() {
    let world = World::boot().await;
    let first = world
        .auth
        .clone()
        .sign_up(request("a@bücher.example"))
        .await;
    let account = first.unwrap().into_inner().account.unwrap();
    for email in [
        "a@xn--bcher-kva.example",
        "A@BÜCHER.example",
        "a@ｂücher。example",
    ] {
        let refused = world.auth.clone().sign_up(request(email)).await;
        assert_refused(&refused.unwrap_err(), Code::AlreadyExists, "EMAIL_TAKEN");
        let signed_in = world
            .auth
            .clone()
            .sign_in(credentials(email, PASSWORD))
            .await;
        let signed_in = signed_in.unwrap().into_inner();
        assert_eq!(signed_in.account.unwrap().id, account.id, "{email}");
    }
}

#[tokio::test]
async fn an_address_that_looks_like_another_one_or_is_no_dot_atom_is_refused() {
    let world = World::boot().await;
    for email in [
        "a\u{200b}@x.test",
        "a@x\u{200b}y.test",
        "a\u{fffd}@x.test",
        "a\u{e000}@x.test",
        "a\u{378}@x.test",
        "a..b@x.test",
        ".a@x.test",
        "a.@x.test",
        "mailto:a@x.test",
    ] {
        let refused = world.auth.clone().sign_up(request(email)).await;
        let refused = refused.unwrap_err();
        assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
        let expected = [("email".to_owned(), "NOT_AN_EMAIL".to_owned())];
        assert_eq!(violations(&refused), expected, "{email:?}");
    }
}

/// The keys of the older rule are the hashes of the whole address in lower case.
#[tokio::test]
async fn accounts_with_a_key_of_the_older_rule_are_still_found_and_their_addresses_taken() {
    let world = World::boot().await;
    let (unicode, dots) = (world.person().await, world.person().await);
    world
        .execute(
            "update auth.account set email = 'a@bücher.example', email_hash = sha256(convert_to('a@bücher.example', 'UTF8'))
               where email = 'person0@example.org';
             update auth.account set email = 'a..b@x.test', email_hash = sha256('a..b@x.test')
               where email = 'person1@example.org'",
        )
        .await;
    for (email, id) in [
        ("A@Bücher.example", &unicode.id),
        ("a@xn--bcher-kva.example", &unicode.id),
        ("A..b@x.test", &dots.id),
    ] {
        let signed_in = world
            .auth
            .clone()
            .sign_in(credentials(email, PASSWORD))
            .await;
        let signed_in = signed_in.unwrap().into_inner();
        assert_eq!(&signed_in.account.unwrap().id, id, "{email}");
    }
    for email in ["a@bücher.example", "a@xn--bcher-kva.example"] {
        let refused = world.auth.clone().sign_up(request(email)).await;
        assert_refused(&refused.unwrap_err(), Code::AlreadyExists, "EMAIL_TAKEN");
    }
}

#[tokio::test]
async fn of_twenty_sign_ups_with_one_address_one_succeeds() {
    let world = World::boot().await;
    let tries: Vec<_> = (0..20)
        .map(|_| {
            let mut auth = world.auth.clone();
            tokio::spawn(async move { auth.sign_up(request("ada@example.org")).await })
        })
        .collect();
    let mut won = 0;
    for attempt in tries {
        match attempt.await.unwrap() {
            Ok(_) => won += 1,
            Err(refused) => assert_refused(&refused, Code::AlreadyExists, "EMAIL_TAKEN"),
        }
    }
    assert_eq!(won, 1);
    world.becomes("select count(*) from auth.account", 1).await;
}

#[tokio::test]
async fn every_invalid_field_is_named() {
    let world = World::boot().await;
    let request = SignUpRequest {
        email: "ada".to_owned(),
        password: "short".to_owned(),
        display_name: "a\nb".to_owned(),
        device_label: "x".repeat(101),
        attempt_tag: Vec::new(),
    };
    let refused = world.auth.clone().sign_up(request).await.unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
    let fields: Vec<_> = violations(&refused)
        .into_iter()
        .map(|(field, _)| field)
        .collect();
    assert_eq!(
        fields,
        ["email", "password", "display_name", "device_label"]
    );
}

#[tokio::test]
async fn the_address_of_the_account_is_refused_as_its_password() {
    let world = World::boot().await;
    let request = SignUpRequest {
        password: "ADA@example.org".to_owned(),
        ..request("ada@example.org")
    };
    let refused = world.auth.clone().sign_up(request).await.unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&refused)[0].0, "password");
}

#[tokio::test]
async fn neither_the_password_nor_a_usable_token_is_in_the_database() {
    let world = World::boot().await;
    let person = world.person().await;
    let mut connection = world.connect().await;
    let row: String = sqlx::query_scalar(
        "select row_to_json(a)::text || row_to_json(s)::text from auth.account a join auth.session s on s.account_id = a.id",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert!(row.contains("$argon2id$"));
    assert!(!row.contains(PASSWORD));
    assert!(!row.contains(&person.tokens.refresh_token));
}

/// The claims of a token, without verification.
fn claims(token: &str) -> Claims {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
