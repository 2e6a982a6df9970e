//! Which passwords can be chosen, and the pepper that they are hashed with.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use contract::proto::auth::{ChangePasswordRequest, SignUpRequest};
use testing::{assert_refused, violations};
use tonic::Code;

use crate::{
    settings::key,
    world::{PASSWORD, World, credentials, with_tokens},
};

#[tokio::test]
async fn a_common_password_is_refused_for_a_new_account() {
    let world = World::boot().await;
    for password in ["password1", "PASSWORD1", "qwertyuiop"] {
        let request = SignUpRequest {
            email: "ada@example.org".to_owned(),
            password: password.to_owned(),
            ..SignUpRequest::default()
        };
        let refused = world.auth.clone().sign_up(request).await.unwrap_err();
        assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
        let expected = ("password".to_owned(), "COMMON_PASSWORD".to_owned());
        assert_eq!(violations(&refused), [expected], "{password}");
    }
}

#[tokio::test]
async fn a_password_cannot_be_changed_to_a_common_one() {
    let world = World::boot().await;
    let person = world.person().await;
    let request = ChangePasswordRequest {
        current_password: PASSWORD.to_owned(),
        new_password: "Football1".to_owned(),
        revoke_api_keys: false,
    };
    let request = with_tokens(&person.tokens, request);
    let refused = world
        .account
        .clone()
        .change_password(request)
        .await
        .unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
    let expected = ("new_password".to_owned(), "COMMON_PASSWORD".to_owned());
    assert_eq!(violations(&refused), [expected]);
    world.sign_in(&person).await;
}

/// A pepper, as it is written in the settings.
fn pepper(factor: usize) -> String {
    STANDARD.encode(key(factor))
}

/// Stops the service and starts it with other peppers.
async fn with_peppers(world: World, current: &str, previous: &str) -> World {
    let (database, clock) = world.stop().await;
    let settings = [
        ("auth.hash.pepper", current),
        ("auth.hash.previous_peppers", previous),
    ];
    World::on(database, clock, &settings).await
}

/// The pepper's id in the only stored hash.
async fn pepper_id(world: &World) -> Option<String> {
    let statement = "select substring(password_hash from ',keyid=([^$]*)') from auth.account";
    sqlx::query_scalar(statement)
        .fetch_one(&mut world.connect().await)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_pepper_is_introduced_replaced_and_removed_as_each_user_signs_in() {
    let (first, second) = (pepper(13), pepper(17));
    let world = World::boot().await;
    let person = world.person().await;
    assert_eq!(pepper_id(&world).await, None);

    let world = with_peppers(world, &first, "").await;
    world
        .auth
        .clone()
        .sign_in(credentials(&person.email, "a wrong password"))
        .await
        .unwrap_err();
    assert_eq!(
        pepper_id(&world).await,
        None,
        "only a right password is hashed again"
    );
    world.sign_in(&person).await;
    let with_first = pepper_id(&world).await;
    assert!(with_first.is_some());
    world.sign_in(&person).await;
    assert_eq!(pepper_id(&world).await, with_first);

    let world = with_peppers(world, &second, &format!("{}, {first}", pepper(19))).await;
    world.sign_in(&person).await;
    let with_second = pepper_id(&world).await;
    assert!(with_second.is_some() && with_second != with_first);

    let world = with_peppers(world, "", &second).await;
    world.sign_in(&person).await;
    assert_eq!(pepper_id(&world).await, None);
    let world = with_peppers(world, "", "").await;
    world.sign_in(&person).await;
}

#[tokio::test]
async fn new_accounts_and_changed_passwords_have_the_pepper() {
    let world = World::with(&[("auth.hash.pepper", &pepper(13))]).await;
    let person = world.person().await;
    let of_sign_up = pepper_id(&world).await;
    assert!(of_sign_up.is_some());
    let request = ChangePasswordRequest {
        current_password: PASSWORD.to_owned(),
        new_password: "a new password of some length".to_owned(),
        revoke_api_keys: false,
    };
    let request = with_tokens(&person.tokens, request);
    world
        .account
        .clone()
        .change_password(request)
        .await
        .unwrap();
    assert_eq!(pepper_id(&world).await, of_sign_up);
}

#[tokio::test]
async fn a_hash_whose_pepper_is_lost_is_an_internal_error_and_not_a_wrong_password() {
    let world = World::with(&[("auth.hash.pepper", &pepper(13))]).await;
    let person = world.person().await;
    let world = with_peppers(world, &pepper(17), "").await;
    let refused = world
        .auth
        .clone()
        .sign_in(credentials(&person.email, PASSWORD))
        .await
        .unwrap_err();
    assert_refused(&refused, Code::Internal, "INTERNAL");
}
