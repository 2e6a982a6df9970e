use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;
use crate::key_ring::{KeyRingError, TAG_BYTES, VERSION, tag};

fn ring() -> KeyRing {
    KeyRing::new(vec![(1, [11; 32]), (2, [22; 32])]).unwrap()
}

fn token(generation: u64) -> RefreshToken {
    RefreshToken {
        session_id: SessionId::from(Uuid::from_bytes([5; 16])),
        generation,
        secret: SessionSecret::from([6; 16]),
    }
}

/// The text of a token with these bytes as the generation, sealed with the first key of [`ring`].
fn sealed_with_varint(varint: &[u8]) -> String {
    let mut bytes = vec![VERSION, 1];
    bytes.extend([5; 16]);
    bytes.extend(varint);
    bytes.extend([6; 16]);
    let tag = tag(
        &hmac::Key::new(hmac::HMAC_SHA256, &[11; 32]),
        PURPOSE,
        &bytes,
    );
    bytes.extend(tag);
    URL_SAFE_NO_PAD.encode(bytes)
}

#[test]
fn a_ring_needs_a_key_and_unique_ids() {
    assert_eq!(KeyRing::new(vec![]).unwrap_err(), KeyRingError::Empty);
    let twice = KeyRing::new(vec![(3, [1; 32]), (4, [2; 32]), (3, [3; 32])]);
    assert_eq!(twice.unwrap_err(), KeyRingError::Ambiguous(3));
}

#[test]
fn the_first_key_seals_and_every_key_opens() {
    let old = KeyRing::new(vec![(2, [22; 32])]).unwrap();
    assert_eq!(ring().decode(&old.encode(&token(7))), Ok(token(7)));
    let new = ring().encode(&token(7));
    assert_eq!(ring().decode(&new), Ok(token(7)));
    assert_eq!(
        old.decode(&new),
        Err(Malformed),
        "the old ring does not have key 1"
    );
}

#[test]
fn another_key_with_the_same_id_opens_nothing() {
    let other = KeyRing::new(vec![(1, [12; 32])]).unwrap();
    assert_eq!(ring().decode(&other.encode(&token(7))), Err(Malformed));
}

#[test]
fn the_successor_is_the_next_generation_of_the_same_session_and_always_the_same() {
    let first = RefreshToken::first(token(0).session_id);
    let next = first.successor();
    assert_eq!((first.generation, next.generation), (0, 1));
    assert_eq!(next.session_id, first.session_id);
    assert_eq!(next.secret.hash(), first.secret.hash());
    assert_eq!(ring().encode(&next), ring().encode(&first.successor()));
    assert_ne!(ring().encode(&next), ring().encode(&first));
}

#[test]
fn two_sessions_never_share_a_secret() {
    let id = token(0).session_id;
    assert_ne!(RefreshToken::first(id), RefreshToken::first(id));
}

#[test]
fn the_row_keeps_sha256_of_the_secret() {
    assert_eq!(token(0).secret.hash(), sha256(&[6; 16]));
}

#[test]
fn only_the_shortest_form_of_the_generation_is_accepted() {
    let decode = |varint: &[u8]| ring().decode(&sealed_with_varint(varint));
    assert_eq!(decode(&[0x00]), Ok(token(0)));
    assert_eq!(decode(&[0x80, 0x01]), Ok(token(128)));
    let mut greatest = [0xff; 10];
    greatest[9] = 0x01;
    assert_eq!(decode(&greatest), Ok(token(u64::MAX)));
    let of_65_bits = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02];
    let wrong: [&[u8]; 8] = [
        &[],
        &[0x80],
        &[0x00, 0x00],
        &[0x80, 0x00],
        &[0xff, 0x80, 0x00],
        &[0x01, 0x01],
        &of_65_bits,
        &[0xff; 10],
    ];
    for varint in wrong {
        assert_eq!(decode(varint), Err(Malformed), "{varint:x?}");
    }
}

#[test]
fn another_version_is_refused_even_if_it_is_sealed() {
    let mut bytes = URL_SAFE_NO_PAD.decode(ring().encode(&token(7))).unwrap();
    bytes[0] = 2;
    let end = bytes.len() - TAG_BYTES;
    let tag = tag(
        &hmac::Key::new(hmac::HMAC_SHA256, &[11; 32]),
        PURPOSE,
        &bytes[..end],
    );
    bytes[end..].copy_from_slice(&tag);
    assert_eq!(
        ring().decode(&URL_SAFE_NO_PAD.encode(bytes)),
        Err(Malformed)
    );
}

#[test]
fn the_tag_is_valid_for_refresh_tokens_only() {
    let mut bytes = URL_SAFE_NO_PAD.decode(ring().encode(&token(7))).unwrap();
    let end = bytes.len() - TAG_BYTES;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &[11; 32]);
    let plain = hmac::sign(&key, &bytes[..end]);
    bytes[end..].copy_from_slice(&plain.as_ref()[..TAG_BYTES]);
    assert_eq!(
        ring().decode(&URL_SAFE_NO_PAD.encode(bytes)),
        Err(Malformed)
    );
}

#[test]
fn padding_white_space_other_alphabets_and_long_texts_are_refused() {
    // 52 bytes are 70 characters. The last character has four bits that must be zero.
    let text = ring().encode(&token(128));
    assert_eq!(text.len(), 70);
    let (shorter, last) = text.split_at(69);
    let sloppy = char::from(last.as_bytes()[0] + 1);
    for wrong in [
        String::new(),
        shorter.to_owned(),
        format!("{text}=="),
        format!("{text}\n"),
        format!(" {text}"),
        format!("{text}AA"),
        format!("{shorter}{sloppy}"),
        format!("{shorter}+"),
        "A".repeat(80),
        "A".repeat(81),
        "A".repeat(1 << 20),
    ] {
        assert_eq!(ring().decode(&wrong), Err(Malformed), "{wrong:.90}");
    }
}

#[test]
fn debug_shows_neither_secret_nor_key() {
    let shown = format!("{:?}", token(7));
    assert!(shown.ends_with("generation: 7, secret: SessionSecret(..) }"));
    assert_eq!(format!("{:?}", ring()), "KeyRing[1, 2]");
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_itself(id: [u8; 16], shift in 0_u32..64, number: u64, secret: [u8; 16]) {
        let token = RefreshToken {
            session_id: SessionId::from(Uuid::from_bytes(id)),
            generation: number >> shift,
            secret: SessionSecret::from(secret),
        };
        let text = ring().encode(&token);
        prop_assert!(text.len() <= MAX_TEXT_LENGTH);
        prop_assert_eq!(ring().decode(&text), Ok(token));
    }

    #[test]
    fn a_token_with_any_bit_flipped_is_refused(generation: u64, position: prop::sample::Index) {
        let mut bytes = URL_SAFE_NO_PAD.decode(ring().encode(&token(generation))).unwrap();
        let bit = position.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(ring().decode(&URL_SAFE_NO_PAD.encode(bytes)), Err(Malformed));
    }

    #[test]
    fn a_token_with_any_character_changed_is_refused(generation: u64, position: prop::sample::Index, with: char) {
        let text = ring().encode(&token(generation));
        let at = position.index(text.len());
        let changed = format!("{}{with}{}", &text[..at], &text[at + 1..]);
        prop_assume!(changed != text);
        prop_assert_eq!(ring().decode(&changed), Err(Malformed));
    }

    #[test]
    fn no_text_is_a_token_by_chance(text in ".*") {
        prop_assert_eq!(ring().decode(&text), Err(Malformed));
    }

    #[test]
    fn no_bytes_are_a_token_by_chance(mut bytes in prop::collection::vec(any::<u8>(), 2..70)) {
        bytes[..2].copy_from_slice(&[VERSION, 1]);
        prop_assert_eq!(ring().decode(&URL_SAFE_NO_PAD.encode(bytes)), Err(Malformed));
    }
}
