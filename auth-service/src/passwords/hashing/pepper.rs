//! Peppers: keys that are hashed with every password and are not in the database, so that nobody can guess passwords with a
//! copy of the database alone.

use std::sync::Arc;

use aws_lc_rs::hmac;
use settings::KeyMaterial;

/// Bytes of an id: as many as fit into the parameter `keyid` of Argon2's PHC strings.
pub(super) const ID_BYTES: usize = 8;
/// What an id is made from, in addition to the pepper.
const PURPOSE: &[u8] = b"tandem pepper id";

/// A key that passwords are hashed with: Argon2's secret value K (RFC 9106 section 3.1).
#[derive(Debug)]
pub(super) struct Pepper {
    /// Derived from the key, so that operators do not have to choose ids and two keys cannot have the same one.
    pub(super) id: [u8; ID_BYTES],
    key: KeyMaterial,
}

impl Pepper {
    fn new(key: KeyMaterial) -> Self {
        let id = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.expose()), PURPOSE);
        let id = id.as_ref().first_chunk().expect("HMAC-SHA256 has 32 bytes");
        Self { id: *id, key }
    }

    pub(super) fn key(&self) -> &[u8] {
        self.key.expose()
    }
}

/// The pepper of new hashes, if there is one, and the peppers of older hashes. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Peppers {
    current: Option<Arc<Pepper>>,
    previous: Vec<Arc<Pepper>>,
}

impl Peppers {
    /// New hashes are made with `current`. Hashes with one of `previous`, or without a pepper, still verify.
    #[must_use]
    pub fn new(current: Option<KeyMaterial>, previous: Vec<KeyMaterial>) -> Self {
        let pepper = |key| Arc::new(Pepper::new(key));
        Self {
            current: current.map(pepper),
            previous: previous.into_iter().map(pepper).collect(),
        }
    }

    pub(super) fn current(&self) -> Option<Arc<Pepper>> {
        self.current.clone()
    }

    /// The pepper with the id that a hash contains.
    pub(super) fn find(&self, id: [u8; ID_BYTES]) -> Option<Arc<Pepper>> {
        let mut all = self.current.iter().chain(&self.previous);
        all.find(|pepper| pepper.id == id).cloned()
    }
}
