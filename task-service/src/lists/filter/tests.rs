use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization as _;

use super::*;

fn problem(text: &str) -> String {
    Filter::parse(text).unwrap_err().description
}

#[test]
fn every_kind_of_term_is_parsed() {
    let parsed = Filter::parse(
        r#"status = COMPLETED AND priority>=TASK_PRIORITY_NORMAL AND due_time < "2026-01-31T00:00:00Z" AND labels:"home" AND "milk \"fresh\"" AND complete_time:* AND labels:*"#,
    )
    .unwrap();
    let due = "2026-01-31T00:00:00Z".parse().unwrap();
    let terms = [
        Term::Status(Operator::Equal, Status::Completed),
        Term::Priority(Operator::GreaterOrEqual, Priority::Normal),
        Term::Time(TimeField::Due, Operator::Less, due),
        Term::Label(LabelTerm::parse("home").unwrap()),
        Term::Text(TextTerm::parse("milk \"fresh\"").unwrap()),
        Term::HasTime(TimeField::Complete),
        Term::HasLabel,
    ];
    let all = Condition::All(terms.map(Condition::Term).to_vec());
    assert_eq!(parsed.condition(), Some(&all));
    assert_eq!(Filter::parse("  ").unwrap(), Filter::default());
}

#[test]
fn an_unknown_name_is_refused_with_its_position() {
    let statuses = "there are PENDING, IN_PROGRESS, COMPLETED";
    for (filter, position, what) in [
        ("status = DONE", 10, "`DONE` is not a status"),
        (
            "status = TASK_STATUS_UNSPECIFIED",
            10,
            "`TASK_STATUS_UNSPECIFIED` is not a status",
        ),
    ] {
        let expected = format!("at character {position}: {what}; {statuses}");
        assert_eq!(problem(filter), expected);
    }
    assert_eq!(
        problem("priority = URGENT"),
        "at character 12: `URGENT` is not a priority; there are LOW, NORMAL, HIGH"
    );
    assert_eq!(
        problem("colour = RED"),
        "at character 1: `colour` is not a field that can be filtered by"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of texts and positions")]
fn a_syntax_error_is_refused_with_its_position() {
    let time = "expected a time in RFC 3339, such as \"2026-01-31T00:00:00Z\"";
    let label = "expected `:` and a string, as in labels:\"home\"";
    let term = "expected a field or a string";
    let control = "the string must not contain control characters";
    let leap = "a leap second can only be at 23:59:60 UTC on June 30 or December 31";
    for (filter, position, what) in [
        ("é = 1", 1, "`é` is not allowed here"),
        (
            "status = PENDING status = PENDING",
            18,
            "expected AND, OR or the end",
        ),
        ("status < PENDING", 8, "status takes only = and !="),
        ("due_time > \"soon\"", 12, time),
        ("due_time > 5", 12, "`5` is not allowed here"),
        ("\"open", 1, "the string is not closed"),
        ("status =", 9, "expected a value"),
        ("AND", 1, term),
        ("status = PENDING AND", 21, term),
        ("labels = \"x\"", 8, label),
        ("labels:", 8, label),
        ("(\"a\"", 5, "expected AND, OR or `)`"),
        ("\"a\")", 4, "expected AND, OR or the end"),
        ("()", 2, term),
        ("\"a\" OR", 7, term),
        ("NOT", 4, term),
        ("NOT NOT \"a\"", 5, term),
        ("- -\"a\"", 3, term),
        ("due_time:\"a\"", 10, "expected `*`"),
        ("status:*", 7, "expected one of = != < <= > >="),
        ("\"a\0b\"", 1, control),
        ("labels:\"a\u{7}\"", 8, control),
        ("due_time = \"2026-05-31T23:59:60Z\"", 12, leap),
        (
            "due_time = \"0000-01-01T00:00:00Z\"",
            12,
            "expected a time in the years 1 to 9999",
        ),
    ] {
        let expected = format!("at character {position}: {what}");
        assert_eq!(problem(filter), expected, "{filter}");
    }
}

/// The structure of a filter, with `a` for the text `a`.
fn structure(text: &str) -> String {
    fn of(condition: &Condition) -> String {
        let joined = |all: &[Condition], by: &str| {
            let parts: Vec<_> = all.iter().map(of).collect();
            format!("({})", parts.join(by))
        };
        match condition {
            Condition::All(all) => joined(all, " & "),
            Condition::Any(any) => joined(any, " | "),
            Condition::Not(inner) => format!("!{}", of(inner)),
            Condition::Term(Term::Text(text)) => text.as_str().to_owned(),
            Condition::Term(term) => panic!("{term:?}"),
        }
    }
    let filter = Filter::parse(text).unwrap();
    filter.condition().map(of).unwrap_or_default()
}

#[test]
fn or_binds_more_tightly_than_and_and_not_more_than_both() {
    for (filter, expected) in [
        (r#""a" AND "b" OR "c""#, "(a & (b | c))"),
        (r#""a" OR "b" AND "c""#, "((a | b) & c)"),
        (r#"("a" AND "b") OR "c""#, "((a & b) | c)"),
        (r#"NOT "a" OR -"b""#, "(!a | !b)"),
        (r#"NOT ("a" OR "b")"#, "!(a | b)"),
        (r#"-(-("a"))"#, "!!a"),
        (r#"(("a"))"#, "a"),
    ] {
        assert_eq!(structure(filter), expected, "{filter}");
    }
}

#[test]
fn a_filter_is_bounded() {
    let refused = |text: &str| Filter::parse(text).unwrap_err().reason;
    let joined = |term: &str, count| vec![term; count].join(" OR ");
    let nested = |depth| format!("{}labels:*{}", "(".repeat(depth), ")".repeat(depth));
    for accepted in [
        joined("labels:*", MAX_TERMS),
        joined("\"x\"", MAX_TEXT_TERMS),
        nested(MAX_DEPTH),
        joined("(labels:*)", MAX_DEPTH + 1),
    ] {
        assert!(Filter::parse(&accepted).is_ok(), "{accepted}");
    }
    assert_eq!(
        refused(&joined("labels:*", MAX_TERMS + 1)),
        "TOO_MANY_TERMS"
    );
    let texts = joined("\"x\"", MAX_TEXT_TERMS + 1);
    assert_eq!(refused(&texts), "TOO_MANY_TEXT_TERMS");
    assert_eq!(refused(&nested(MAX_DEPTH + 1)), "TOO_DEEP");
    assert_eq!(refused(&"(".repeat(MAX_LENGTH)), "TOO_DEEP");
    assert_eq!(refused(&"x".repeat(MAX_LENGTH + 1)), "TOO_LONG");
}

#[test]
fn a_time_finer_than_a_microsecond_is_compared_exactly() {
    let second = "2026-01-01T00:00:00Z".parse().unwrap();
    let time = |operator| Term::Time(TimeField::Due, operator, second);
    for (operator, expected) in [
        ("=", Term::Constant(false)),
        ("!=", Term::Constant(true)),
        ("<", time(Operator::LessOrEqual)),
        ("<=", time(Operator::LessOrEqual)),
        (">", time(Operator::Greater)),
        (">=", time(Operator::Greater)),
    ] {
        let text = format!("due_time {operator} \"2026-01-01T00:00:00.0000005Z\"");
        let filter = Filter::parse(&text).unwrap();
        assert_eq!(filter.condition(), Some(&Condition::Term(expected)));
    }
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in "\\PC{0,60}") {
        let _either = Filter::parse(&text);
    }

    #[test]
    fn any_string_can_be_searched_for(text in "[^\\p{C}]{1,40}") {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        let filter = Filter::parse(&format!("\"{quoted}\"")).unwrap();
        let Some(Condition::Term(Term::Text(term))) = filter.condition() else {
            return Err(TestCaseError::fail(format!("{filter:?}")));
        };
        prop_assert_eq!(term.as_str(), text.nfc().collect::<String>());
    }
}
