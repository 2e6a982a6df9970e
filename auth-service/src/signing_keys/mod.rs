//! The signing keys: which key signs, which keys verify, and how one replaces another.
//!
//! A key is NEXT (published, but does not sign), then ACTIVE (signs), then RETIRED (verifies until the last token it signed
//! has expired). The state in the database is authoritative; [`replica`] keeps the copy of this process up to date. For any
//! number of replicas:
//! - A key signs only when every live replica has published it and all verifiers connected to them have acknowledged it, or
//!   when `acknowledge_within` has passed. Only after a kill does a key sign sooner.
//! - No replica signs with a key that it read longer ago than [`MAX_STALENESS`] and one poll, and a retired key is published
//!   for that much longer than its tokens live. So no token is refused because of a rotation.
//! - A key's row says how long its tokens may live ([`token_ttl`]), before they do: revocations are kept for that long.
//! - A killed key is not published after the next poll, and the feed of revocations revokes its tokens as fast as any others.

mod admin;
mod changes;
pub(crate) mod grpc;
pub(crate) mod issuer;
pub(crate) mod metrics;
mod replica;
mod replica_report;
pub mod sealing;
pub mod signer;
pub(crate) mod store;
mod token_ttl;

use std::{fmt, sync::Arc, time::Duration};

use arc_swap::{ArcSwap, ArcSwapOption};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use tokio::{sync::Notify, time::Instant};
use verifier::PublicKey;

use self::{
    sealing::{KeyEncryptionKeys, OpenError, random_seed},
    signer::Signer,
    store::{NewKey, StoredKey},
};
use crate::{context::Context, error::Error};

pub(crate) use self::{
    admin::KeyAdmin,
    changes::{KeyChange, KillResult},
    replica::Replica,
};

/// How long a replica that cannot read the keys continues to sign, in addition to one poll.
const MAX_STALENESS: Duration = Duration::from_secs(10);
/// How far the clock of a verifier may be behind.
const MAX_LEEWAY: Duration = Duration::from_secs(5);

/// When one key replaces another.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// How long a key signs, 1 s to 365 d; zero means until an operator rotates it.
    pub rotate_every: Duration,
    /// How long a new key waits for connected verifiers that do not acknowledge it, 1 s to 1 h.
    pub acknowledge_within: Duration,
    /// How often a replica reads the keys, 10 ms to 10 s.
    pub poll: Duration,
}

/// The key that signs, and when it was read.
struct ActiveKey {
    signer: Arc<Signer>,
    as_of: Instant,
}

/// The signing keys as one process knows them. Cheap to clone; clones share their state.
#[derive(Clone)]
pub(crate) struct SigningKeys(Arc<KeysState>);

struct KeysState {
    context: Context,
    key_encryption_keys: KeyEncryptionKeys,
    schedule: Schedule,
    /// The longest life of the tokens of this replica.
    access_ttl: Duration,
    /// How long a retired key is still published.
    keep: Duration,
    active: ArcSwapOption<ActiveKey>,
    /// The newest first; none before the first read.
    published: ArcSwap<Vec<PublicKey>>,
    /// The keys have changed, so the replica reads them before the next poll.
    changed: Notify,
}

impl SigningKeys {
    /// The keys of tokens that live for `access_ttl` at most. No key is known before a [`Replica`] runs.
    pub(crate) fn new(
        context: Context,
        key_encryption_keys: KeyEncryptionKeys,
        schedule: Schedule,
        access_ttl: Duration,
    ) -> Self {
        Self(Arc::new(KeysState {
            context,
            key_encryption_keys,
            schedule,
            access_ttl,
            keep: access_ttl + MAX_LEEWAY + MAX_STALENESS + schedule.poll,
            active: ArcSwapOption::empty(),
            published: ArcSwap::default(),
            changed: Notify::new(),
        }))
    }

    /// The key that signs; an error when none was read recently enough.
    pub(crate) fn signer(&self) -> Result<Arc<Signer>, Error> {
        let limit = MAX_STALENESS + self.0.schedule.poll;
        match &*self.0.active.load() {
            Some(active) if active.as_of.elapsed() <= limit => Ok(Arc::clone(&active.signer)),
            Some(_) | None => Err(Error::SigningKeysUnknown),
        }
    }

    /// The keys that verify tokens, the newest first; an error when they have not been read yet.
    pub(crate) fn published(&self) -> Result<Arc<Vec<PublicKey>>, Error> {
        let published = self.0.published.load_full();
        if published.is_empty() {
            return Err(Error::SigningKeysUnknown);
        }
        Ok(published)
    }

    fn now(&self) -> DateTime<Utc> {
        self.0.context.now()
    }

    /// Keys retired at this time or earlier verify no token any more.
    fn retired_before(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now - self.0.keep
    }

    /// The longest life of the tokens of this replica, in seconds.
    fn token_ttl(&self) -> i32 {
        i32::try_from(self.0.access_ttl.as_secs()).expect("a token lives an hour at most")
    }

    /// A new key, sealed.
    fn generate(&self, now: DateTime<Utc>) -> NewKey {
        let seed = random_seed();
        let signer = Signer::from_seed(&seed).expect("any 32 bytes are a seed of Ed25519");
        let kid = signer.public_key().kid;
        NewKey {
            sealed: self.0.key_encryption_keys.seal(&kid, &seed),
            public_key: signer.public_bytes(),
            kid,
            create_time: now,
            token_ttl: self.token_ttl(),
        }
    }

    /// The signer of a key whose private half is stored.
    fn open(&self, key: &StoredKey) -> Result<Signer, OpenError> {
        let StoredKey {
            kid,
            key_encryption_key: key_id,
            ..
        } = key;
        let sealed = key.sealed_private_key.as_deref().unwrap_or_default();
        let seed = self.0.key_encryption_keys.open(kid, *key_id, sealed)?;
        let forged = || OpenError::Forged {
            kid: kid.clone(),
            key_id: *key_id,
        };
        let signer = Signer::from_seed(&seed).map_err(|_rejected| forged())?;
        // The public key of the row is published, so it must belong to the private key.
        if signer.public_bytes() == *key.public_key && signer.public_key().kid == *kid {
            Ok(signer)
        } else {
            Err(forged())
        }
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let active = self.0.active.load();
        f.debug_struct("SigningKeys")
            .field("signer", &active.as_ref().map(|active| &active.signer))
            .finish_non_exhaustive()
    }
}

/// The public half of a key, for verifiers.
fn public_key(key: &StoredKey) -> PublicKey {
    PublicKey {
        kid: key.kid.clone(),
        x: URL_SAFE_NO_PAD.encode(&key.public_key),
    }
}
