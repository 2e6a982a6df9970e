//! No secret in any output (ASVS 16.2.5).
//!
//! The output of every process that a test starts is checked when the process ends. What an `App` logs in the test's own
//! process is checked line by line ([`Logs`]). There are three checks, since each misses some secrets:
//!
//! * the values that a program was given ([`GivenSecrets`]): in its environment, in the files that its environment names, in
//!   the folder where it keeps its own secrets, and in other notations of the same bytes;
//! * values that a test names ([`forbid`]), such as the passwords of its users;
//! * text that looks like a credential of this system, wherever it comes from ([`looks_secret`]).

mod logs;
mod secrets;

use std::{collections::BTreeSet, sync::RwLock};

pub use self::{logs::Logs, secrets::GivenSecrets};

/// The shortest run of base64 characters that counts as a secret by its length alone. A credential without
/// another mark is longer. A key id, which may be shown, has 43 characters.
const SHORTEST: usize = 60;
/// The shortest run that counts when it begins like the header or the claims of a JWT, which is `{"` in base64url.
const SHORTEST_OF_JWT: usize = 20;
/// The shortest run that counts when it ends in padding. 32 bytes have 43 characters, and nothing that may be shown is padded.
const SHORTEST_PADDED: usize = 40;
/// The prefix of an API key.
const API_KEY: &str = "tdk_";
/// The shortest part of an API key that counts.
const SHORTEST_OF_API_KEY: usize = 12;
/// The suffix of test passwords that the test's own process cannot forbid by their value.
pub const PASSWORD_MARK: &str = "-never-logged";
/// Shorter values can appear in a line by accident.
const SHORTEST_VALUE: usize = 8;

static FORBIDDEN: RwLock<BTreeSet<String>> = RwLock::new(BTreeSet::new());

/// Forbids a value in the output of every process and in every log line, from now on. Values shorter than eight characters
/// are ignored.
pub fn forbid(value: &str) {
    if value.len() < SHORTEST_VALUE || is_forbidden(value) {
        return;
    }
    let mut forbidden = FORBIDDEN
        .write()
        .expect("no thread panics while holding it");
    forbidden.insert(value.to_owned());
}

/// Forbids every secret among these settings, given as (name, value). A name is dotted or that of a variable.
pub fn forbid_settings<'s>(settings: impl IntoIterator<Item = (&'s str, &'s str)>) {
    for value in GivenSecrets::among(settings).into_values() {
        forbid(&value);
    }
}

fn is_forbidden(value: &str) -> bool {
    let forbidden = FORBIDDEN.read().expect("no thread panics while holding it");
    forbidden.contains(value)
}

/// The first line of an output that shows a secret: one of `given`, a forbidden value, or text that looks like a secret.
#[must_use]
pub fn leak<'o>(output: &'o str, given: &GivenSecrets) -> Option<&'o str> {
    output
        .lines()
        .find(|line| given.are_shown_in(line) || shows_secret(line))
}

fn shows_secret(line: &str) -> bool {
    let forbidden = FORBIDDEN.read().expect("no thread panics while holding it");
    forbidden.iter().any(|value| line.contains(value.as_str())) || looks_secret(line)
}

/// Whether a line has text in the form of a credential. The token that `standalone` prints for its user is allowed.
#[must_use]
pub fn looks_secret(line: &str) -> bool {
    let is_token_character =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '=');
    let mut runs = line.split(|c| !is_token_character(c));
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
    fn tokens_keys_and_passwords_are_found_and_ordinary_lines_are_not() {
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
    fn a_forbidden_value_is_found_unless_it_is_too_short() {
        forbid("a horse of another colour");
        forbid("horse");
        let none = GivenSecrets::default();
        assert_eq!(
            leak("fine\nsigned in with a horse of another colour", &none),
            Some("signed in with a horse of another colour")
        );
        assert_eq!(leak("a horse of any colour", &none), None);
    }
}
