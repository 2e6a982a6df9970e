//! The rates of some arms as bars, with the least and the most of all blocks.

use super::svg::{WIDTH, bar, line, number, picture, text};
use crate::rounds::Rounds;

const ROW: f64 = 30.0;
const LABELS: f64 = 250.0;
const NUMBERS: f64 = 90.0;

/// One bar for each arm.
pub(super) fn bars(title: &str, rounds: &Rounds) -> String {
    let rates: Vec<_> = rounds
        .series
        .iter()
        .map(|series| (&series.name, series.rate()))
        .collect();
    let most = rates.iter().map(|(_, rate)| rate.most).fold(1.0, f64::max);
    let place = |rate: f64| LABELS + (WIDTH - LABELS - NUMBERS) * rate / most;
    let mut elements = String::new();
    let mut top = 4.0;
    for (name, rate) in rates {
        let middle = top + ROW / 2.0;
        let width = place(rate.median) - LABELS;
        elements += &text(LABELS - 8.0, middle + 4.0, "end", name);
        elements += &bar((LABELS, top + 5.0), (width, ROW - 10.0));
        let whisker = [(place(rate.least), middle), (place(rate.most), middle)];
        elements += &line("whisker", whisker[0], whisker[1]);
        elements += &text(WIDTH - 4.0, middle + 4.0, "end", &number(rate.median));
        top += ROW;
    }
    elements += &line("axis", (LABELS, 0.0), (LABELS, top + 4.0));
    picture(&format!("{title}: calls a second"), top + 4.0, &elements)
}
