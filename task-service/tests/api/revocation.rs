//! What the auth service has ended is over here too, without a call between the two; and when nothing can be known of
//! that, calls are refused within the declared bounds.

use std::time::Duration;

use shared::proto::{
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
async fn a_signed_out_token_is_refused_here_and_every_other_is_not() {
    let pair = Pair::new().await;
    let (leaver, stayer) = (
        pair.sign_up("a@example.org").await,
        pair.sign_up("b@example.org").await,
    );
    let first = pair.write(&leaver.access_token).await.unwrap();
    assert_eq!(staleness(&first), None);
    let refresh_token = leaver.refresh_token;
    let request = SignOutRequest { refresh_token };
    pair.auth.clone().sign_out(request).await.unwrap();
    let refused = pair.until_write_is_refused(&leaver.access_token).await;
    eprintln!("refused {:?} after the sign-out was answered", refused.1);
    assert_revoked(refused);
    let refused = pair.read(&leaver.access_token).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "TOKEN_REVOKED");
    pair.write(&stayer.access_token).await.unwrap();
}

#[tokio::test]
async fn one_session_revoked_or_all_others_are_refused_here() {
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
async fn after_a_change_of_password_only_the_new_token_is_good_here_and_after_deletion_none() {
    let pair = Pair::new().await;
    let own = pair.sign_up("a@example.org").await;
    let other = pair.sign_in("a@example.org").await;
    let change = ChangePasswordRequest {
        current_password: PASSWORD.to_owned(),
        new_password: "another horse, another battery".to_owned(),
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
async fn a_revoked_api_key_takes_its_tokens_with_it() {
    let pair = Pair::new().await;
    let own = pair.sign_up("a@example.org").await.access_token;
    let create = CreateApiKeyRequest {
        display_name: "nightly".to_owned(),
        scopes: vec!["tasks.read".to_owned()],
        expire_time: None,
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
async fn when_the_feed_is_cut_writes_stop_then_reads_and_both_recover() {
    let bounds = [("STALENESS__READS", "3s"), ("STALENESS__WRITES", "1s")];
    let pair = Pair::with(&bounds).await;
    let (leaver, stayer) = (
        pair.sign_up("a@example.org").await,
        pair.sign_up("b@example.org").await,
    );
    for swallow in [true, false] {
        if swallow {
            pair.network.swallow();
        } else {
            pair.network.sever();
        }
        let (refused, writes) = pair.until_write_is_refused(&stayer.access_token).await;
        assert_refused(&refused, Code::Unavailable, "REVOCATION_FEED_STALE");
        let accepted = pair.read(&stayer.access_token).await.unwrap();
        assert!(staleness(&accepted).unwrap() >= 1000);
        let (refused, reads) = pair.until_read_is_refused(&stayer.access_token).await;
        assert_refused(&refused, Code::Unavailable, "REVOCATION_FEED_STALE");
        assert!(writes < Duration::from_secs(2), "{writes:?}");
        assert!(writes + reads < Duration::from_secs(4), "{reads:?}");
        assert_eq!(health(&pair.task_channel).await, ServingStatus::NotServing);

        pair.network.forward();
        until_serving(&pair.task_channel).await;
        let answer = pair.write(&stayer.access_token).await.unwrap();
        assert_eq!(staleness(&answer), None);
    }
    pair.network.sever();
    let refresh_token = leaver.refresh_token;
    let request = SignOutRequest { refresh_token };
    pair.auth.clone().sign_out(request).await.unwrap();
    let (refused, _) = pair.until_write_is_refused(&leaver.access_token).await;
    assert_refused(&refused, Code::Unavailable, "REVOCATION_FEED_STALE");
    pair.network.forward();
    assert_revoked(pair.until_read_is_refused(&leaver.access_token).await);
}

impl Pair {
    /// Another session of somebody who has signed up.
    async fn sign_in(&self, email: &str) -> shared::proto::auth::TokenPair {
        let request = SignInRequest {
            email: email.to_owned(),
            password: PASSWORD.to_owned(),
            ..SignInRequest::default()
        };
        let answer = self.auth.clone().sign_in(request).await.unwrap();
        answer.into_inner().tokens.unwrap()
    }
}
