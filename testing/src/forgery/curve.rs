//! Signatures at the edges of Ed25519 (RFC 8032 sections 5.1.7 and 8.4), and keys at its edges.
//!
//! A verifier may multiply the equation by the cofactor 8 or not; ours does not, so a signature has one form.

use curve25519_dalek::{EdwardsPoint, Scalar};

use super::{
    Forgery,
    mint::{Mint, challenge, joined},
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

/// The sum of two numbers, little-endian; what does not fit into 256 bits is lost.
pub(super) fn sum(one: &[u8; 32], other: &[u8; 32]) -> [u8; 32] {
    let mut carry = 0;
    std::array::from_fn(|at| {
        let [byte, above] = (u16::from(one[at]) + u16::from(other[at]) + carry).to_le_bytes();
        carry = u16::from(above);
        byte
    })
}

/// A nonce; each number gives another one.
pub(super) fn nonce(number: u64) -> Scalar {
    challenge(&[b"nonce", &number.to_le_bytes()])
}

pub(super) fn encoded(point: &EdwardsPoint) -> [u8; 32] {
    point.compress().to_bytes()
}

/// Numbers that mean something, as R and S.
pub(super) fn special_values(mint: &Mint) -> Vec<Forgery> {
    let (message, mut below) = (mint.message(), ORDER);
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
            let there = !["L - 1", "2^256 - 1"].contains(r_name) && *s_name != "2^256 - 1";
            let after = if there {
                "Ed25519 10 – 29; JWS 386 – 401"
            } else {
                ""
            };
            let token = joined(&message, &[*r, *s].concat());
            Forgery::new(format!("R is {r_name} and S is {s_name}"), after, token)
        })
        .collect()
}

/// The good signature with an S that is the same number modulo the order, or would be if bits were overlooked.
pub(super) fn malleable(mint: &Mint) -> Vec<Forgery> {
    let with_s = |change: &dyn Fn(&[u8; 32]) -> [u8; 32]| {
        mint.resigned(|signature| {
            let s = *signature.last_chunk().expect("it has 64 bytes");
            signature.truncate(32);
            signature.extend(change(&s));
        })
    };
    let mut all = Vec::new();
    let (mut multiple, mut name) = (ORDER, 1);
    for after in [
        "Ed25519 63, 85; JWS 382",
        "Ed25519 64",
        "Ed25519 65",
        "Ed25519 66",
    ] {
        let token = with_s(&|s| sum(s, &multiple));
        all.push(Forgery::new(format!("S + {name} L"), after, token));
        (multiple, name) = (sum(&multiple, &multiple), name * 2);
    }
    for (bit, after) in [
        (253, "Ed25519 67"),
        (254, "Ed25519 68"),
        (255, "Ed25519 69"),
    ] {
        let token = with_s(&|s| {
            let mut s = *s;
            s[bit / 8] |= 1 << (bit % 8);
            s
        });
        all.push(Forgery::new(format!("S + 2^{bit}"), after, token));
    }
    all.push(Forgery::new(
        "S + p",
        "Ed25519 70; JWS 383, 384",
        with_s(&|s| sum(s, &PRIME)),
    ));
    let negated = |s: &[u8; 32]| (-Scalar::from_bytes_mod_order(*s)).to_bytes();
    all.push(Forgery::new("-S", "", with_s(&negated)));
    let moved = mint.resigned(|signature| {
        let r = sum(signature.first_chunk().expect("it has 64 bytes"), &PRIME);
        signature[..32].copy_from_slice(&r);
    });
    all.push(Forgery::new("R + p", "JWS 381", moved));
    all
}
