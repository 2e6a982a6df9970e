//! Generated tasks, and properties that must hold for all of them.

use contract::proto::task::Task;
use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};
use tokio::runtime::Runtime;
use unicode_normalization::UnicodeNormalization as _;

/// Runs `property` on 64 generated inputs.
pub(crate) fn check<S: Strategy>(
    strategy: &S,
    property: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let config = Config {
        cases: 64,
        failure_persistence: None,
        max_shrink_iters: 50,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(strategy, property)
        .unwrap_or_else(|failure| panic!("{failure}"));
}

/// A runtime for tests whose property is not an async function.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Text whose length in code points after NFC is within `bounds`. It has no control characters but those in `allowed`.
fn text(
    bounds: std::ops::RangeInclusive<usize>,
    allowed: &'static str,
) -> impl Strategy<Value = String> {
    let max = *bounds.end();
    let character = prop_oneof![
        4 => any::<char>(),
        2 => select("e\u{301}가\u{1100}\u{1161}\u{fb01}🦀\u{200d}%_\\\"' ".chars().collect::<Vec<_>>()),
    ];
    let accepted = move |c: &char| {
        let reorders_or_hides = matches!(
            *c,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'
                ..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        );
        !reorders_or_hides && (!c.is_control() || allowed.contains(*c))
    };
    let length = prop_oneof![8 => 0..=max.min(40), 1 => max - 3..=max];
    length
        .prop_flat_map(move |length| {
            vec(character.clone().prop_filter("control", accepted), length)
        })
        .prop_map(|characters| characters.into_iter().collect::<String>())
        .prop_filter("bounds", move |text| bounds.contains(&text.nfc().count()))
}

/// Text on one line, of at most `max` code points after NFC, with a visible character.
fn line(max: usize) -> impl Strategy<Value = String> {
    text(0..=max - 1, "").prop_map(|rest| format!("🦀{rest}"))
}

/// A task that the contract accepts.
pub(crate) fn valid_task() -> impl Strategy<Value = Task> {
    let due = proptest::option::of((-62_135_596_800_i64..253_402_300_800, 0..1_000_000_i32));
    let labels = vec(line(50), 0..5);
    (
        line(200),
        text(0..=2000, "\n\t"),
        1..=3_i32,
        due,
        1..=3_i32,
        labels,
    )
        .prop_map(|(title, description, status, due, priority, labels)| Task {
            title,
            description,
            status,
            priority,
            labels,
            due_time: due.map(|(seconds, micros)| prost_types::Timestamp {
                seconds,
                nanos: micros * 1000,
            }),
            ..Default::default()
        })
}
