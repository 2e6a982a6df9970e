//! A hashing thread's memory and the work done in it.

use argon2::Block;
use aws_lc_rs::{constant_time, rand};
use zeroize::Zeroizing;

use super::phc::{HASH_BYTES, PasswordHash, SALT_BYTES, Stored};
use crate::domain::PresentedPassword;

/// The memory of one thread, used for every hash it makes.
pub(super) struct Arena {
    /// Has the settings that new hashes are made with.
    like: Stored,
    blocks: Vec<Block>,
}

impl Arena {
    /// Takes the memory that hashes like this one need, and writes to all of it, so that the operating system has given
    /// every page before the first hash.
    pub(super) fn new(like: &Stored) -> Self {
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

    /// Whether `presented` is the password of `stored`. The work is the same whichever way it comes out.
    pub(super) fn matches(&mut self, presented: &PresentedPassword, stored: &Stored) -> bool {
        let mut more = Vec::new();
        let blocks = if stored.blocks() <= self.blocks.len() {
            &mut self.blocks
        } else {
            more.resize(stored.blocks(), Block::new());
            &mut more
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
        let equal = constant_time::verify_slices_are_equal(&hash, &stored.hash).is_ok();
        equal & bytes.is_some()
    }
}

#[cfg(test)]
impl Arena {
    /// Where its memory is and how many blocks of 1 KiB it can hold.
    pub(super) fn memory(&self) -> (*const Block, usize) {
        (self.blocks.as_ptr(), self.blocks.capacity())
    }
}
