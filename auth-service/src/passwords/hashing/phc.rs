//! Hashes as they are stored: PHC strings.

use std::{fmt, sync::Arc};

use argon2::{
    ARGON2ID_IDENT, Algorithm, Argon2, KeyId, Params, ParamsBuilder, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash as PhcString, Salt},
};

use super::{
    HashError, HashSettings,
    pepper::{Pepper, Peppers},
};

/// Most memory a hash may need, in KiB (256 MiB), so that a row that somebody wrote into the database is not an attack.
pub const MAX_MEMORY_KIB: u32 = 256 * 1024;
/// Most passes and most lanes a hash may need, for the same reason.
const MAX_COST: u32 = 16;
/// Bytes of a salt of this service (RFC 9106 section 3.1).
pub(super) const SALT_BYTES: usize = 16;
/// Bytes of a hash of this service.
pub(super) const HASH_BYTES: usize = 32;

/// The hash of a password as it is stored: a PHC string.
#[derive(Clone, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// The PHC string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for PasswordHash {
    fn from(phc: String) -> Self {
        Self(phc)
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// A stored hash that was parsed and is within the limits.
#[derive(Clone)]
pub(super) struct StoredHash {
    /// With the length of the hash and the id of the pepper.
    params: Params,
    pepper: Option<Arc<Pepper>>,
    pub(super) salt: Salt,
    pub(super) hash: Output,
}

impl StoredHash {
    /// A hash with these settings whose salt and value are random, so that no password has it; `None` when the settings are
    /// out of bounds.
    pub(super) fn new(
        settings: &HashSettings,
        pepper: Option<Arc<Pepper>>,
        random: &[u8; SALT_BYTES + HASH_BYTES],
    ) -> Option<Self> {
        let mut params = ParamsBuilder::new();
        params
            .m_cost(settings.memory_kib)
            .t_cost(settings.iterations)
            .p_cost(settings.parallelism)
            .output_len(HASH_BYTES);
        if let Some(pepper) = &pepper {
            params.keyid(KeyId::new(&pepper.id).expect("the id of a pepper fits"));
        }
        let params = params.build().ok().filter(is_bounded)?;
        let (salt, hash) = random.split_at(SALT_BYTES);
        Some(Self {
            params,
            pepper,
            salt: Salt::new(salt).expect("16 bytes are a salt"),
            hash: Output::new(hash).expect("32 bytes are a hash"),
        })
    }

    /// Parses `$argon2id$v=19$m=…,t=…,p=…$salt$hash`, with `,keyid=…` after `p` when the hash was made with a pepper. Other
    /// forms are refused, as are other orders of the parameters.
    pub(super) fn parse(phc: &str, peppers: &Peppers) -> Result<Self, HashError> {
        let stored = Self::without_pepper(phc).ok_or(HashError::Malformed)?;
        if stored.params.keyid().is_empty() {
            return Ok(stored);
        }
        let Ok(id) = stored.params.keyid().try_into() else {
            return Err(HashError::Malformed);
        };
        let pepper = peppers.find(id).ok_or(HashError::PepperUnknown)?;
        Ok(Self {
            pepper: Some(pepper),
            ..stored
        })
    }

    fn without_pepper(phc: &str) -> Option<Self> {
        let parsed = PhcString::new(phc).ok()?;
        let params = Params::try_from(&parsed).ok().filter(is_bounded)?;
        let ours = parsed.algorithm == ARGON2ID_IDENT
            && parsed.version == Some(Version::V0x13.into())
            && params.data().is_empty()
            // Parameters that are missing, repeated or in another order parse too.
            && ParamsString::try_from(&params).ok()? == parsed.params;
        ours.then_some(Self {
            params,
            pepper: None,
            salt: parsed.salt?,
            hash: parsed.hash?,
        })
    }

    /// The hash of the same settings with this salt and value, as it is stored.
    pub(super) fn sibling(&self, salt: &[u8], hash: &[u8]) -> PasswordHash {
        let phc = PhcString {
            algorithm: ARGON2ID_IDENT,
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&self.params).expect("bounded parameters fit"),
            salt: Some(Salt::new(salt).expect("16 bytes are a salt")),
            hash: Some(Output::new(hash).expect("32 bytes are a hash")),
        };
        PasswordHash(phc.to_string())
    }

    /// Whether `other` was made with the same settings and the same pepper.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.params == other.params && self.salt.len() == other.salt.len()
    }

    /// How many blocks of memory it needs.
    pub(super) fn blocks(&self) -> usize {
        self.params.block_count()
    }

    /// The function that made it.
    pub(super) fn argon2(&self) -> Argon2<'_> {
        let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
        let params = self.params.clone();
        match &self.pepper {
            None => Argon2::new(algorithm, version, params),
            Some(pepper) => Argon2::new_with_secret(pepper.key(), algorithm, version, params)
                .expect("32 bytes are not too long"),
        }
    }
}

impl fmt::Debug for StoredHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StoredHash").field(&self.params).finish()
    }
}

fn is_bounded(params: &Params) -> bool {
    params.m_cost() <= MAX_MEMORY_KIB && params.t_cost() <= MAX_COST && params.p_cost() <= MAX_COST
}
