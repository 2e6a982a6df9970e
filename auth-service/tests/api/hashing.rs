//! The responses when the queue of password hashing is full.

use contract::proto::auth::{ChangePasswordRequest, DeleteAccountRequest, SignUpRequest};
use testing::{assert_refused, reason};
use tonic::{Code, Status};

use crate::world::{PASSWORD, Person, World, credentials, with_token};

/// One concurrent call of each RPC that hashes: first those of `AuthService`, then those of `AccountService`.
async fn all_at_once(world: &World, person: &Person) -> [Status; 4] {
    let wrong = || "a wrong password".to_owned();
    let sign_up = SignUpRequest {
        email: person.email.clone(),
        password: PASSWORD.to_owned(),
        ..SignUpRequest::default()
    };
    let change = ChangePasswordRequest {
        current_password: wrong(),
        new_password: "another password for it".to_owned(),
        revoke_api_keys: false,
    };
    let delete = DeleteAccountRequest {
        current_password: wrong(),
    };
    let token = &person.tokens.access_token;
    let (mut auth, mut account) = (world.auth.clone(), world.account.clone());
    let (mut other_auth, mut other_account) = (world.auth.clone(), world.account.clone());
    let answers = tokio::join!(
        auth.sign_up(sign_up),
        other_auth.sign_in(credentials(&person.email, &wrong())),
        account.change_password(with_token(token, change)),
        other_account.delete_account(with_token(token, delete)),
    );
    [
        answers.0.unwrap_err(),
        answers.1.unwrap_err(),
        answers.2.unwrap_err(),
        answers.3.unwrap_err(),
    ]
}

#[tokio::test]
async fn every_rpc_that_hashes_is_refused_at_once_when_the_queue_is_full() {
    let settings = [
        ("auth.hash.threads", "1"),
        ("auth.hash.queue", "1"),
        ("auth.hash.memory_kib", "32768"),
    ];
    let world = World::with(&settings).await;
    let person = world.person().await;
    let otherwise = [
        "EMAIL_TAKEN",
        "CREDENTIALS_INVALID",
        "CREDENTIALS_INVALID",
        "CREDENTIALS_INVALID",
    ];
    let mut limited = 0;
    for _ in 0..20 {
        for (refused, otherwise) in all_at_once(&world, &person).await.iter().zip(otherwise) {
            if refused.code() == Code::ResourceExhausted {
                assert_refused(refused, Code::ResourceExhausted, "RATE_LIMITED");
                limited += 1;
            } else {
                assert_eq!(reason(refused), otherwise);
            }
        }
    }
    assert!(limited > 0);
}
