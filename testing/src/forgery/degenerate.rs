//! Public keys that a verifier must not accept.

use curve25519_dalek::{
    EdwardsPoint,
    constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION},
    edwards::CompressedEdwardsY,
};

use super::{
    Forgery,
    curve::{PRIME, encoded, nonce, small, sum},
    issuer::{PublishedKey, TestIssuer, challenge, encode, joined},
};

/// Keys of small order in each encoding, for which anybody can sign, and keys in a second encoding. Each has a token that it
/// would verify, as far as there is one.
#[must_use]
pub fn degenerate_keys(issuer: &TestIssuer) -> Vec<(PublishedKey, Forgery)> {
    let keys = encodings().into_iter().enumerate();
    keys.map(|(at, bytes)| {
        let key = PublishedKey::of(&bytes);
        let token = signed_without_a_key(issuer, &key, &bytes);
        (key, Forgery::new(format!("degenerate key {at}"), "", token))
    })
    .collect()
}

fn encodings() -> Vec<[u8; 32]> {
    let mut keys: Vec<_> = EIGHT_TORSION.iter().map(encoded).collect();
    // Points with x = 0 or y < 19 have a second encoding.
    let mut with_sign = [small(1), encoded(&EIGHT_TORSION[4])];
    for bytes in &mut with_sign {
        bytes[31] |= 0x80;
    }
    keys.extend(with_sign);
    for y in [0, 1, 3, 4] {
        let mut bytes = sum(&PRIME, &small(y));
        keys.push(bytes);
        bytes[31] |= 0x80;
        keys.push(bytes);
    }
    keys
}

/// What a token under this key signs.
fn message_under(issuer: &TestIssuer, key: &PublishedKey) -> String {
    let header = issuer.header_with("kid", key.kid.as_str().into());
    let claims = issuer.claims.to_string();
    format!("{}.{}", encode(header.to_string()), encode(claims))
}

/// A token that verifies under a key of small order, although there is no private key.
fn signed_without_a_key(issuer: &TestIssuer, key: &PublishedKey, bytes: &[u8; 32]) -> String {
    let message = message_under(issuer, key);
    let point = CompressedEdwardsY(*bytes).decompress();
    let found = (0..64).find_map(|number| {
        EIGHT_TORSION.iter().find_map(|torsion| {
            let r = encoded(&(EdwardsPoint::mul_base(&nonce(number)) + torsion));
            let challenge = challenge(&[&r, bytes, message.as_bytes()]);
            let verifies = point.is_some_and(|point| {
                encoded(&(EdwardsPoint::mul_base(&nonce(number)) - point * challenge)) == r
            });
            verifies.then(|| joined(&message, &[r, nonce(number).to_bytes()].concat()))
        })
    });
    found.unwrap_or_else(|| joined(&message, &[small(1), small(0)].concat()))
}

/// A key with a point of order 8 added, and a token of its owner that only a verifier with the cofactor accepts.
#[must_use]
pub fn of_a_mixed_key(issuer: &TestIssuer) -> (PublishedKey, Forgery) {
    let point = ED25519_BASEPOINT_POINT * issuer.scalar() + EIGHT_TORSION[1];
    let bytes = encoded(&point);
    let key = PublishedKey::of(&bytes);
    let message = message_under(issuer, &key);
    let token = (0..).find_map(|number| {
        let r = encoded(&EdwardsPoint::mul_base(&nonce(number)));
        let challenge = challenge(&[&r, &bytes, message.as_bytes()]);
        let s = nonce(number) + challenge * issuer.scalar();
        (!challenge.as_bytes()[0].is_multiple_of(8))
            .then(|| joined(&message, &[r, s.to_bytes()].concat()))
    });
    let token = token.expect("seven nonces in eight give one");
    let forgery = Forgery::new("a key with a point of order 8 added", "", token);
    (key, forgery)
}
