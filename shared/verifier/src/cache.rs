//! The tokens whose signature has been checked, so that it is checked once for each.
//!
//! A set-associative table: a token has a place in one set of a few, and in a full set the one that was used longest ago
//! makes room. So it is bounded by its construction, and two calls wait for each other only when they meet in one set.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::Claims;

/// Places in a set.
const WAYS: usize = 8;

/// A token that was good when it was looked at.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) claims: Arc<Claims>,
    pub(super) kid: String,
}

#[derive(Debug)]
struct Entry {
    hash: u64,
    /// Compared whole: a hash alone would let another token in.
    token: Box<str>,
    known: Known,
}

/// A set, the last used first.
type Set = [Option<Arc<Entry>>; WAYS];

/// Verified tokens, bounded.
#[derive(Debug)]
pub(super) struct Cache {
    sets: Box<[Mutex<Set>]>,
    /// Keyed, so that nobody can choose tokens that meet in one set.
    hasher: RandomState,
}

/// A token's place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place(u64);

/// A remembered token; it stays readable when it is displaced meanwhile.
#[derive(Debug, Clone)]
pub(super) struct Remembered(Arc<Entry>);

impl std::ops::Deref for Remembered {
    type Target = Known;

    fn deref(&self) -> &Known {
        &self.0.known
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

    pub(super) fn place(&self, token: &str) -> Place {
        Place(self.hasher.hash_one(token))
    }

    pub(super) fn find(&self, token: &str, Place(hash): Place) -> Option<Remembered> {
        let mut set = self.set(hash)?;
        let at = set.iter().position(|entry| {
            let entry = entry.as_ref();
            entry.is_some_and(|entry| entry.hash == hash && *entry.token == *token)
        })?;
        set[..=at].rotate_right(1);
        set[0].clone().map(Remembered)
    }

    pub(super) fn remember(&self, token: &str, Place(hash): Place, known: Known) {
        let entry = Arc::new(Entry {
            hash,
            token: token.into(),
            known,
        });
        // Dropped outside the lock.
        let _displaced = self.set(hash).and_then(|mut set| {
            set.rotate_right(1);
            set[0].replace(entry)
        });
    }

    fn set(&self, hash: u64) -> Option<MutexGuard<'_, Set>> {
        let sets = u64::try_from(self.sets.len()).expect("a length fits 64 bits");
        let at = usize::try_from(hash.checked_rem(sets)?).expect("it is less than a length");
        // No code under the lock can leave a set half-changed.
        Some(self.sets[at].lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::ids::{SessionId, UserId};

    fn known(jti: usize) -> Known {
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
        Known {
            claims: Arc::new(claims),
            kid: "k".to_owned(),
        }
    }

    fn remember(cache: &Cache, number: usize) {
        let token = format!("token-{number}");
        cache.remember(&token, cache.place(&token), known(number));
    }

    fn found(cache: &Cache, number: usize) -> bool {
        let token = format!("token-{number}");
        let found = cache.find(&token, cache.place(&token));
        found.is_some_and(|found| {
            assert_eq!(
                found.claims.jti,
                number.to_string(),
                "it is the token's own"
            );
            true
        })
    }

    #[test]
    fn a_token_is_found_by_the_whole_of_it_only() {
        let cache = Cache::new(64);
        remember(&cache, 1);
        assert!(found(&cache, 1));
        let place = cache.place("token-1");
        for other in ["token-", "token-11", "Token-1", ""] {
            assert!(cache.find(other, place).is_none(), "{other}");
        }
    }

    #[test]
    fn it_never_holds_more_than_its_bound_and_the_last_used_stay() {
        let cache = Cache::new(WAYS);
        (0..WAYS).for_each(|number| remember(&cache, number));
        assert!(found(&cache, 0), "it is the oldest, and used again");
        (100..100 + WAYS - 1).for_each(|number| remember(&cache, number));
        assert!(found(&cache, 0));
        assert_eq!(
            (0..1000).filter(|number| found(&cache, *number)).count(),
            WAYS
        );
        let large = Cache::new(100);
        (0..10_000).for_each(|number| remember(&large, number));
        let held = (0..10_000).filter(|number| found(&large, *number)).count();
        assert_eq!(held, 13 * WAYS, "100 rounded up to full sets");
    }

    #[test]
    fn without_places_nothing_is_remembered() {
        let cache = Cache::new(0);
        remember(&cache, 1);
        assert!(!found(&cache, 1));
    }

    #[test]
    fn threads_that_meet_find_only_what_is_theirs() {
        let cache = Cache::new(2 * WAYS);
        std::thread::scope(|threads| {
            for thread in 0..4 {
                let cache = &cache;
                threads.spawn(move || {
                    for round in 0..5_000 {
                        let number = (round * 7 + thread) % 40;
                        remember(cache, number);
                        found(cache, (round * 11) % 40);
                    }
                });
            }
        });
        assert!((0..40).filter(|number| found(&cache, *number)).count() <= 2 * WAYS);
    }
}
