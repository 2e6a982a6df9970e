//! Signatures cut short and drawn out.

use curve25519_dalek::EdwardsPoint;

use super::{
    Forgery,
    curve::{encoded, nonce},
    mint::{Mint, decode, joined},
};

/// Signatures cut short and drawn out.
pub(super) fn all(mint: &Mint) -> Vec<Forgery> {
    let cut = |length: usize| mint.resigned(|signature| signature.truncate(length));
    let drop = |at: usize| {
        mint.resigned(|signature| {
            signature.remove(at);
        })
    };
    let added = |at: usize| mint.resigned(|signature| signature.insert(at, 0));
    let mut all: Vec<_> = [
        ("a signature of no bytes", "Ed25519 30", cut(0)),
        ("a signature without S", "Ed25519 31", cut(32)),
        ("a signature two bytes short", "Ed25519 32", cut(62)),
        ("a signature one byte short", "", cut(63)),
        (
            "a signature two bytes long",
            "Ed25519 33",
            mint.resigned(|s| s.extend(b"  ")),
        ),
        (
            "the public key behind the signature",
            "Ed25519 34",
            mint.resigned(|s| s.extend(decode(&mint.key.x))),
        ),
        ("a zero byte before the signature", "Ed25519 35", added(0)),
        ("a zero byte before S", "Ed25519 36; JWS 379", added(32)),
        (
            "a zero byte behind the signature",
            "Ed25519 37; JWS 380",
            added(64),
        ),
        ("a signature without its first byte", "Ed25519 40", drop(0)),
        ("a signature without a byte of R", "Ed25519 41", drop(16)),
        ("a signature without a byte of S", "Ed25519 41", drop(48)),
        (
            "R and S exchanged",
            "",
            mint.resigned(|s| s.rotate_left(32)),
        ),
        (
            "a signature back to front",
            "",
            mint.resigned(|s| s.reverse()),
        ),
    ]
    .map(|(name, after, token)| Forgery::new(name, after, token))
    .into();
    // A nonce whose R has a zero byte, which is then left out.
    let without_zero = (0..).find_map(|number| {
        let r = encoded(&EdwardsPoint::mul_base(&nonce(number)));
        let at = r.iter().position(|byte| *byte == 0)?;
        let token = mint.signed_as(&nonce(number), &r);
        let (message, signature) = token.rsplit_once('.')?;
        let mut signature = decode(signature);
        signature.remove(at);
        Some(joined(message, &signature))
    });
    let token = without_zero.expect("one in eight has one");
    all.push(Forgery::new(
        "a signature without its zero byte",
        "Ed25519 38, 39",
        token,
    ));
    all
}
