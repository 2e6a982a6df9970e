//! Reading `.env.example`, so that a test can hold it against the settings the binaries ask for.

use super::sources::{CONFIG_VARIABLE, PREFIX, dotted};

/// The settings `.env.example` mentions, in its order, as dotted keys.
///
/// Counts both `TANDEM_X=…` and the commented-out `# TANDEM_X=…`; prose that merely mentions a name does not count.
/// `TANDEM_CONFIG` and `DATABASE_URL` are not settings of a section and are left out.
#[must_use]
pub fn example_keys(text: &str) -> Vec<String> {
    text.lines().filter_map(key_of_line).collect()
}

fn key_of_line(line: &str) -> Option<String> {
    let line = line.trim_start_matches(|c: char| c == '#' || c.is_whitespace());
    let (name, _) = line.split_once('=')?;
    let is_name = name
        .bytes()
        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    if !is_name || name == CONFIG_VARIABLE {
        return None;
    }
    name.strip_prefix(PREFIX)
        .map(|rest| dotted(&rest.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_and_commented_out_settings_count_and_prose_does_not() {
        let text = "# TANDEM_LOG__LEVEL decides how much is said; TANDEM_X = y is prose.\n\
                    DATABASE_URL=postgres://localhost/tandem\n# TANDEM_CONFIG=/etc/tandem.toml\n\
                    TANDEM_AUTH__LISTEN=127.0.0.1:50051\n#TANDEM_LOG__LEVEL=info\n  #  TANDEM_AUTH__DATABASE__LANES=4\n";
        assert_eq!(
            example_keys(text),
            ["auth.listen", "log.level", "auth.database.lanes"]
        );
    }
}
