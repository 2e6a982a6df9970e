use std::time::Duration;

use super::{queue as lines, *};

mod pepper;
mod queue;
mod shares;

/// The cheapest settings of Argon2.
const CHEAP: HashSettings = HashSettings {
    threads: 1,
    queue: 1,
    memory_kib: 8,
    iterations: 1,
    parallelism: 1,
};

fn soon() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

fn anyone() -> HashingPrincipal {
    HashingPrincipal::anyone([0; 32], None)
}

fn password(text: &str) -> Password {
    Password::parse(text, None).unwrap()
}

async fn check(hasher: &Hasher, presented: &str, stored: &str) -> Result<Verdict, HashError> {
    let stored = PasswordHash::from(stored.to_owned());
    let presented = PresentedPassword::new(presented);
    hasher
        .verify(presented, Some(stored), anyone(), soon())
        .await
}

#[tokio::test]
async fn the_password_that_was_hashed_matches_and_no_other() {
    let hasher = Hasher::start(CHEAP, Peppers::default()).unwrap();
    let hash = hasher
        .hash(&password("correct horse"), anyone(), soon())
        .await
        .unwrap();
    let verdict = |matches| {
        Ok(Verdict {
            matches,
            outdated: false,
        })
    };
    assert_eq!(
        check(&hasher, "correct horse", hash.as_str()).await,
        verdict(true)
    );
    for other in ["correct horsE", "correct horse ", "correct hors", ""] {
        assert_eq!(check(&hasher, other, hash.as_str()).await, verdict(false));
    }
}

#[tokio::test]
async fn a_hash_is_a_phc_string_with_a_salt_of_its_own() {
    let hasher = Hasher::start(CHEAP, Peppers::default()).unwrap();
    let first = hasher
        .hash(&password("correct horse"), anyone(), soon())
        .await
        .unwrap();
    let second = hasher
        .hash(&password("correct horse"), anyone(), soon())
        .await
        .unwrap();
    assert!(first.as_str().starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
    assert_ne!(first, second);
    assert_eq!(format!("{first:?}"), "PasswordHash(..)");
}

#[tokio::test]
async fn hashes_of_the_reference_implementation_match() {
    let hasher = Hasher::start(CHEAP, Peppers::default()).unwrap();
    for stored in [
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    ] {
        let verdict = check(&hasher, "password", stored).await;
        assert_eq!(
            verdict,
            Ok(Verdict {
                matches: true,
                outdated: true
            })
        );
        let verdict = check(&hasher, "Password", stored).await;
        assert_eq!(
            verdict,
            Ok(Verdict {
                matches: false,
                outdated: true
            })
        );
    }
}

#[tokio::test]
async fn a_hash_of_other_settings_is_outdated() {
    let hasher = Hasher::start(CHEAP, Peppers::default()).unwrap();
    for settings in [
        HashSettings {
            memory_kib: 16,
            ..CHEAP
        },
        HashSettings {
            iterations: 2,
            ..CHEAP
        },
        HashSettings {
            memory_kib: 16,
            parallelism: 2,
            ..CHEAP
        },
    ] {
        let other = Hasher::start(settings, Peppers::default()).unwrap();
        let hash = other
            .hash(&password("correct horse"), anyone(), soon())
            .await
            .unwrap();
        let verdict = check(&hasher, "correct horse", hash.as_str()).await;
        assert_eq!(
            verdict,
            Ok(Verdict {
                matches: true,
                outdated: true
            })
        );
    }
}

#[tokio::test]
async fn an_unknown_account_costs_a_hash_and_never_matches() {
    let hasher = Hasher::start(CHEAP, Peppers::default()).unwrap();
    let presented = PresentedPassword::new("correct horse");
    let verdict = hasher
        .verify(presented.clone(), None, anyone(), soon())
        .await;
    assert_eq!(
        verdict,
        Ok(Verdict {
            matches: false,
            outdated: false
        })
    );
    // It waits in the same queue, so it fails where a known account fails.
    let late = hasher
        .verify(presented.clone(), None, anyone(), Instant::now())
        .await;
    assert_eq!(late, Err(HashError::DeadlineExceeded));
}

#[tokio::test]
async fn an_unknown_account_costs_the_memory_and_passes_of_a_known_one() {
    let settings = HashSettings {
        memory_kib: 64,
        iterations: 3,
        ..CHEAP
    };
    let hasher = Hasher::start(settings, Peppers::default()).unwrap();
    let hash = hasher
        .hash(&password("correct horse"), anyone(), soon())
        .await
        .unwrap();
    assert!(
        StoredHash::parse(hash.as_str(), &Peppers::default())
            .unwrap()
            .is_like(&hasher.dummy)
    );
}

#[tokio::test]
async fn a_presented_password_that_is_too_long_cannot_match() {
    let hasher = Hasher::start(CHEAP, Peppers::default()).unwrap();
    let long = "x".repeat(2000);
    // The hash of the empty text, which is hashed instead.
    let salt = [1; 16];
    let mut hash = [0; 32];
    let argon2 = hasher.dummy.argon2();
    argon2.hash_password_into(b"", &salt, &mut hash).unwrap();
    let stored = hasher.dummy.sibling(&salt, &hash);
    assert!(check(&hasher, "", stored.as_str()).await.unwrap().matches);
    assert!(
        !check(&hasher, &long, stored.as_str())
            .await
            .unwrap()
            .matches
    );
}

#[tokio::test]
async fn a_stored_hash_that_exceeds_the_limits_or_is_malformed_is_an_error() {
    let hasher = Hasher::start(CHEAP, Peppers::default()).unwrap();
    let salt_and_hash = "c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    for stored in [
        String::new(),
        "correct horse".to_owned(),
        format!("$argon2i$v=19$m=8,t=1,p=1${salt_and_hash}"),
        format!("$argon2d$v=19$m=8,t=1,p=1${salt_and_hash}"),
        format!("$argon2id$v=16$m=8,t=1,p=1${salt_and_hash}"),
        format!("$argon2id$m=8,t=1,p=1${salt_and_hash}"),
        format!("$argon2id$v=19$m=262145,t=1,p=1${salt_and_hash}"),
        format!("$argon2id$v=19$m=4294967295,t=1,p=1${salt_and_hash}"),
        format!("$argon2id$v=19$m=99999999999,t=1,p=1${salt_and_hash}"),
        format!("$argon2id$v=19$m=8,t=4294967295,p=1${salt_and_hash}"),
        format!("$argon2id$v=19$m=8,t=17,p=1${salt_and_hash}"),
        format!("$argon2id$v=19$m=8,t=0,p=1${salt_and_hash}"),
        format!("$argon2id$v=19$m=8,t=+1,p=1${salt_and_hash}"),
        format!("$argon2id$v=19$m=1024,t=1,p=17${salt_and_hash}"),
        format!("$argon2id$v=19$m=7,t=1,p=1${salt_and_hash}"),
        format!("$argon2id$v=19$m=8,t=1,p=1${salt_and_hash}=="),
        format!("$argon2id$v=19$m=8,t=1,p=1${salt_and_hash}${salt_and_hash}"),
        "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$".to_owned(),
        "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AAAA".to_owned(),
        format!("$argon2id$v=19$m=8,t=1,p=1$AAAA${salt_and_hash}"),
        format!("$argon2id$v=19$m=8,t=1,p=1${}$c29t", "A".repeat(1 << 20)),
    ] {
        let verdict = check(&hasher, "password", &stored).await;
        assert_eq!(verdict, Err(HashError::Malformed), "{stored:.120}");
    }
}

#[test]
fn settings_out_of_bounds_are_refused_at_the_start() {
    for settings in [
        HashSettings {
            threads: 0,
            ..CHEAP
        },
        HashSettings { queue: 0, ..CHEAP },
        HashSettings {
            memory_kib: 7,
            ..CHEAP
        },
        HashSettings {
            memory_kib: MAX_MEMORY_KIB + 1,
            ..CHEAP
        },
        HashSettings {
            iterations: 0,
            ..CHEAP
        },
        HashSettings {
            iterations: 17,
            ..CHEAP
        },
        HashSettings {
            parallelism: 0,
            ..CHEAP
        },
        HashSettings {
            parallelism: 17,
            memory_kib: 1024,
            ..CHEAP
        },
    ] {
        let refused = Hasher::start(settings, Peppers::default()).unwrap_err();
        assert!(matches!(refused, HasherError::Settings(named) if named == settings));
    }
}

#[test]
fn the_threads_end_with_the_queue() {
    let settings = HashSettings {
        threads: 3,
        ..CHEAP
    };
    let like = StoredHash::new(&settings, None, &[0; 48]).unwrap();
    let (queue, jobs) = lines::lines(1);
    let threads = start_threads(&settings, &like, &jobs).unwrap();
    assert_eq!(threads.len(), 3);
    drop(queue);
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_thread_keeps_its_memory() {
    let like = StoredHash::new(&CHEAP, None, &[0; 48]).unwrap();
    let mut arena = Arena::new(&like);
    let before = arena.memory();
    arena.hash(b"correct horse");
    let greater = HashSettings {
        memory_kib: 1024,
        ..CHEAP
    };
    let greater = StoredHash::new(&greater, None, &[0; 48]).unwrap();
    arena.matches(&PresentedPassword::new("x"), &greater);
    arena.matches(&PresentedPassword::new("x"), &like);
    assert_eq!(arena.memory(), before);
    assert_eq!(before.1, 8, "KiB");
}
