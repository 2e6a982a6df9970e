//! Signatures that the key itself made, but not as it should.

use aws_lc_rs::digest::{SHA512, digest};
use curve25519_dalek::{EdwardsPoint, Scalar, constants::EIGHT_TORSION};

use super::{
    Forgery,
    curve::{PRIME, encoded, nonce, small, sum},
    mint::{Mint, challenge, decode, encode, joined},
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

/// Signatures of the key itself, whose R is not the nonce's point as it should be written.
pub(super) fn all(mint: &Mint) -> Vec<Forgery> {
    let r = encoded(&EdwardsPoint::mul_base(&nonce(0)));
    let mut all = Vec::new();
    for (bit, after) in BITS {
        let mut r = r;
        r[bit / 8] ^= 1 << (bit % 8);
        let token = mint.signed_as(&nonce(0), &r);
        all.push(Forgery::new(
            format!("bit {bit} of R changed, and S made for it"),
            after,
            token,
        ));
    }
    let neutral_signed = {
        let mut bytes = small(1);
        bytes[31] = 0x80;
        bytes
    };
    let neutral_long = sum(&PRIME, &small(1));
    let zero = Scalar::ZERO;
    for (name, after, token) in [
        (
            "R is 0, and S made for it",
            "Ed25519 60",
            mint.signed_as(&nonce(0), &[0; 32]),
        ),
        (
            "R is no point, and S made for it",
            "Ed25519 61",
            mint.signed_as(&nonce(0), &[0xff; 32]),
        ),
        (
            "every bit of R changed, and S made for it",
            "Ed25519 62",
            mint.signed_as(&nonce(0), &r.map(|byte| !byte)),
        ),
        (
            "the neutral point with the sign of x = 0",
            "Ed25519 151",
            mint.signed_as(&zero, &neutral_signed),
        ),
        (
            "the neutral point with y + p",
            "",
            mint.signed_as(&zero, &neutral_long),
        ),
    ] {
        all.push(Forgery::new(name, after, token));
    }
    for (at, torsion) in EIGHT_TORSION.iter().enumerate().skip(1) {
        let token = mint.signed_as(&zero, &encoded(torsion));
        all.push(Forgery::new(
            format!("R is point {at} of the eight of small order"),
            "",
            token,
        ));
        let mixed = EdwardsPoint::mul_base(&nonce(0)) + torsion;
        let token = mint.signed_as(&nonce(0), &encoded(&mixed));
        all.push(Forgery::new(
            format!("R with point {at} of the eight added"),
            "",
            token,
        ));
    }
    all
}

/// Signatures of the same key by Ed25519's siblings (RFC 8032 section 5.1), of a hash, and of what the token is made from.
pub(super) fn other_schemes(mint: &Mint) -> Vec<Forgery> {
    let message = mint.message();
    let hash = digest(&SHA512, message.as_bytes());
    let claims = mint.claims.to_string();
    let domain = |flag: u8, context: &[u8]| {
        let length = u8::try_from(context.len()).expect("a context is short");
        [
            b"SigEd25519 no Ed25519 collisions".as_slice(),
            &[flag, length],
            context,
        ]
        .concat()
    };
    let public = decode(&mint.key.x);
    let r = encoded(&EdwardsPoint::mul_base(&nonce(0)));
    let signed = |domain: &[u8], text: &[u8]| {
        let s = nonce(0) + challenge(&[domain, &r, &public, text]) * mint.scalar();
        joined(&message, &[r, s.to_bytes()].concat())
    };
    [
        (
            "signed by Ed25519ph",
            signed(&domain(1, b""), hash.as_ref()),
        ),
        (
            "signed by Ed25519ctx",
            signed(&domain(0, b"tandem"), message.as_bytes()),
        ),
        (
            "signed by Ed25519ctx without a context",
            signed(&domain(0, b""), message.as_bytes()),
        ),
        ("the hash signed", signed(b"", hash.as_ref())),
        ("the claims signed", signed(b"", claims.as_bytes())),
        (
            "the claims signed as they are encoded",
            signed(b"", encode(&claims).as_bytes()),
        ),
        ("nothing signed", signed(b"", b"")),
    ]
    .map(|(name, token)| Forgery::new(name, "", token))
    .into()
}

/// Good tokens whose signature has a nonce of its own.
pub(super) fn unusual(mint: &Mint) -> Vec<Forgery> {
    let r = encoded(&EdwardsPoint::mul_base(&nonce(0)));
    let token = mint.signed_as(&nonce(0), &r);
    // RFC 8032 lets it pass, and only who has the private key can make it.
    let neutral = mint.signed_as(&Scalar::ZERO, &small(1));
    vec![
        Forgery::new(
            "a signature with another nonce",
            "Ed25519 71 – 84, 86 – 150",
            token,
        ),
        Forgery::new("a signature with the nonce 0", "", neutral),
    ]
}
