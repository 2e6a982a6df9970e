//! Hashes with a pepper, and hashes with another one or none.

use settings::KeyMaterial;

use super::*;

fn key(factor: usize) -> KeyMaterial {
    let bytes: [u8; 32] =
        std::array::from_fn(|at| u8::try_from((at * at * factor + 201) % 256).unwrap());
    let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
    KeyMaterial::parse(&text).unwrap()
}

fn hasher(current: Option<usize>, previous: &[usize]) -> Hasher {
    let previous = previous.iter().map(|factor| key(*factor)).collect();
    let peppers = Peppers::new(current.map(key), previous);
    Hasher::start(CHEAP, peppers).unwrap()
}

async fn hash(hasher: &Hasher) -> PasswordHash {
    let chosen = password("correct horse");
    hasher.hash(&chosen, anyone(), soon()).await.unwrap()
}

#[tokio::test]
async fn a_hash_names_its_pepper_and_needs_it() {
    let peppered = hasher(Some(7), &[]);
    let stored = hash(&peppered).await;
    assert!(
        stored
            .as_str()
            .starts_with("$argon2id$v=19$m=8,t=1,p=1,keyid=")
    );
    let verdict = check(&peppered, "correct horse", stored.as_str()).await;
    assert_eq!(
        verdict,
        Ok(Verdict {
            matches: true,
            outdated: false
        })
    );
    let verdict = check(&peppered, "correct horsE", stored.as_str()).await;
    assert_eq!(
        verdict,
        Ok(Verdict {
            matches: false,
            outdated: false
        })
    );
    for other in [hasher(Some(11), &[]), hasher(None, &[])] {
        let verdict = check(&other, "correct horse", stored.as_str()).await;
        assert_eq!(verdict, Err(HashError::PepperUnknown));
    }
    // Without the id it is verified as a hash without a pepper, which it is not.
    let (before, after) = stored.as_str().split_once(",keyid=").unwrap();
    let unnamed = format!("{before}${}", after.split_once('$').unwrap().1);
    let verdict = check(&peppered, "correct horse", &unnamed).await;
    assert_eq!(
        verdict,
        Ok(Verdict {
            matches: false,
            outdated: true
        })
    );
}

#[tokio::test]
async fn a_hash_with_another_pepper_or_none_matches_and_is_outdated() {
    let outdated = Ok(Verdict {
        matches: true,
        outdated: true,
    });
    let plain = hash(&hasher(None, &[])).await;
    let first = hash(&hasher(Some(7), &[])).await;
    let rotated = hasher(Some(11), &[13, 7]);
    for stored in [&plain, &first] {
        assert_eq!(
            check(&rotated, "correct horse", stored.as_str()).await,
            outdated
        );
    }
    let removed = hasher(None, &[7]);
    assert_eq!(
        check(&removed, "correct horse", first.as_str()).await,
        outdated
    );
}

#[tokio::test]
async fn a_matched_password_is_hashed_again_with_the_current_pepper_whatever_it_is() {
    let peppered = hasher(Some(7), &[]);
    // Too short and too common to be chosen.
    let presented = PresentedPassword::new("1234");
    let stored = peppered.rehash(presented, anyone(), soon()).await.unwrap();
    let verdict = check(&peppered, "1234", stored.as_str()).await;
    assert_eq!(
        verdict,
        Ok(Verdict {
            matches: true,
            outdated: false
        })
    );
}

#[tokio::test]
async fn a_malformed_id_of_a_pepper_is_an_error() {
    let peppered = hasher(Some(7), &[]);
    let salt_and_hash = "c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    for name in [
        "",
        "AAAA",
        "!!!!!!!!!!!",
        "AAAAAAAAAAAA",
        "AAAAAAAAAAA,keyid=AAAAAAAAAAA",
    ] {
        let stored = format!("$argon2id$v=19$m=8,t=1,p=1,keyid={name}${salt_and_hash}");
        let verdict = check(&peppered, "password", &stored).await;
        assert_eq!(verdict, Err(HashError::Malformed), "{name}");
    }
}
