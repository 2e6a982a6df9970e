//! No secret in any output (ASVS 16.2.5): every process that a test starts is held to it when it ends.
//!
//! Tokens and keys of this system are runs of base64 without a break; nothing else that is logged is that long. The one
//! exception is the token that `standalone` prints for the person who started it.

/// Shortest run that counts: an API key, the shortest credential, has more; a key id has 43 characters.
const SHORTEST: usize = 60;
/// What passwords of tests end in, so that they can be found.
pub const PASSWORD_MARK: &str = "-never-logged";

/// The line that shows a secret, if one does.
#[must_use]
pub fn leak(output: &str) -> Option<&str> {
    let shown = |line: &&str| !line.starts_with("export TOKEN=");
    output.lines().filter(shown).find(|line| has_secret(line))
}

fn has_secret(line: &str) -> bool {
    let of_a_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '=');
    let long = line
        .split(|c| !of_a_token(c))
        .any(|run| run.len() >= SHORTEST);
    long || line.contains(PASSWORD_MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_keys_and_passwords_are_seen_and_ordinary_lines_are_not() {
        let jwt = format!("eyJ0eXAi.{}.sig", "a".repeat(200));
        assert!(leak(&format!("ok\n{{\"authorization\":\"Bearer {jwt}\"}}")).is_some());
        assert!(leak(&format!("refresh {}", "Aq-_".repeat(18))).is_some());
        assert!(leak("password=correct horse-never-logged").is_some());
        assert!(leak(&format!("export TOKEN={jwt}")).is_none());
        let line = r#"{"method":"tandem.auth.v1.AuthService/GetJsonWebKeySet","span":{"request_id":"8ce321845c441a73232a4984de62f534"}}"#;
        assert!(leak(line).is_none());
    }
}
