//! No secret in any output (ASVS 16.2.5).
//!
//! Every process that a test starts is held to it when it ends, and what an `App` logs in the test's own process as it is
//! logged ([`Logs`]). Three nets, since each lets something through:
//!
//! * the very values that a program was given ([`Given`]): in its environment, in the files its environment names, in the
//!   folder where it keeps its own, and in the other notations of the same bytes;
//! * values that a test names ([`forbid`]), such as the passwords of its people;
//! * what looks like a credential of this system, however it came about ([`looks_secret`]).

mod given;
mod logs;

use std::{collections::BTreeSet, sync::RwLock};

pub use self::{given::Given, logs::Logs};

/// Shortest run of base64 without a break that counts by its length alone: an API key, the shortest credential that has no
/// other mark, has more; a key id has 43 characters.
const SHORTEST: usize = 60;
/// Shortest run that counts when it begins like the header or the claims of a JWT, `{"` in base64url.
const SHORTEST_OF_JWT: usize = 20;
/// Shortest run that counts when it ends in padding: 32 bytes have 43 characters, and nothing that is shown is padded.
const SHORTEST_PADDED: usize = 40;
/// How an API key begins.
const API_KEY: &str = "tdk_";
/// Shortest part of an API key that counts.
const SHORTEST_OF_API_KEY: usize = 12;
/// What passwords of tests end in that the test's own process does not know.
pub const PASSWORD_MARK: &str = "-never-logged";
/// Shorter values stand in a line by accident.
const SHORTEST_VALUE: usize = 8;

static FORBIDDEN: RwLock<BTreeSet<String>> = RwLock::new(BTreeSet::new());

/// Says that a value may stand in no output of any process, and in no log line, from now on. Values of fewer than eight
/// characters are passed over.
pub fn forbid(value: &str) {
    if value.len() < SHORTEST_VALUE || is_forbidden(value) {
        return;
    }
    let mut forbidden = FORBIDDEN.write().expect("nobody panics while holding it");
    forbidden.insert(value.to_owned());
}

/// Says the same of every secret among settings: of names (dotted or as variables) and values.
pub fn forbid_settings<'s>(settings: impl IntoIterator<Item = (&'s str, &'s str)>) {
    for value in Given::to(settings).into_values() {
        forbid(&value);
    }
}

fn is_forbidden(value: &str) -> bool {
    let forbidden = FORBIDDEN.read().expect("nobody panics while holding it");
    forbidden.contains(value)
}

/// The first line of an output that shows a secret: one of those `given`, one that is forbidden, or what looks like one.
#[must_use]
pub fn leak<'o>(output: &'o str, given: &Given) -> Option<&'o str> {
    output
        .lines()
        .find(|line| given.is_in(line) || shows_secret(line))
}

fn shows_secret(line: &str) -> bool {
    let forbidden = FORBIDDEN.read().expect("nobody panics while holding it");
    forbidden.iter().any(|value| line.contains(value.as_str())) || looks_secret(line)
}

/// Whether a line has something of the form of a credential. The token that `standalone` prints for the person who started
/// it is none that leaked.
#[must_use]
pub fn looks_secret(line: &str) -> bool {
    let of_a_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '=');
    let mut runs = line.split(|c| !of_a_token(c));
    !line.starts_with("export TOKEN=") && (runs.any(is_token) || line.contains(PASSWORD_MARK))
}

fn is_token(run: &str) -> bool {
    let is_jwt = |part: &str| part.starts_with("eyJ") && part.len() >= SHORTEST_OF_JWT;
    let is_api_key = |at: usize| run.len() - at >= SHORTEST_OF_API_KEY;
    run.len() >= SHORTEST
        || run.split('=').any(is_jwt)
        || run.find(API_KEY).is_some_and(is_api_key)
        || run.ends_with('=') && run.trim_end_matches('=').len() >= SHORTEST_PADDED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_keys_and_passwords_are_seen_and_ordinary_lines_are_not() {
        let jwt = format!("eyJ0eXAi.{}.sig", "a".repeat(200));
        for secret in [
            format!("{{\"authorization\":\"Bearer {jwt}\"}}"),
            "token=eyJ0eXAiOiJhdCtqd3QiLCJ cut".to_owned(),
            format!("refresh {}", "Aq-_".repeat(18)),
            "key tdk_AQECAwQFBgcI".to_owned(),
            "seal 2pTw0Lb1hPZmYdJx6nS8vKqRk5cE3fGyA9uWzB7oHtM=".to_owned(),
            "password=correct horse-never-logged".to_owned(),
        ] {
            assert!(looks_secret(&secret), "{secret}");
        }
        for line in [
            format!("export TOKEN={jwt}"),
            r#"{"method":"tandem.auth.v1.AuthService/GetJsonWebKeySet","span":{"request_id":"8ce321845c441a73232a4984de62f534"}}"#.to_owned(),
            "kid=2pTw0Lb1hPZmYdJx6nS8vKqRk5cE3fGyA9uWzB7oHtM".to_owned(),
            "no eyJ, no tdk_ and no =".to_owned(),
        ] {
            assert!(!looks_secret(&line), "{line}");
        }
    }

    #[test]
    fn what_a_test_forbids_is_seen_and_what_is_too_short_to_be_told_apart_is_not() {
        forbid("a horse of another colour");
        forbid("horse");
        let none = Given::default();
        assert_eq!(
            leak("fine\nsigned in with a horse of another colour", &none),
            Some("signed in with a horse of another colour")
        );
        assert_eq!(leak("a horse of any colour", &none), None);
    }
}
