//! P10: live updates, which do not exist yet.

use super::{
    chapter::Chapter,
    goal::{Bound, Goal, Measured},
};

pub(crate) fn chapter() -> Chapter {
    let goal = |text: &str, target| Goal {
        number: "P10",
        text: text.to_owned(),
        target,
        measured: Measured::NotYet,
    };
    Chapter {
        title: "Live updates",
        text: "There is no WatchTasks yet.",
        goals: vec![
            goal(
                "memory of an idle WatchTasks stream, KiB, of 10,000",
                Bound::AtMost(8.0),
            ),
            goal("write throughput with them ÷ without", Bound::AtLeast(0.95)),
            goal(
                "commit to subscriber, 99th percentile, ms",
                Bound::AtMost(50.0),
            ),
        ],
        ..Chapter::default()
    }
}
