//! Public keys that are no keys.

use curve25519_dalek::{
    EdwardsPoint,
    constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION},
    edwards::CompressedEdwardsY,
};

use super::{
    Forgery,
    curve::{PRIME, encoded, nonce, small, sum},
    mint::{Key, Mint, challenge, encode, joined},
};

/// Keys that are no keys: of small order, in each encoding, so that anybody can sign for them; and written in a second way.
/// Each with what is wrong with it and a token that it would verify, as far as there is one.
#[must_use]
pub fn degenerate_keys(mint: &Mint) -> Vec<(Key, Forgery)> {
    let mut keys: Vec<_> = EIGHT_TORSION.iter().map(encoded).collect();
    // Second ways to write those with x = 0 or y < 19.
    let mut signed = [small(1), encoded(&EIGHT_TORSION[4])];
    for bytes in &mut signed {
        bytes[31] |= 0x80;
    }
    keys.extend(signed);
    for y in [0, 1, 3, 4] {
        let mut bytes = sum(&PRIME, &small(y));
        keys.push(bytes);
        bytes[31] |= 0x80;
        keys.push(bytes);
    }
    let all = keys.into_iter().enumerate();
    all.map(|(at, bytes)| {
        let key = Key::of(&bytes);
        let token = for_anybody(mint, &key, &bytes);
        (key, Forgery::new(format!("degenerate key {at}"), "", token))
    })
    .collect()
}

/// A token that verifies under a key of small order without there being a private key.
fn for_anybody(mint: &Mint, key: &Key, bytes: &[u8; 32]) -> String {
    let header = mint.header_with("kid", key.kid.as_str().into()).to_string();
    let message = format!("{}.{}", encode(header), encode(mint.claims.to_string()));
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

/// A key with a point of order 8 added, and a token of its owner that only verifiers with the cofactor take.
#[must_use]
pub fn of_a_mixed_key(mint: &Mint) -> (Key, Forgery) {
    let point = ED25519_BASEPOINT_POINT * mint.scalar() + EIGHT_TORSION[1];
    let bytes = encoded(&point);
    let key = Key::of(&bytes);
    let header = mint.header_with("kid", key.kid.as_str().into()).to_string();
    let message = format!("{}.{}", encode(header), encode(mint.claims.to_string()));
    let token = (0..).find_map(|number| {
        let r = encoded(&EdwardsPoint::mul_base(&nonce(number)));
        let challenge = challenge(&[&r, &bytes, message.as_bytes()]);
        let s = nonce(number) + challenge * mint.scalar();
        (!challenge.as_bytes()[0].is_multiple_of(8))
            .then(|| joined(&message, &[r, s.to_bytes()].concat()))
    });
    let token = token.expect("seven of eight nonces do");
    (
        key,
        Forgery::new("a key with a point of order 8 added", "", token),
    )
}
