//! Forged and malformed access tokens, each with what is wrong with it: whoever verifies tokens refuses them all.
//!
//! They follow the groups of Wycheproof's `json_web_signature_test` and `ed25519_test`, whose numbers they name, where
//! those apply to tokens of one algorithm, and go on where those end. Nothing is recorded: every case is made anew with
//! the very key that is trusted, wherever that is worse.

mod characters;
mod curve;
mod degenerate;
mod form;
mod header;
mod json;
mod lengths;
mod mint;
mod nonces;

pub use degenerate::{degenerate_keys, of_a_mixed_key};
pub use mint::{Key, Mint};

/// A token that must be refused.
#[derive(Debug, Clone)]
pub struct Forgery {
    /// What is wrong with it, in a few words.
    pub name: String,
    /// The numbers of the cases of Wycheproof that it stands for; empty when they have none like it.
    pub after: &'static str,
    /// The token.
    pub token: String,
}

impl Forgery {
    fn new(name: impl Into<String>, after: &'static str, token: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            after,
            token: token.into(),
        }
    }
}

/// Every forgery of the tokens of this mint.
#[must_use]
pub fn forgeries(mint: &Mint) -> Vec<Forgery> {
    let all = [
        form::parts(mint),
        characters::of_the_signature(mint),
        characters::of_signed_parts(mint),
        json::shapes(mint),
        json::texts(mint),
        json::encodings(mint),
        header::algorithms(mint),
        header::keys(mint),
        header::other(mint),
        lengths::all(mint),
        curve::special_values(mint),
        nonces::all(mint),
        curve::malleable(mint),
        nonces::other_schemes(mint),
    ];
    all.concat()
}

/// Tokens that differ from the usual ones in what does not matter, and are good. Made in the same ways as the forged
/// ones, so that those are refused for what is wrong with them alone.
#[must_use]
pub fn unusual(mint: &Mint) -> Vec<Forgery> {
    [form::unusual(mint), nonces::unusual(mint)].concat()
}
