//! Signatures that the key itself made, with an R, a scheme or a message that is not the right one.

use aws_lc_rs::digest::{SHA512, digest};
use curve25519_dalek::{EdwardsPoint, Scalar, constants::EIGHT_TORSION};

use super::{
    Forgery, cases,
    curve::{PRIME, encoded, nonce, small, sum},
    issuer::{TestIssuer, challenge, decode, encode, joined},
};

/// Bits of R that Wycheproof changes, with the numbers of its cases.
const BITS: [(usize, &str); 18] = [
    (0, "Ed25519 42"),
    (1, "Ed25519 43"),
    (2, "Ed25519 44"),
    (7, "Ed25519 45"),
    (8, "Ed25519 46"),
    (16, "Ed25519 47"),
    (31, "Ed25519 48"),
    (32, "Ed25519 49"),
    (63, "Ed25519 50"),
    (64, "Ed25519 51"),
    (97, "Ed25519 52"),
    (127, "Ed25519 53"),
    (240, "Ed25519 54"),
    (247, "Ed25519 55"),
    (248, "Ed25519 56"),
    (253, "Ed25519 57"),
    (254, "Ed25519 58"),
    (255, "Ed25519 59"),
];

pub(super) fn forgeries(issuer: &TestIssuer) -> Vec<Forgery> {
    [
        changed_bits_of_r(issuer),
        wrong_values_of_r(issuer),
        small_order(issuer),
        other_schemes(issuer),
        other_messages(issuer),
    ]
    .concat()
}

/// The encoded point of the nonce that these signatures use.
fn usual_r() -> [u8; 32] {
    encoded(&EdwardsPoint::mul_base(&nonce(0)))
}

fn changed_bits_of_r(issuer: &TestIssuer) -> Vec<Forgery> {
    let changed = |(bit, wycheproof): (usize, &'static str)| {
        let mut r = usual_r();
        r[bit / 8] ^= 1 << (bit % 8);
        let name = format!("bit {bit} of R changed, and S computed for it");
        Forgery::new(name, wycheproof, issuer.signed_as(&nonce(0), &r))
    };
    BITS.map(changed).into()
}

fn wrong_values_of_r(issuer: &TestIssuer) -> Vec<Forgery> {
    let mut neutral_with_sign = small(1);
    neutral_with_sign[31] = 0x80;
    let neutral_plus_prime = sum(&PRIME, &small(1));
    let zero = Scalar::ZERO;
    cases([
        (
            "R is 0, and S computed for it",
            "Ed25519 60",
            issuer.signed_as(&nonce(0), &[0; 32]),
        ),
        (
            "R is no point, and S computed for it",
            "Ed25519 61",
            issuer.signed_as(&nonce(0), &[0xff; 32]),
        ),
        (
            "every bit of R changed, and S computed for it",
            "Ed25519 62",
            issuer.signed_as(&nonce(0), &usual_r().map(|byte| !byte)),
        ),
        (
            "R is the neutral point with the sign bit set",
            "Ed25519 151",
            issuer.signed_as(&zero, &neutral_with_sign),
        ),
        (
            "R is the neutral point with y + p",
            "",
            issuer.signed_as(&zero, &neutral_plus_prime),
        ),
    ])
}

/// R is a point of small order, or has one added.
fn small_order(issuer: &TestIssuer) -> Vec<Forgery> {
    let both = |(at, torsion): (usize, &EdwardsPoint)| {
        let mixed = encoded(&(EdwardsPoint::mul_base(&nonce(0)) + torsion));
        [
            Forgery::new(
                format!("R is point {at} of the eight of small order"),
                "",
                issuer.signed_as(&Scalar::ZERO, &encoded(torsion)),
            ),
            Forgery::new(
                format!("R with point {at} of small order added"),
                "",
                issuer.signed_as(&nonce(0), &mixed),
            ),
        ]
    };
    let points = EIGHT_TORSION.iter().enumerate().skip(1);
    points.flat_map(both).collect()
}

/// A valid token's message, signed over `text` with the prefix of another scheme.
fn signed(issuer: &TestIssuer, prefix: &[u8], text: &[u8]) -> String {
    let public = decode(&issuer.key.x);
    let r = usual_r();
    let s = nonce(0) + challenge(&[prefix, &r, &public, text]) * issuer.scalar();
    joined(&issuer.message(), &[r, s.to_bytes()].concat())
}

/// Signatures of the same key by the variants of Ed25519 (RFC 8032 section 5.1).
fn other_schemes(issuer: &TestIssuer) -> Vec<Forgery> {
    let prefix = |flag: u8, context: &[u8]| {
        let length = u8::try_from(context.len()).expect("a context is short");
        let head = b"SigEd25519 no Ed25519 collisions".as_slice();
        [head, &[flag, length], context].concat()
    };
    let message = issuer.message();
    let hash = digest(&SHA512, message.as_bytes());
    cases([
        (
            "signed by Ed25519ph",
            "",
            signed(issuer, &prefix(1, b""), hash.as_ref()),
        ),
        (
            "signed by Ed25519ctx",
            "",
            signed(issuer, &prefix(0, b"tandem"), message.as_bytes()),
        ),
        (
            "signed by Ed25519ctx without a context",
            "",
            signed(issuer, &prefix(0, b""), message.as_bytes()),
        ),
    ])
}

/// Signatures of the same key over something else than the first two parts.
fn other_messages(issuer: &TestIssuer) -> Vec<Forgery> {
    let hash = digest(&SHA512, issuer.message().as_bytes());
    let claims = issuer.claims.to_string();
    let signed = |text: &[u8]| signed(issuer, b"", text);
    cases([
        ("only the hash signed", "", signed(hash.as_ref())),
        ("only the claims signed", "", signed(claims.as_bytes())),
        (
            "only the encoded claims signed",
            "",
            signed(encode(&claims).as_bytes()),
        ),
        ("the empty text signed", "", signed(b"")),
    ])
}

/// Valid tokens whose signature has an unusual nonce.
pub(super) fn unusual(issuer: &TestIssuer) -> Vec<Forgery> {
    cases([
        (
            "a signature with another nonce",
            "Ed25519 71 – 84, 86 – 150",
            issuer.signed_as(&nonce(0), &usual_r()),
        ),
        // RFC 8032 accepts it, and only the owner of the private key can make it.
        (
            "a signature with the nonce 0",
            "",
            issuer.signed_as(&Scalar::ZERO, &small(1)),
        ),
    ])
}
