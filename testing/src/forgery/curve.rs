//! Signatures with special or equivalent numbers (RFC 8032 sections 5.1.7 and 8.4).
//!
//! A verifier may multiply the equation by the cofactor 8 or not. Ours does not, so each signature has exactly one valid form.

use curve25519_dalek::{EdwardsPoint, Scalar};

use super::{
    Forgery, cases,
    issuer::{TestIssuer, challenge, joined},
};

/// The order L of the group, little-endian.
pub(super) const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];
/// The prime p of the field, little-endian.
pub(super) const PRIME: [u8; 32] = {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xed;
    bytes[31] = 0x7f;
    bytes
};
/// The number as 32 bytes, little-endian.
pub(super) const fn small(number: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = number;
    bytes
}

/// The sum of two numbers modulo 2^256, little-endian.
pub(super) fn sum(one: &[u8; 32], other: &[u8; 32]) -> [u8; 32] {
    let mut carry = 0;
    std::array::from_fn(|at| {
        let [byte, above] = (u16::from(one[at]) + u16::from(other[at]) + carry).to_le_bytes();
        carry = u16::from(above);
        byte
    })
}

/// A nonce. Each number gives another one.
pub(super) fn nonce(number: u64) -> Scalar {
    challenge(&[b"nonce", &number.to_le_bytes()])
}

/// The 32 bytes of a point.
pub(super) fn encoded(point: &EdwardsPoint) -> [u8; 32] {
    point.compress().to_bytes()
}

pub(super) fn forgeries(issuer: &TestIssuer) -> Vec<Forgery> {
    [
        special_values(issuer),
        multiples_of_the_order(issuer),
        high_bits(issuer),
        other_numbers(issuer),
    ]
    .concat()
}

/// Numbers with a special meaning, as R and S.
fn special_values(issuer: &TestIssuer) -> Vec<Forgery> {
    let (message, mut below) = (issuer.message(), ORDER);
    below[0] -= 1;
    let named = [
        ("0", small(0)),
        ("1", small(1)),
        ("L - 1", below),
        ("L", ORDER),
        ("p", PRIME),
        ("2^256 - 1", [0xff; 32]),
    ];
    let pairs = named.iter().flat_map(|r| named.iter().map(move |s| (r, s)));
    pairs
        .map(|((r_name, r), (s_name, s))| {
            let in_wycheproof = !["L - 1", "2^256 - 1"].contains(r_name) && *s_name != "2^256 - 1";
            let wycheproof = if in_wycheproof {
                "Ed25519 10 – 29; JWS 386 – 401"
            } else {
                ""
            };
            let token = joined(&message, &[*r, *s].concat());
            Forgery::new(
                format!("R is {r_name} and S is {s_name}"),
                wycheproof,
                token,
            )
        })
        .collect()
}

/// A valid token whose S is changed.
fn with_s(issuer: &TestIssuer, change: impl FnOnce(&[u8; 32]) -> [u8; 32]) -> String {
    issuer.resigned(|signature| {
        let s = *signature.last_chunk().expect("a signature has 64 bytes");
        signature.truncate(32);
        signature.extend(change(&s));
    })
}

/// S is the same number modulo the order, so a verifier that does not check its range accepts it.
fn multiples_of_the_order(issuer: &TestIssuer) -> Vec<Forgery> {
    let mut all = Vec::new();
    let (mut multiple, mut factor) = (ORDER, 1);
    for wycheproof in [
        "Ed25519 63, 85; JWS 382",
        "Ed25519 64",
        "Ed25519 65",
        "Ed25519 66",
    ] {
        let token = with_s(issuer, |s| sum(s, &multiple));
        all.push(Forgery::new(format!("S + {factor} L"), wycheproof, token));
        (multiple, factor) = (sum(&multiple, &multiple), factor * 2);
    }
    all
}

/// S is the same number for a verifier that ignores its highest bits.
fn high_bits(issuer: &TestIssuer) -> Vec<Forgery> {
    let bits = [
        (253, "Ed25519 67"),
        (254, "Ed25519 68"),
        (255, "Ed25519 69"),
    ];
    let set = |(bit, wycheproof): (usize, &'static str)| {
        let token = with_s(issuer, |s| {
            let mut s = *s;
            s[bit / 8] |= 1 << (bit % 8);
            s
        });
        Forgery::new(format!("S + 2^{bit}"), wycheproof, token)
    };
    bits.map(set).into()
}

fn other_numbers(issuer: &TestIssuer) -> Vec<Forgery> {
    let negated = |s: &[u8; 32]| (-Scalar::from_bytes_mod_order(*s)).to_bytes();
    let r_plus_p = issuer.resigned(|signature| {
        let r = signature.first_chunk().expect("a signature has 64 bytes");
        let r = sum(r, &PRIME);
        signature[..32].copy_from_slice(&r);
    });
    cases([
        (
            "S + p",
            "Ed25519 70; JWS 383, 384",
            with_s(issuer, |s| sum(s, &PRIME)),
        ),
        ("-S", "", with_s(issuer, negated)),
        ("R + p", "JWS 381", r_plus_p),
    ])
}
