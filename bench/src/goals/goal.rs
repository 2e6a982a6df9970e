//! A goal, and whether it is met.

use std::fmt;

use crate::{rounds::MAX_DIFFERENCE, statistics::Spread};

/// What a figure must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    fn holds(self, figure: f64) -> bool {
        match self {
            Self::AtLeast(bound) => figure >= bound,
            Self::AtMost(bound) => figure <= bound,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(f, "≥ {bound}"),
            Self::AtMost(bound) => write!(f, "≤ {bound}"),
        }
    }
}

/// A goal with what was measured for it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Goal {
    /// The number of the goal, such as P1.
    pub(crate) number: &'static str,
    pub(crate) text: String,
    pub(crate) target: Bound,
    pub(crate) measured: Measured,
}

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Measured {
    /// Compared with an arm, whose second blocks ÷ first blocks are the `difference`.
    Ratio { figure: Spread, difference: Spread },
    /// A figure that is compared with nothing.
    Figure(Spread),
    /// What it is about does not exist yet.
    NotYet,
}

/// How a goal came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Met,
    Missed,
    /// The A/A pair differs too much.
    Void,
    NotYet,
}

impl Goal {
    /// A ratio, with the A/A pair of the same rounds.
    pub(crate) fn ratio(
        number: &'static str,
        text: impl Into<String>,
        target: Bound,
        figure: Spread,
        difference: Spread,
    ) -> Self {
        Self {
            number,
            text: text.into(),
            target,
            measured: Measured::Ratio { figure, difference },
        }
    }

    pub(crate) fn verdict(&self) -> Verdict {
        let figure = match self.measured {
            Measured::NotYet => return Verdict::NotYet,
            Measured::Ratio { difference, .. }
                if difference.distance_from_one() > MAX_DIFFERENCE =>
            {
                return Verdict::Void;
            }
            Measured::Ratio { figure, .. } | Measured::Figure(figure) => figure,
        };
        if self.target.holds(figure.median) {
            Verdict::Met
        } else {
            Verdict::Missed
        }
    }

    /// The measured figure and the A/A pair, for a table.
    pub(crate) fn figures(&self) -> (String, String) {
        let none = || "–".to_owned();
        match self.measured {
            Measured::Ratio { figure, difference } => (figure.to_string(), difference.to_string()),
            Measured::Figure(figure) => (figure.to_string(), none()),
            Measured::NotYet => (none(), none()),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::Void => "void",
            Self::NotYet => "not yet",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(target: Bound, figure: f64, difference: f64) -> Verdict {
        let spread = |figure| Spread::of([figure]).unwrap();
        let measured = Measured::Ratio {
            figure: spread(figure),
            difference: spread(difference),
        };
        let goal = Goal {
            number: "P0",
            text: String::new(),
            target,
            measured,
        };
        goal.verdict()
    }

    #[test]
    fn a_goal_is_met_at_its_bound() {
        assert_eq!(verdict(Bound::AtLeast(0.7), 0.7, 1.0), Verdict::Met);
        assert_eq!(verdict(Bound::AtLeast(0.7), 0.69, 1.0), Verdict::Missed);
        assert_eq!(verdict(Bound::AtMost(1.1), 1.1, 1.0), Verdict::Met);
        assert_eq!(verdict(Bound::AtMost(1.1), 1.11, 1.0), Verdict::Missed);
    }

    #[test]
    fn a_goal_is_not_met_by_a_void_measurement() {
        assert_eq!(verdict(Bound::AtLeast(0.7), 2.0, 1.06), Verdict::Void);
        assert_eq!(verdict(Bound::AtLeast(0.7), 2.0, 0.94), Verdict::Void);
    }
}
