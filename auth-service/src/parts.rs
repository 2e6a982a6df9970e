//! The parts of the service that are made from its configuration alone, or nearly.

use std::{sync::Arc, time::Duration};

use shared::{
    clock::Clock,
    database::Lanes,
    token::{Revocations, Trust, Verifier},
};

use crate::{
    config::Config,
    feed::{Feed, Lag},
    password::HashSettings,
    refresh_token::{KeyRing, KeyRingError},
    signing::sealing::{KeyEncryptionKeys, KeyEncryptionKeysError},
    signing_keys::SigningKeys,
    tokens,
};

/// OWASP's minimum for Argon2id: memory in KiB, passes.
const OWASP_MINIMUM: (u32, u32) = (19_456, 2);

/// The keys that seal refresh tokens.
pub(crate) fn refresh_keys(config: &Config) -> Result<KeyRing, KeyRingError> {
    let keys = config.refresh_keys.iter();
    KeyRing::new(keys.map(|(id, key)| (*id, *key.expose())).collect())
}

/// The signing keys of this configuration, not read yet.
pub(crate) fn signing_keys(
    config: &Config,
    lanes: &Lanes,
    feed: &Feed,
    clock: &Arc<dyn Clock>,
) -> Result<SigningKeys, KeyEncryptionKeysError> {
    let sealing = config.key_encryption_keys.iter();
    let sealing = sealing.map(|(id, key)| (*id, *key.expose()));
    Ok(SigningKeys::new(
        lanes.clone(),
        Arc::clone(clock),
        KeyEncryptionKeys::new(sealing.collect())?,
        feed.clone(),
        config.signing,
        config.profile.access_ttl,
    ))
}

/// How long a revocation matters.
pub(crate) fn lag(config: &Config) -> Lag {
    Lag {
        access_ttl: config.profile.access_ttl,
        longest_call: config.server.deadline + config.database.unit_limit,
    }
}

/// Checks the tokens of this service's own callers.
pub(crate) fn verifier(
    profile: &tokens::Profile,
    leeway: Duration,
    clock: &Arc<dyn Clock>,
) -> Verifier {
    let trust = Trust {
        issuer: profile.issuer.clone(),
        audience: profile.audience.clone(),
        leeway,
    };
    // Its methods ask the database, so a token of an ended session is refused there and at once.
    Verifier::new(trust, Revocations::NotConsulted, 0, Arc::clone(clock))
}

/// Says so when passwords are hashed below OWASP's minimum.
pub(crate) fn warn_of_cheap_hashing(hash: HashSettings) {
    let (memory_kib, iterations) = OWASP_MINIMUM;
    if hash.memory_kib < memory_kib || hash.iterations < iterations {
        tracing::warn!(
            hash.memory_kib,
            hash.iterations,
            "passwords are hashed below OWASP's minimum of {memory_kib} KiB and {iterations} passes"
        );
    }
}
