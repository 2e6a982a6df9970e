//! Forged and malformed access tokens, each with what is wrong with it. Every verifier of tokens must refuse all of them.
//!
//! They follow the groups of Wycheproof's `json_web_signature_test` and `ed25519_test` as far as those apply to tokens of one
//! algorithm, and name the numbers of those cases. More cases follow. No token is recorded: every token is created by the test, with
//! the key that the verifier trusts wherever that makes the case harder to refuse.

mod algorithms;
mod characters;
mod curve;
mod degenerate;
mod header;
mod issuer;
mod json;
mod keys;
mod lengths;
mod nonces;
mod parts;

pub use degenerate::{degenerate_keys, of_a_mixed_key};
pub use issuer::{PublishedKey, TestIssuer};

/// A token that must be refused.
#[derive(Debug, Clone)]
pub struct Forgery {
    /// What is wrong with it, in a few words.
    pub name: String,
    /// The numbers of the cases of Wycheproof that it stands for. Empty when Wycheproof has none like it.
    pub wycheproof: &'static str,
    /// The token.
    pub token: String,
}

impl Forgery {
    fn new(name: impl Into<String>, wycheproof: &'static str, token: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            wycheproof,
            token: token.into(),
        }
    }
}

/// Cases given as (name, numbers of Wycheproof, token).
fn cases<const N: usize>(cases: [(&'static str, &'static str, String); N]) -> Vec<Forgery> {
    cases
        .map(|(name, wycheproof, token)| Forgery::new(name, wycheproof, token))
        .into()
}

/// Every forgery of the tokens of this issuer.
#[must_use]
pub fn forgeries(issuer: &TestIssuer) -> Vec<Forgery> {
    let groups = [
        parts::forgeries(issuer),
        characters::forgeries(issuer),
        json::forgeries(issuer),
        algorithms::forgeries(issuer),
        keys::forgeries(issuer),
        header::forgeries(issuer),
        lengths::forgeries(issuer),
        curve::forgeries(issuer),
        nonces::forgeries(issuer),
    ];
    groups.concat()
}

/// Valid tokens that differ from the usual ones in details that do not matter. They are created in the same ways as the
/// forged ones, which shows that those are refused only for what is wrong with them.
#[must_use]
pub fn unusual(issuer: &TestIssuer) -> Vec<Forgery> {
    [parts::unusual(issuer), nonces::unusual(issuer)].concat()
}
