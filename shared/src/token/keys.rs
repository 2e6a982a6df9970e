//! Verification keys: the set in use, and how a service that is not the issuer keeps it fresh.

use std::{collections::HashMap, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use jsonwebtoken::DecodingKey;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use crate::proto::auth::{
    GetJsonWebKeySetRequest, JsonWebKey, auth_service_client::AuthServiceClient,
};

/// An unknown key id makes the set be read again, but not more often than this: a forger picks key ids at will.
const SOONEST: Duration = Duration::from_secs(5);
/// A failed read is tried again after this, doubling up to [`SOONEST`].
const FIRST_RETRY: Duration = Duration::from_millis(100);
/// How long one read may take.
const READ_LIMIT: Duration = Duration::from_secs(3);

/// One Ed25519 public key and its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Key id; the `kid` of the tokens it signed.
    pub kid: String,
    /// The key, base64url without padding (RFC 8037 section 2).
    pub x: String,
}

/// An immutable set of keys.
#[derive(Debug, Default)]
pub struct KeySet(HashMap<String, DecodingKey>);

impl KeySet {
    /// The set of these keys; those that are no Ed25519 keys are left out.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        Self(
            keys.into_iter()
                .filter_map(|key| Some((key.kid, ed25519(&key.x)?)))
                .collect(),
        )
    }

    pub(super) fn find(&self, kid: &str) -> Option<&DecodingKey> {
        self.0.get(kid)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The key, if it has the 32 bytes of one (RFC 8032 section 5.1.5); the library takes any length.
fn ed25519(x: &str) -> Option<DecodingKey> {
    let key = DecodingKey::from_ed_components(x).ok()?;
    let bytes = key.try_get_as_bytes().ok()?;
    (bytes.len() == 32).then_some(key)
}

/// The key set in use, shared between the verifier and whoever keeps it fresh.
#[derive(Debug, Default)]
pub(super) struct Current {
    pub(super) set: ArcSwap<KeySet>,
    pub(super) unknown_kid: Notify,
}

/// Keeps `verifier`'s keys as the auth service publishes them, until `stop`: read at once, again after `max_age`, and
/// when a token names an unknown key. `loaded` turns true with the first set. No call waits for it.
pub async fn follow(
    verifier: super::Verifier,
    mut issuer: AuthServiceClient<Channel>,
    loaded: watch::Sender<bool>,
    stop: CancellationToken,
) {
    let current = Arc::clone(verifier.keys());
    let mut retry = FIRST_RETRY;
    loop {
        let pause = match read(&mut issuer).await {
            Ok((set, max_age)) => {
                current.set.store(Arc::new(set));
                loaded.send_replace(true);
                retry = FIRST_RETRY;
                max_age.max(SOONEST)
            }
            Err(status) => {
                tracing::warn!(code = ?status.code(), "the verification keys could not be read");
                retry = (retry * 2).min(SOONEST);
                retry
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
            () = asked_early(&current, pause) => {}
        }
    }
}

/// Resolves when an unknown key id was seen and the set is old enough to be read again.
async fn asked_early(current: &Current, pause: Duration) {
    tokio::time::sleep(SOONEST.min(pause)).await;
    current.unknown_kid.notified().await;
}

async fn read(
    issuer: &mut AuthServiceClient<Channel>,
) -> Result<(KeySet, Duration), tonic::Status> {
    let mut request = tonic::Request::new(GetJsonWebKeySetRequest {});
    request.set_timeout(READ_LIMIT);
    let answer = issuer.get_json_web_key_set(request).await?.into_inner();
    let max_age = answer
        .max_age
        .and_then(|age| Duration::try_from(age).ok())
        .unwrap_or(SOONEST);
    let keys = answer.keys.into_iter().filter(is_ed25519);
    Ok((
        KeySet::new(keys.map(|key| PublicKey {
            kid: key.kid,
            x: key.x,
        })),
        max_age,
    ))
}

fn is_ed25519(key: &JsonWebKey) -> bool {
    key.kty == "OKP" && key.crv == "Ed25519" && key.alg == "EdDSA" && key.r#use == "sig"
}
