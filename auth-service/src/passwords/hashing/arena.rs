//! The memory of a hashing thread, and the hashing in it.

use argon2::Block;
use aws_lc_rs::{constant_time, rand};
use zeroize::Zeroizing;

use super::phc::{HASH_BYTES, PasswordHash, SALT_BYTES, StoredHash};
use crate::passwords::domain::PresentedPassword;

/// The memory of one thread, which is used for each of its hashes.
pub(super) struct Arena {
    /// A hash with the settings of new hashes.
    like: StoredHash,
    blocks: Vec<Block>,
}

impl Arena {
    /// Allocates the memory that hashes like this one need, and writes to all of it, so that the operating system provides
    /// every page before the first hash.
    pub(super) fn new(like: &StoredHash) -> Self {
        let mut written = Block::new();
        written.as_mut().fill(u64::MAX);
        Self {
            like: like.clone(),
            blocks: vec![written; like.blocks()],
        }
    }

    /// The hash of a password with a new salt.
    pub(super) fn hash(&mut self, password: &[u8]) -> PasswordHash {
        let mut salt = [0; SALT_BYTES];
        rand::fill(&mut salt).expect("the operating system gives random bytes");
        let mut hash = Zeroizing::new([0; HASH_BYTES]);
        let argon2 = self.like.argon2();
        argon2
            .hash_password_into_with_memory(password, &salt, hash.as_mut(), &mut self.blocks)
            .expect("the settings were checked at the start");
        self.like.sibling(&salt, hash.as_ref())
    }

    /// Whether `presented` is the password of `stored`. The work is the same for both answers.
    pub(super) fn matches(&mut self, presented: &PresentedPassword, stored: &StoredHash) -> bool {
        let mut larger = Vec::new();
        let blocks = if stored.blocks() <= self.blocks.len() {
            &mut self.blocks
        } else {
            larger.resize(stored.blocks(), Block::new());
            &mut larger
        };
        let bytes = presented.bytes();
        let mut hash = Zeroizing::new(vec![0; stored.hash.len()]);
        stored
            .argon2()
            .hash_password_into_with_memory(
                bytes.unwrap_or_default(),
                &stored.salt,
                hash.as_mut(),
                blocks,
            )
            .expect("a stored hash was checked when it was parsed");
        let equal = constant_time::verify_slices_are_equal(&hash, stored.hash.as_bytes()).is_ok();
        equal & bytes.is_some()
    }
}

#[cfg(test)]
impl Arena {
    /// The address of its memory and its size in blocks of 1 KiB.
    pub(super) fn memory(&self) -> (*const Block, usize) {
        (self.blocks.as_ptr(), self.blocks.capacity())
    }
}
