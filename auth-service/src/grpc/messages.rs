//! From what the service knows to the messages that say it.

use chrono::{DateTime, Utc};
use prost_types::Timestamp;
use shared::{etag, ids::SessionId, proto::auth, token::PublicKey};

use crate::{
    store::{account::Account, open_session::Listed},
    tokens::Pair,
};

/// RFC 6750.
const TOKEN_TYPE: &str = "Bearer";

pub(super) fn account(account: &Account) -> auth::Account {
    auth::Account {
        id: account.id.to_string(),
        email: account.email.as_str().to_owned(),
        display_name: account.display_name.as_str().to_owned(),
        role: account.role.into(),
        state: account.state.into(),
        create_time: Some(timestamp(account.create_time)),
        update_time: Some(timestamp(account.update_time)),
        etag: etag::of(account.revision),
    }
}

pub(super) fn token_pair(pair: Pair) -> auth::TokenPair {
    auth::TokenPair {
        access_token: pair.access_token,
        access_token_expire_time: Some(timestamp(pair.access_token_expire_time)),
        refresh_token: pair.refresh_token,
        refresh_token_expire_time: Some(timestamp(pair.idle_deadline)),
        session_expire_time: Some(timestamp(pair.absolute_deadline)),
        session_id: pair.session_id.to_string(),
        token_type: TOKEN_TYPE.to_owned(),
    }
}

/// `current` is the session of the token that asks.
pub(super) fn session(listed: Listed, current: SessionId) -> auth::Session {
    auth::Session {
        id: listed.id.to_string(),
        device_label: listed.device_label,
        user_agent: listed.user_agent,
        ip: listed.ip.unwrap_or_default(),
        create_time: Some(timestamp(listed.create_time)),
        last_refresh_time: Some(timestamp(listed.rotate_time)),
        expire_time: Some(timestamp(listed.idle_deadline)),
        current: listed.id == current,
    }
}

/// RFC 7517, RFC 8037.
pub(super) fn json_web_key(key: &PublicKey) -> auth::JsonWebKey {
    auth::JsonWebKey {
        kty: "OKP".to_owned(),
        crv: "Ed25519".to_owned(),
        x: key.x.clone(),
        kid: key.kid.clone(),
        alg: "EdDSA".to_owned(),
        r#use: "sig".to_owned(),
    }
}

pub(super) fn timestamp(time: DateTime<Utc>) -> Timestamp {
    Timestamp {
        seconds: time.timestamp(),
        nanos: i32::try_from(time.timestamp_subsec_nanos()).unwrap_or(999_999_999),
    }
}
