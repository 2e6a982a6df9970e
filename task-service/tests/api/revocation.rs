//! Tokens that are revoked at the auth service are refused here, without a call between the two services. When no revocations
//! arrive, calls are refused within the configured staleness.

use std::time::Duration;

use contract::proto::{
    auth::{
        ChangePasswordRequest, CreateApiKeyRequest, DeleteAccountRequest, ExchangeApiKeyRequest,
        RevokeApiKeyRequest, RevokeOtherSessionsRequest, RevokeSessionRequest, SignInRequest,
        SignOutRequest,
    },
    health::health_check_response::ServingStatus,
};
use testing::assert_refused;
use tonic::{Code, Response, Status};

use crate::{
    outage::{health, until_serving},
    pair::{PASSWORD, Pair, bearing},
};

const STALENESS: &str = "tandem-revocation-staleness-ms";

fn staleness<T>(answer: &Response<T>) -> Option<u64> {
    let value = answer.metadata().get(STALENESS)?;
    Some(value.to_str().unwrap().parse().unwrap())
}

fn assert_revoked((refused, _after): (Status, Duration)) {
    assert_refused(&refused, Code::Unauthenticated, "TOKEN_REVOKED");
}

#[tokio::test]
async fn a_token_is_refused_after_sign_out_and_other_tokens_are_accepted() {
    let pair = Pair::new().await;
    let (signed_out, signed_in) = (
        pair.sign_up("a@example.org").await,
        pair.sign_up("b@example.org").await,
    );
    let first = pair.write(&signed_out.access_token).await.unwrap();
    assert_eq!(staleness(&first), None);
    let refresh_token = signed_out.refresh_token;
    let request = SignOutRequest { refresh_token };
    pair.auth.clone().sign_out(request).await.unwrap();
    let refused = pair.until_write_is_refused(&signed_out.access_token).await;
    eprintln!("refused {:?} after the sign-out was answered", refused.1);
    assert_revoked(refused);
    let refused = pair.read(&signed_out.access_token).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "TOKEN_REVOKED");
    pair.write(&signed_in.access_token).await.unwrap();
}

#[tokio::test]
async fn a_revoked_session_is_refused_and_so_are_all_other_sessions_once_revoked() {
    let pair = Pair::new().await;
    let own = pair.sign_up("a@example.org").await;
    let [second, third] = [(); 2].map(|()| pair.sign_in("a@example.org"));
    let (second, third) = (second.await, third.await);
    let session_id = second.session_id;
    let request = bearing(&own.access_token, RevokeSessionRequest { session_id });
    pair.account.clone().revoke_session(request).await.unwrap();
    assert_revoked(pair.until_write_is_refused(&second.access_token).await);
    pair.write(&third.access_token).await.unwrap();
    let request = bearing(&own.access_token, RevokeOtherSessionsRequest {});
    pair.account
        .clone()
        .revoke_other_sessions(request)
        .await
        .unwrap();
    assert_revoked(pair.until_read_is_refused(&third.access_token).await);
    pair.write(&own.access_token).await.unwrap();
}

#[tokio::test]
async fn after_a_password_change_only_the_new_token_is_accepted_and_after_account_deletion_none() {
    let pair = Pair::new().await;
    let own = pair.sign_up("a@example.org").await;
    let other = pair.sign_in("a@example.org").await;
    let change = ChangePasswordRequest {
        current_password: PASSWORD.to_owned(),
        new_password: "another horse, another battery".to_owned(),
        revoke_api_keys: false,
    };
    let current_password = change.new_password.clone();
    let request = bearing(&own.access_token, change);
    let changed = pair.account.clone().change_password(request).await.unwrap();
    let new = changed.into_inner().tokens.unwrap().access_token;
    assert_revoked(pair.until_write_is_refused(&other.access_token).await);
    assert_revoked(pair.until_write_is_refused(&own.access_token).await);
    pair.write(&new).await.unwrap();
    let request = bearing(&new, DeleteAccountRequest { current_password });
    pair.account.clone().delete_account(request).await.unwrap();
    assert_revoked(pair.until_write_is_refused(&new).await);
}

#[tokio::test]
async fn the_tokens_of_a_revoked_api_key_are_refused() {
    let pair = Pair::new().await;
    let own = pair.sign_up("a@example.org").await.access_token;
    let create = CreateApiKeyRequest {
        display_name: "nightly".to_owned(),
        scopes: vec!["tasks.read".to_owned()],
        expire_time: None,
        current_password: PASSWORD.to_owned(),
    };
    let created = pair
        .account
        .clone()
        .create_api_key(bearing(&own, create))
        .await;
    let created = created.unwrap().into_inner();
    let exchange = ExchangeApiKeyRequest {
        api_key: created.secret,
    };
    let exchanged = pair.auth.clone().exchange_api_key(exchange).await.unwrap();
    let token = exchanged.into_inner().access_token;
    pair.read(&token).await.unwrap();
    let refused = pair.write(&token).await.unwrap_err();
    assert_refused(&refused, Code::PermissionDenied, "SCOPE_MISSING");
    let id = created.api_key.unwrap().id;
    let request = bearing(&own, RevokeApiKeyRequest { id });
    pair.account.clone().revoke_api_key(request).await.unwrap();
    assert_revoked(pair.until_read_is_refused(&token).await);
    pair.read(&own).await.unwrap();
}

#[tokio::test]
async fn when_the_feed_is_cut_writes_are_refused_first_then_reads_and_both_recover() {
    let bounds = [("STALENESS__READS", "3s"), ("STALENESS__WRITES", "1s")];
    let pair = Pair::with(&bounds).await;
    let (signed_out, signed_in) = (
        pair.sign_up("a@example.org").await,
        pair.sign_up("b@example.org").await,
    );
    for stall in [true, false] {
        if stall {
            pair.network.stall();
        } else {
            pair.network.disconnect();
        }
        let (refused, writes) = pair.until_write_is_refused(&signed_in.access_token).await;
        assert_refused(&refused, Code::Unavailable, "REVOCATION_FEED_STALE");
        let accepted = pair.read(&signed_in.access_token).await.unwrap();
        assert!(staleness(&accepted).unwrap() >= 1000);
        let (refused, reads) = pair.until_read_is_refused(&signed_in.access_token).await;
        assert_refused(&refused, Code::Unavailable, "REVOCATION_FEED_STALE");
        assert!(writes < Duration::from_secs(2), "{writes:?}");
        assert!(writes + reads < Duration::from_secs(4), "{reads:?}");
        assert_eq!(health(&pair.task_channel).await, ServingStatus::NotServing);

        pair.network.forward();
        until_serving(&pair.task_channel).await;
        let answer = pair.write(&signed_in.access_token).await.unwrap();
        assert_eq!(staleness(&answer), None);
    }
    pair.network.disconnect();
    let refresh_token = signed_out.refresh_token;
    let request = SignOutRequest { refresh_token };
    pair.auth.clone().sign_out(request).await.unwrap();
    let (refused, _) = pair.until_write_is_refused(&signed_out.access_token).await;
    assert_refused(&refused, Code::Unavailable, "REVOCATION_FEED_STALE");
    pair.network.forward();
    assert_revoked(pair.until_read_is_refused(&signed_out.access_token).await);
}

impl Pair {
    /// Signs in a user who has signed up; returns the tokens of the new session.
    async fn sign_in(&self, email: &str) -> contract::proto::auth::TokenPair {
        let request = SignInRequest {
            email: email.to_owned(),
            password: PASSWORD.to_owned(),
            ..SignInRequest::default()
        };
        let answer = self.auth.clone().sign_in(request).await.unwrap();
        answer.into_inner().tokens.unwrap()
    }
}
