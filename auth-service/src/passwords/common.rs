//! The most common passwords, which an attacker tries first (ASVS 6.2.4).
//!
//! `common_passwords.txt` contains the 10,000 most frequent passwords of at least 8 characters (shorter ones are refused
//! anyway), in lower case, one per line, sorted by byte. `common_passwords.LICENSE` names its source.

use std::cmp::Ordering;

const LIST: &str = include_str!("common_passwords.txt");

/// Whether a password, in lower case and NFC, is one of them. It searches the text itself by bisection and allocates nothing.
pub(super) fn is_common(password: &str) -> bool {
    let mut rest = LIST;
    while !rest.is_empty() {
        // The list is ASCII, so every position is between two characters.
        let middle = rest.len() / 2;
        let begin = rest[..middle].rfind('\n').map_or(0, |end| end + 1);
        let end = begin
            + rest[begin..]
                .find('\n')
                .expect("every line ends with a line break");
        match password.cmp(&rest[begin..end]) {
            Ordering::Less => rest = &rest[..begin],
            Ordering::Equal => return true,
            Ordering::Greater => rest = &rest[end + 1..],
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_10_000_passwords_in_order_that_no_other_rule_refuses() {
        let lines: Vec<_> = LIST.lines().collect();
        assert_eq!(lines.len(), 10_000);
        assert!(lines.is_sorted_by(|one, next| one < next));
        for line in lines {
            assert!(line.len() >= 8 && line.is_ascii(), "{line}");
            assert_eq!(line, line.to_lowercase());
        }
        assert!(LIST.ends_with('\n'));
    }

    #[test]
    fn every_password_of_the_list_is_found_and_its_neighbours_are_not() {
        let lines: Vec<_> = LIST.lines().collect();
        for line in &lines {
            assert!(is_common(line), "{line}");
            for other in [
                format!("{line}\u{1}"),
                format!("\u{1}{line}"),
                line[1..].to_owned(),
                line[..line.len() - 1].to_owned(),
                format!("{line}\n"),
            ] {
                let listed = lines.binary_search(&other.as_str()).is_ok();
                assert_eq!(is_common(&other), listed, "{other:?}");
            }
        }
        for other in ["", "\n", "zzzzzzzzzzzzzzzz", "\u{e9}"] {
            assert!(!is_common(other), "{other:?}");
        }
    }
}
