//! Attacks through the form and the signature.

use super::*;

/// The order of the group of Ed25519 (RFC 8032 section 5.1), little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

#[test]
fn a_token_has_three_parts_of_json_objects() {
    let token = signer().sign(&claims());
    let (message, signature) = token.rsplit_once('.').unwrap();
    for malformed in [
        "",
        ".",
        "..",
        "...",
        message,
        &format!("{message}."),
        &format!("{message}{signature}"),
        &format!("{token}."),
        &format!(".{token}"),
        &format!("{token}.{signature}"),
        &message.replace('.', ".."),
        &signed(&"", &json!(claims())),
        &signed(&header(), &""),
        &signed(&json!([header()]), &json!(claims())),
        &signed(&header(), &json!([claims()])),
        &signed(&header(), &format!("{} x", json!(claims()))),
    ] {
        assert_invalid(malformed);
    }
}

#[test]
fn each_part_is_strict_base64url() {
    let token = signer().sign(&claims());
    let parts: Vec<&str> = token.split('.').collect();
    for at in 0..3 {
        let ends = ["=", "==", " ", "\n", "+", "/", "\u{0}", "é", "%3D", "A"];
        for end in ends {
            let mut parts = parts.clone();
            let changed = format!("{}{end}", parts[at]);
            parts[at] = &changed;
            assert_invalid(&parts.join("."));
        }
    }
    assert_invalid(&format!("Bearer {token}"));
}

#[test]
fn bits_after_the_last_byte_must_be_zero() {
    // 64 bytes are 86 characters, and the last one has four bits too many.
    let token = signer().sign(&claims());
    let (rest, last) = token.split_at(token.len() - 1);
    for sloppy in 1..16 {
        let last = char::from(last.as_bytes()[0] + sloppy);
        if last.is_ascii_alphanumeric() {
            assert_invalid(&format!("{rest}{last}"));
        }
    }
    // The same in a part whose text is signed.
    let header = header().to_string();
    let header = format!("{header}{}", " ".repeat((4 - header.len() % 3) % 3));
    let mut header = URL_SAFE_NO_PAD.encode(header);
    assert_eq!(header.len() % 4, 2);
    let claims = URL_SAFE_NO_PAD.encode(json!(claims()).to_string());
    assert!(verify(&signer().seal(&header, &claims)).is_ok());
    let last = header.pop().unwrap() as u8;
    header.push(char::from(last + 1));
    assert_invalid(&signer().seal(&header, &claims));
}

#[test]
fn a_signature_has_one_form_and_its_full_length() {
    assert_invalid(&resigned(|signature| {
        let mut carry = 0;
        for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(order) + carry;
            *byte = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }
        assert_eq!(carry, 0, "the sum fits, so only the order is wrong");
    }));
    for length in [0, 1, 31, 32, 63] {
        assert_invalid(&resigned(|signature| signature.truncate(length)));
    }
    assert_invalid(&resigned(|signature| signature.push(0)));
    assert_invalid(&resigned(|signature| signature.fill(0)));
    for bit in 0..512 {
        assert_invalid(&resigned(|signature| signature[bit / 8] ^= 1 << (bit % 8)));
    }
}

#[test]
fn a_token_of_more_than_4096_bytes_is_refused() {
    let of = |length: usize| {
        let short = with_claim("jti", json!("")).len();
        (0..length)
            .map(|padding| {
                with_claim(
                    "jti",
                    json!("j".repeat((length - short) * 3 / 4 - 2 + padding)),
                )
            })
            .find(|token| token.len() >= length)
            .unwrap()
    };
    assert!(verify(&of(4095)).is_ok());
    assert_invalid(&of(4097));
    assert_invalid(&of(1 << 20));
}
