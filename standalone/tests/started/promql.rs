//! Reads which metrics and labels a `PromQL` expression names. It knows only as much of the language as our expressions use, and
//! promtool checks the rest.

/// A metric, with the labels that select its series.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Selector {
    pub(crate) metric: String,
    /// Label, operator, value.
    pub(crate) labels: Vec<(String, String, String)>,
}

/// Everything that an expression names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) selectors: Vec<Selector>,
    /// The labels of `by`, `on` and similar words.
    pub(crate) grouped: Vec<String>,
}

const GROUPING: [&str; 6] = [
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
];
const WORDS: [&str; 5] = ["and", "or", "unless", "bool", "offset"];

/// Reads an expression.
pub(crate) fn names(expression: &str) -> Names {
    let mut names = Names::default();
    let mut rest = expression;
    while let Some(c) = rest.chars().next() {
        if c == '"' {
            rest = after_text(rest);
        } else if c == '$' || c.is_ascii_digit() {
            let end = rest[1..].find(|c: char| !is_word(c) && c != '.');
            rest = end.map_or("", |end| &rest[1 + end..]);
        } else if is_word(c) {
            let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
            rest = word(&rest[..end], rest[end..].trim_start(), &mut names);
        } else {
            rest = &rest[c.len_utf8()..];
        }
    }
    names
}

/// Adds what a word names. Returns the text after it and its labels.
fn word<'a>(word: &str, after: &'a str, names: &mut Names) -> &'a str {
    if GROUPING.contains(&word) {
        let (labels, rest) = after[1..].split_once(')').unwrap();
        names
            .grouped
            .extend(labels.split(',').map(|label| label.trim().to_owned()));
        return rest;
    }
    let is_function = after.starts_with('(') || after.starts_with("by ");
    if is_function || WORDS.contains(&word) {
        return after;
    }
    let mut selector = Selector {
        metric: word.to_owned(),
        labels: Vec::new(),
    };
    let rest = after
        .strip_prefix('{')
        .map_or(after, |labels| selected(labels, &mut selector));
    names.selectors.push(selector);
    rest
}

/// Reads labels up to the closing brace. Returns the text after it.
fn selected<'a>(mut rest: &'a str, selector: &mut Selector) -> &'a str {
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(rest) = rest.strip_prefix('}') {
            return rest;
        }
        let (label, value) = rest.split_at(rest.find(|c: char| !is_word(c)).unwrap());
        let (operator, text) = value.split_at(value.find('"').unwrap());
        rest = after_text(text);
        let text = &text[1..text.len() - rest.len() - 1];
        selector
            .labels
            .push((label.to_owned(), operator.to_owned(), text.to_owned()));
    }
}

/// The text after the quoted text at the beginning.
fn after_text(text: &str) -> &str {
    let end = text[1..].find('"').unwrap();
    &text[end + 2..]
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

#[test]
fn the_names_in_an_expression_are_found() {
    let read = names(
        "sum by (job, le) (rate(a_total{x=\"1\", y!~\"b|c.*\"}[5m])) / b > 0.01 and c[$__interval] < 14 * 86400",
    );
    let metrics: Vec<&str> = read
        .selectors
        .iter()
        .map(|one| one.metric.as_str())
        .collect();
    assert_eq!(metrics, ["a_total", "b", "c"]);
    assert_eq!(read.grouped, ["job", "le"]);
    let text = |text: &str| text.to_owned();
    let labels = vec![
        (text("x"), text("="), text("1")),
        (text("y"), text("!~"), text("b|c.*")),
    ];
    assert_eq!(read.selectors[0].labels, labels);
}
