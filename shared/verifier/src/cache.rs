//! The tokens whose signature has been checked, so that the signature of each token is checked once.
//!
//! A set-associative table: a token belongs to one set of a few entries, and a full set evicts the least recently used entry.
//! So the table is bounded by its construction, and two calls wait for each other only if they use the same set.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::Claims;

/// Entries of a set.
const WAYS: usize = 8;

/// What a valid token says.
#[derive(Debug)]
pub(super) struct VerifiedToken {
    pub(super) claims: Arc<Claims>,
    pub(super) kid: String,
}

#[derive(Debug)]
struct Entry {
    hash: u64,
    /// Compared as a whole: by its hash alone, another token could be accepted.
    token: Box<str>,
    verified: VerifiedToken,
}

/// A set, the most recently used entry first.
type Set = [Option<Arc<Entry>>; WAYS];

/// Verified tokens, bounded.
#[derive(Debug)]
pub(super) struct Cache {
    sets: Box<[Mutex<Set>]>,
    /// Keyed, so that nobody can choose tokens of the same set.
    hasher: RandomState,
}

/// The hash of a token, which chooses its set.
#[derive(Debug, Clone, Copy)]
pub(super) struct TokenHash(u64);

/// A cached token. It stays readable after its eviction.
#[derive(Debug, Clone)]
pub(super) struct CachedToken(Arc<Entry>);

impl std::ops::Deref for CachedToken {
    type Target = VerifiedToken;

    fn deref(&self) -> &VerifiedToken {
        &self.0.verified
    }
}

impl Cache {
    /// A cache of about `capacity` tokens, rounded up to full sets; none with 0.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            sets: (0..capacity.div_ceil(WAYS))
                .map(|_| Mutex::default())
                .collect(),
            hasher: RandomState::new(),
        }
    }

    pub(super) fn hash(&self, token: &str) -> TokenHash {
        TokenHash(self.hasher.hash_one(token))
    }

    pub(super) fn find(&self, token: &str, TokenHash(hash): TokenHash) -> Option<CachedToken> {
        let mut set = self.set(hash)?;
        let index = set.iter().position(|entry| {
            let entry = entry.as_ref();
            entry.is_some_and(|entry| entry.hash == hash && *entry.token == *token)
        })?;
        set[..=index].rotate_right(1);
        set[0].clone().map(CachedToken)
    }

    pub(super) fn insert(&self, token: &str, TokenHash(hash): TokenHash, verified: VerifiedToken) {
        let entry = Arc::new(Entry {
            hash,
            token: token.into(),
            verified,
        });
        // Dropped after the lock.
        let _evicted = self.set(hash).and_then(|mut set| {
            set.rotate_right(1);
            set[0].replace(entry)
        });
    }

    fn set(&self, hash: u64) -> Option<MutexGuard<'_, Set>> {
        let sets = u64::try_from(self.sets.len()).expect("a length fits 64 bits");
        let index = usize::try_from(hash.checked_rem(sets)?).expect("it is less than a length");
        // A panic under the lock cannot leave a set half-changed.
        Some(
            self.sets[index]
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

#[cfg(test)]
mod tests {
    use api::ids::{SessionId, UserId};

    use super::*;

    fn verified(jti: usize) -> VerifiedToken {
        let id = uuid::Uuid::from_u128(1);
        let claims = Claims {
            iss: "i".to_owned(),
            aud: "a".to_owned(),
            sub: UserId::from(id),
            sid: SessionId::from(id),
            ep: 0,
            scope: String::new(),
            client_id: "c".to_owned(),
            iat: 0,
            nbf: 0,
            exp: 1,
            jti: jti.to_string(),
        };
        VerifiedToken {
            claims: Arc::new(claims),
            kid: "k".to_owned(),
        }
    }

    fn insert(cache: &Cache, number: usize) {
        let token = format!("token-{number}");
        cache.insert(&token, cache.hash(&token), verified(number));
    }

    fn found(cache: &Cache, number: usize) -> bool {
        let token = format!("token-{number}");
        let found = cache.find(&token, cache.hash(&token));
        found.is_some_and(|found| {
            assert_eq!(
                found.claims.jti,
                number.to_string(),
                "the claims belong to the token"
            );
            true
        })
    }

    #[test]
    fn a_token_is_found_only_by_its_whole_text() {
        let cache = Cache::new(64);
        insert(&cache, 1);
        assert!(found(&cache, 1));
        let hash = cache.hash("token-1");
        for other in ["token-", "token-11", "Token-1", ""] {
            assert!(cache.find(other, hash).is_none(), "{other}");
        }
    }

    #[test]
    fn a_full_cache_evicts_the_least_recently_used_token() {
        let cache = Cache::new(WAYS);
        (0..WAYS).for_each(|number| insert(&cache, number));
        assert!(found(&cache, 0), "the oldest token was used again");
        (100..100 + WAYS - 1).for_each(|number| insert(&cache, number));
        assert!(found(&cache, 0));
        assert_eq!(
            (0..1000).filter(|number| found(&cache, *number)).count(),
            WAYS
        );
        let large = Cache::new(100);
        (0..10_000).for_each(|number| insert(&large, number));
        let held = (0..10_000).filter(|number| found(&large, *number)).count();
        assert_eq!(held, 13 * WAYS, "100 rounded up to full sets");
    }

    #[test]
    fn a_cache_of_capacity_zero_holds_nothing() {
        let cache = Cache::new(0);
        insert(&cache, 1);
        assert!(!found(&cache, 1));
    }

    #[test]
    fn threads_that_share_a_set_find_only_matching_tokens() {
        let cache = Cache::new(2 * WAYS);
        std::thread::scope(|threads| {
            for thread in 0..4 {
                let cache = &cache;
                threads.spawn(move || {
                    for round in 0..5_000 {
                        let number = (round * 7 + thread) % 40;
                        insert(cache, number);
                        found(cache, (round * 11) % 40);
                    }
                });
            }
        });
        assert!((0..40).filter(|number| found(&cache, *number)).count() <= 2 * WAYS);
    }
}
