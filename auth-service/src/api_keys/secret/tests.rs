use proptest::prelude::*;

use super::*;
use crate::sessions::refresh_token::{RefreshToken, SessionSecret};

fn ring() -> KeyRing {
    KeyRing::new(vec![(1, [11; 32]), (2, [22; 32])]).unwrap()
}

fn secret() -> ApiKeySecret {
    ApiKeySecret {
        id: Uuid::from_bytes([5; 16]).into(),
        secret: [6; SECRET_BYTES],
    }
}

#[test]
fn a_sealed_key_can_be_opened_with_every_key_of_the_ring() {
    let text = secret().seal(&ring());
    assert!(text.starts_with("tdk_"));
    assert_eq!(text.len(), LENGTH);
    assert_eq!(ApiKeySecret::open(&text, &ring()), Ok(secret()));
    let old = KeyRing::new(vec![(2, [22; 32])]).unwrap();
    assert_eq!(
        ApiKeySecret::open(&secret().seal(&old), &ring()),
        Ok(secret()),
        "sealed before the ring was rotated"
    );
    assert_eq!(ApiKeySecret::open(&text, &old), Err(Malformed));
}

#[test]
fn a_refresh_token_is_no_api_key_and_an_api_key_no_refresh_token() {
    let token = RefreshToken {
        session_id: Uuid::from_bytes([5; 16]).into(),
        generation: 1,
        secret: SessionSecret::from([6; 16]),
    };
    let as_key = format!("tdk_{}", ring().encode(&token));
    assert_eq!(ApiKeySecret::open(&as_key, &ring()), Err(Malformed));
    let text = secret().seal(&ring());
    for text in [text.as_str(), text.strip_prefix("tdk_").unwrap()] {
        assert_eq!(ring().decode(text), Err(Malformed));
    }
    // The right length and the right key, but another purpose.
    let other = ring().seal(b"tandem refresh token\0", &[5; 16 + SECRET_BYTES]);
    let other = format!("tdk_{other}");
    assert_eq!(other.len(), LENGTH);
    assert_eq!(ApiKeySecret::open(&other, &ring()), Err(Malformed));
}

#[test]
fn two_keys_of_one_id_have_different_secrets_and_neither_is_printed() {
    let [one, other] = [(); 2].map(|()| ApiKeySecret::random(secret().id));
    assert_ne!(one.hash(), other.hash());
    assert!(!format!("{:?}", secret()).contains("6, 6"));
}

proptest! {
    #[test]
    fn a_changed_key_can_never_be_opened(at in 0..LENGTH, replacement in any::<char>()) {
        let text = secret().seal(&ring());
        let changed = format!("{}{replacement}{}", &text[..at], &text[at + 1..]);
        prop_assume!(changed != text);
        prop_assert_eq!(ApiKeySecret::open(&changed, &ring()), Err(Malformed));
    }

    #[test]
    fn no_other_text_can_be_opened(text in "(tdk_)?[A-Za-z0-9_-]{0,100}|\\PC*") {
        prop_assert_eq!(ApiKeySecret::open(&text, &ring()), Err(Malformed));
    }
}
