use proptest::prelude::*;

use super::*;

fn reason(raw: &str) -> &'static str {
    Email::parse(raw).unwrap_err().reason
}

#[test]
fn an_address_is_kept_as_it_was_typed() {
    for address in [
        "Ada@Example.org",
        "a+b.c_d'e@x-y.example",
        "用户@例え.jp",
        "root@localhost",
    ] {
        assert_eq!(Email::parse(address).unwrap().as_str(), address);
    }
}

#[test]
fn an_address_has_one_at_between_a_local_part_and_a_domain() {
    for address in [
        "ada", "@", "@b", "a@", "a@b@c", "a@@b", "a@.", "a@b.", "a@.b", "a@b..c", "a@-b", "a@b-",
        "a@b_c", "a@b/c", "a@[1]", "a@b,c",
    ] {
        assert_eq!(reason(address), "NOT_AN_EMAIL", "{address}");
    }
    assert_eq!(reason(""), "REQUIRED");
    let label = "x".repeat(64);
    assert_eq!(reason(&format!("a@{label}.org")), "NOT_AN_EMAIL");
}

#[test]
fn white_space_and_control_characters_are_refused_and_not_removed() {
    for address in [
        " a@b.c",
        "a@b.c ",
        "a@b.c\n",
        "a b@c.d",
        "a\u{0}@b.c",
        "a\u{a0}@b.c",
        "a@b\u{85}.c",
        "a\r\nBcc: x@b.c",
    ] {
        assert_eq!(reason(address), "NOT_AN_EMAIL", "{address:?}");
    }
}

#[test]
fn an_address_has_at_most_254_bytes() {
    let label = "x".repeat(63);
    let of = |length: usize| {
        let local = "a".repeat(length - 3 * 64);
        format!("{local}@{label}.{label}.{label}")
    };
    assert!(Email::parse(&of(254)).is_ok());
    assert_eq!(reason(&of(255)), "TOO_LONG");
}

#[test]
fn addresses_that_differ_in_case_or_normal_form_have_one_key() {
    let key = |raw: &str| Email::parse(raw).unwrap().key();
    assert_eq!(key("ADA@Example.ORG"), "ada@example.org");
    assert_eq!(key("e\u{301}@x.fr"), key("\u{c9}@X.FR"));
    assert_eq!(key("ΟΔΟΣ@x.gr"), key("οδοσ@x.gr"));
    assert_ne!(key("ada@example.org"), key("ida@example.org"));
}

#[test]
fn a_domain_has_one_key_in_unicode_and_in_ascii() {
    let key = |raw: &str| Email::parse(raw).unwrap().key();
    for domain in [
        "bücher.example",
        "BÜCHER.example",
        "ｂücher。example",
        "xn--bcher-kva.example",
    ] {
        assert_eq!(key(&format!("a@{domain}")), "a@xn--bcher-kva.example");
    }
    assert_eq!(key("Ä@Straße.example"), "ä@xn--strae-oqa.example");
}

#[test]
fn the_local_part_is_a_dot_atom_of_at_most_64_bytes() {
    let longest = "x".repeat(64);
    assert!(Email::parse(&format!("{longest}@x.test")).is_ok());
    assert_eq!(reason(&format!("x{longest}@x.test")), "NOT_AN_EMAIL");
    for address in [
        "a..b@x.test",
        ".a@x.test",
        "a.@x.test",
        "mailto:a@x.test",
        "\"a\"@x.test",
        "<a@x.test",
        "a,b@x.test",
        "a(b)@x.test",
        "a\\b@x.test",
    ] {
        assert_eq!(reason(address), "NOT_AN_EMAIL", "{address}");
    }
}

#[test]
fn invisible_private_and_unassigned_characters_are_refused_on_both_sides() {
    for c in [
        '\u{200b}',
        '\u{200d}',
        '\u{202e}',
        '\u{ad}',
        '\u{feff}',
        '\u{e000}',
        '\u{378}',
        '\u{fffd}',
        '\u{e0041}',
    ] {
        for address in [format!("a{c}b@x.test"), format!("a@x{c}y.test")] {
            assert_eq!(reason(&address), "NOT_AN_EMAIL", "{address:?}");
        }
    }
}

#[test]
fn an_address_of_the_older_rule_keeps_its_key() {
    for address in ["a..B@x.test", "mailto:A@x.test", "a\u{200b}@x.test"] {
        let email = Email::parse_existing(address).unwrap();
        assert_eq!(email.key(), lower_case(address));
        assert_eq!(email.key_hashes(), [email.key_hash().to_vec()]);
    }
    let hashes = |raw: &str| Email::parse(raw).unwrap().key_hashes();
    let hash = |key: &str| sha256(key.as_bytes()).to_vec();
    let (unicode, ascii) = (hash("a@bücher.example"), hash("a@xn--bcher-kva.example"));
    assert_eq!(hashes("A@Bücher.example"), [unicode.clone(), ascii.clone()]);
    assert_eq!(hashes("A@xn--Bcher-kva.example"), [ascii, unicode]);
    assert_eq!(hashes("Ada@Example.org"), [hash("ada@example.org")]);
}

#[test]
fn debug_shows_no_address() {
    let shown = format!("{:?}", Email::parse("ada@example.org").unwrap());
    assert_eq!(shown, "Email(..)");
}

proptest! {
    #[test]
    fn the_key_of_a_key_is_itself(raw in "\\PC{1,20}@[a-zA-Z]{1,9}") {
        if let Ok(email) = Email::parse(&raw) {
            let again = Email::parse(&email.key());
            prop_assert_eq!(again.map(|email| email.key()), Ok(email.key()));
        }
    }

    #[test]
    fn parsing_any_text_never_panics(raw in ".*") {
        let _either = Email::parse(&raw);
    }
}
