use super::*;

#[test]
fn length_is_counted_in_code_points_after_nfc() {
    assert_eq!(line("e\u{301}", 1..=1).unwrap(), "é");
    assert_eq!(line("🦀🦀", 1..=1).unwrap_err().reason, "TOO_LONG");
    assert_eq!(line("", 1..=1).unwrap_err().reason, "REQUIRED");
}

#[test]
fn only_a_block_may_contain_newline_and_tab() {
    assert!(block("a\n\tb", 0..=9).is_ok());
    for (name, parsed) in [
        ("line", line("a\nb", 0..=9)),
        ("line", line("a\n", 0..=9)),
        ("block", block("a\u{0}b", 0..=9)),
        ("block", block("a\u{85}b", 0..=9)),
        ("block", block("a\rb", 0..=9)),
        ("searched", searched("a\0b")),
    ] {
        assert_eq!(parsed.unwrap_err().reason, "CONTROL_CHARACTER", "{name}");
    }
    assert_eq!(searched(" a\n\tb").unwrap(), " a\n\tb");
}

#[test]
fn a_line_has_no_white_space_at_its_ends_and_a_block_keeps_its_own() {
    let spaced = "\u{a0} a  b\u{3000}";
    assert_eq!(line(spaced, 1..=4).unwrap(), "a  b");
    assert_eq!(trimmed(spaced), "a  b");
    assert_eq!(block(" a\n", 0..=9).unwrap(), " a\n");
    assert_eq!(line(" \u{2003}", 1..=9).unwrap_err().reason, "REQUIRED");
    assert_eq!(line("  ", 0..=9).unwrap(), "");
}

#[test]
fn cr_lf_in_a_block_becomes_lf_and_counts_once() {
    assert_eq!(block("a\r\nb\r\n", 0..=4).unwrap(), "a\nb\n");
    assert_eq!(searched("a\r\nb").unwrap(), "a\nb");
}

#[test]
fn characters_that_reorder_or_hide_text_are_refused() {
    let bidi = "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
    let separators = "\u{2028}\u{2029}\u{200b}\u{feff}";
    for c in bidi.chars().chain(separators.chars()) {
        for text in [format!("a{c}b"), format!("a{c}"), c.to_string()] {
            for parsed in [line(&text, 1..=9), block(&text, 0..=9)] {
                let problem = parsed.unwrap_err();
                assert_eq!(problem.reason, "FORBIDDEN_CHARACTER", "{text:?}");
            }
        }
    }
}

#[test]
fn joiners_stay() {
    let family = "👨\u{200d}👩\u{200d}👧";
    let persian = "می\u{200c}خواهم";
    let flag = "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}";
    for text in [family, persian, flag, "❤\u{fe0f}"] {
        assert_eq!(line(text, 1..=20).unwrap(), text);
        assert_eq!(block(text, 1..=20).unwrap(), text);
    }
}

#[test]
fn a_line_of_characters_that_render_blank_is_not_visible() {
    for c in "\u{3164}\u{2800}\u{115f}\u{1160}\u{ffa0}\u{200d}\u{200c}\u{2060}\u{ad}\u{fe0f}\u{180e}\u{1d159}\u{e0020}".chars() {
        for text in [c.to_string(), format!("{c} {c}")] {
            let problem = line(&text, 0..=9).unwrap_err();
            assert_eq!(problem.reason, "NOT_VISIBLE", "{text:?}");
        }
        assert!(line(&format!("a{c}"), 1..=9).is_ok());
    }
}
