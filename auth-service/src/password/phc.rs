//! Hashes as they are stored: PHC strings.

use std::{fmt, sync::Arc};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

use super::{
    HashError, HashSettings,
    pepper::{ID_BYTES, Pepper, Peppers},
};

/// Most memory a hash may ask for, in KiB (256 MiB): a row that somebody wrote into the database must not be an attack.
pub const CEILING_KIB: u32 = 256 * 1024;
/// Most passes and most lanes a hash may ask for, for the same reason.
const CEILING: u32 = 16;
/// Bytes of a salt of ours (RFC 9106 section 3.1).
pub(super) const SALT_BYTES: usize = 16;
/// Bytes of a hash of ours.
pub(super) const HASH_BYTES: usize = 32;
/// Lengths of salts and hashes that are taken at all.
const LENGTHS: std::ops::RangeInclusive<usize> = 8..=64;
/// Longest PHC string that is looked at, in bytes: two values of 64 bytes and their parameters.
const LONGEST: usize = 256;

/// A password's hash as it is stored: a PHC string.
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

/// A stored hash, taken apart and within the ceilings.
#[derive(Clone)]
pub(super) struct Stored {
    params: Params,
    pepper: Option<Arc<Pepper>>,
    pub(super) salt: Vec<u8>,
    pub(super) hash: Vec<u8>,
}

impl Stored {
    /// A hash of these settings whose salt and value are `random`, hence nobody's; `None` when they are out of bounds.
    pub(super) fn new(
        settings: &HashSettings,
        pepper: Option<Arc<Pepper>>,
        random: &[u8; SALT_BYTES + HASH_BYTES],
    ) -> Option<Self> {
        let (salt, hash) = random.split_at(SALT_BYTES);
        Some(Self {
            params: params(
                settings.memory_kib,
                settings.iterations,
                settings.parallelism,
                HASH_BYTES,
            )?,
            pepper,
            salt: salt.to_vec(),
            hash: hash.to_vec(),
        })
    }

    /// Takes `$argon2id$v=19$m=…,t=…,p=…$salt$hash` apart, with `,keyid=…` after `p` when there is a pepper in it; nothing
    /// else is taken.
    pub(super) fn parse(phc: &str, peppers: &Peppers) -> Result<Self, HashError> {
        let (stored, pepper_id) = Self::take_apart(phc).ok_or(HashError::Malformed)?;
        let find = |id| peppers.find(id).ok_or(HashError::PepperUnknown);
        let pepper = pepper_id.map(find).transpose()?;
        Ok(Self { pepper, ..stored })
    }

    /// The hash, and the id of the pepper that it was made with.
    fn take_apart(phc: &str) -> Option<(Self, Option<[u8; ID_BYTES]>)> {
        if phc.len() > LONGEST {
            return None;
        }
        let rest = phc.strip_prefix("$argon2id$v=19$m=")?;
        let (memory, rest) = rest.split_once(",t=")?;
        let (iterations, rest) = rest.split_once(",p=")?;
        let (parallelism, rest) = rest.split_once('$')?;
        let (parallelism, pepper_id) = match parallelism.split_once(",keyid=") {
            Some((parallelism, id)) => (parallelism, Some(pepper_id(id)?)),
            None => (parallelism, None),
        };
        let (salt, hash) = rest.split_once('$')?;
        let hash = bytes(hash)?;
        let stored = Self {
            pepper: None,
            params: params(
                decimal(memory)?,
                decimal(iterations)?,
                decimal(parallelism)?,
                hash.len(),
            )?,
            salt: bytes(salt)?,
            hash,
        };
        Some((stored, pepper_id))
    }

    /// The hash of the same settings with this salt and value, as it is stored.
    pub(super) fn sibling(&self, salt: &[u8], hash: &[u8]) -> PasswordHash {
        PasswordHash(format!(
            "$argon2id$v=19$m={},t={},p={}{}${}${}",
            self.params.m_cost(),
            self.params.t_cost(),
            self.params.p_cost(),
            self.key_id(),
            STANDARD_NO_PAD.encode(salt),
            STANDARD_NO_PAD.encode(hash),
        ))
    }

    /// Whether `other` was made with the same settings and the same pepper.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.params == other.params
            && self.salt.len() == other.salt.len()
            && self.pepper_id() == other.pepper_id()
    }

    fn pepper_id(&self) -> Option<[u8; ID_BYTES]> {
        self.pepper.as_ref().map(|pepper| pepper.id)
    }

    /// The parameter that names the pepper, if there is one.
    fn key_id(&self) -> String {
        let name = |id| format!(",keyid={}", STANDARD_NO_PAD.encode(id));
        self.pepper_id().map(name).unwrap_or_default()
    }

    /// How many blocks of memory it takes.
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

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stored").field(&self.params).finish()
    }
}

fn params(memory: u32, iterations: u32, parallelism: u32, length: usize) -> Option<Params> {
    let bounded = memory <= CEILING_KIB && iterations <= CEILING && parallelism <= CEILING;
    bounded
        .then(|| Params::new(memory, iterations, parallelism, Some(length)).ok())
        .flatten()
}

/// A number in its only form: no sign, no leading zero.
fn decimal(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// The id of a pepper.
fn pepper_id(text: &str) -> Option<[u8; ID_BYTES]> {
    STANDARD_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// Salt or hash: base64 without padding, neither too short to be safe nor longer than anyone makes them.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let bytes = STANDARD_NO_PAD.decode(text).ok()?;
    LENGTHS.contains(&bytes.len()).then_some(bytes)
}
