//! The signing keys: which one signs, which ones verify, and how they follow one another.
//!
//! A key is NEXT (published, does not sign), then ACTIVE (signs), then RETIRED (verifies until the last token it signed
//! has expired). The database has the truth; [`replica`] keeps what this process holds in step with it. What is promised,
//! whatever the number of replicas:
//! - A key signs only when every live replica has published it and all verifiers connected to them have acknowledged it,
//!   or `acknowledge_within` has passed. Only a kill is faster.
//! - No replica signs with what it read longer ago than [`LONGEST_BLIND`] and a poll, and a retired key is published for
//!   that much longer than its tokens live: so no token is refused because of a rotation.
//! - A killed key is not published from the next poll on, and the revocation feed voids its tokens within its own bound.

mod acts;
mod observed;
mod replica;

use std::{fmt, sync::Arc, time::Duration};

use arc_swap::{ArcSwap, ArcSwapOption};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, SubsecRound as _, Utc};
use shared::{clock::Clock, database::Lanes, token::PublicKey};
use tokio::{sync::Notify, time::Instant};

pub(crate) use self::{
    acts::{Killed, Order},
    replica::Replica,
};
use crate::{
    error::Error,
    feed::Feed,
    signing::{
        Signer,
        sealing::{KeyEncryptionKeys, OpenError, random_seed},
    },
    store::signing_key::{NewKey, StoredKey},
};

/// How long a replica that cannot read the keys goes on signing, beside one poll.
const LONGEST_BLIND: Duration = Duration::from_secs(10);
/// How far the clock of any verifier may be behind.
const LONGEST_LEEWAY: Duration = Duration::from_secs(5);

/// When keys follow one another.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// How long a key signs, 1 s to 365 d; zero: until somebody rotates it.
    pub rotate_every: Duration,
    /// How long a new key waits for verifiers that do not acknowledge it, 1 s to 1 h.
    pub acknowledge_within: Duration,
    /// How often a replica looks for what others have changed, 10 ms to 10 s.
    pub poll: Duration,
}

/// The key that signs, as of a look at the database.
struct Current {
    signer: Arc<Signer>,
    as_of: Instant,
}

/// The signing keys as one process knows them. Cheap to clone; clones share what they know.
#[derive(Clone)]
pub(crate) struct SigningKeys(Arc<Shared>);

struct Shared {
    lanes: Lanes,
    clock: Arc<dyn Clock>,
    key_encryption_keys: KeyEncryptionKeys,
    schedule: Schedule,
    /// How long a retired key is still published.
    keep: Duration,
    current: ArcSwapOption<Current>,
    /// The newest first; none before the first look.
    published: ArcSwap<Vec<PublicKey>>,
    feed: Feed,
    /// Something has happened that makes a look worth while before the poll.
    wake: Notify,
}

impl SigningKeys {
    /// The keys of tokens that live for `access_ttl` at most. None is known before a [`Replica`] runs.
    pub(crate) fn new(
        lanes: Lanes,
        clock: Arc<dyn Clock>,
        key_encryption_keys: KeyEncryptionKeys,
        feed: Feed,
        schedule: Schedule,
        access_ttl: Duration,
    ) -> Self {
        Self(Arc::new(Shared {
            lanes,
            clock,
            key_encryption_keys,
            schedule,
            keep: access_ttl + LONGEST_LEEWAY + LONGEST_BLIND + schedule.poll,
            current: ArcSwapOption::empty(),
            published: ArcSwap::default(),
            feed,
            wake: Notify::new(),
        }))
    }

    /// The key that signs; an error when none was read recently enough.
    pub(crate) fn signer(&self) -> Result<Arc<Signer>, Error> {
        let longest = LONGEST_BLIND + self.0.schedule.poll;
        match &*self.0.current.load() {
            Some(current) if current.as_of.elapsed() <= longest => Ok(Arc::clone(&current.signer)),
            Some(_) | None => Err(Error::SigningKeysUnknown),
        }
    }

    /// The keys that verify tokens, the newest first; an error when none has been read yet.
    pub(crate) fn published(&self) -> Result<Arc<Vec<PublicKey>>, Error> {
        let published = self.0.published.load_full();
        if published.is_empty() {
            return Err(Error::SigningKeysUnknown);
        }
        Ok(published)
    }

    /// The time, as exact as the database keeps it.
    fn now(&self) -> DateTime<Utc> {
        self.0.clock.now().trunc_subsecs(6)
    }

    /// The time since which a key may be retired and still be published.
    fn retired_before(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now - self.0.keep
    }

    /// A key that nobody has, sealed.
    fn make(&self, now: DateTime<Utc>) -> NewKey {
        let seed = random_seed();
        let signer = Signer::from_seed(&seed).expect("any 32 bytes are a seed of Ed25519");
        let kid = signer.public_key().kid;
        NewKey {
            sealed: self.0.key_encryption_keys.seal(&kid, &seed),
            public_key: signer.public_bytes(),
            kid,
            create_time: now,
        }
    }

    /// The private half of a key that has one.
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
        // Published is what the row says, so it must be what this key signs for.
        if signer.public_bytes() == *key.public_key && signer.public_key().kid == *kid {
            Ok(signer)
        } else {
            Err(forged())
        }
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let current = self.0.current.load();
        f.debug_struct("SigningKeys")
            .field("signer", &current.as_ref().map(|current| &current.signer))
            .finish_non_exhaustive()
    }
}

/// The public half of a key, as verifiers get it.
fn public(key: &StoredKey) -> PublicKey {
    PublicKey {
        kid: key.kid.clone(),
        x: URL_SAFE_NO_PAD.encode(&key.public_key),
    }
}
