//! The printed results.

#![expect(
    clippy::print_stdout,
    reason = "the tables are what this program is for"
)]

use super::{DoorArguments, arm::Door};
use crate::{
    calls::Question,
    rounds::{MAX_DIFFERENCE, Rounds},
};

/// Goal P12: gRPC-web through the gateway ÷ direct gRPC, at least.
const GOAL: f64 = 0.7;

/// Prints what is measured.
pub(super) fn print_head(arguments: &DoorArguments) {
    let DoorArguments {
        seconds,
        pairs,
        concurrency,
        users,
        tasks,
        ..
    } = arguments;
    println!(
        "{pairs} pairs of blocks of {seconds} s, {concurrency} callers, {users} users with {tasks} tasks each"
    );
}

/// Prints the results of a call. Returns whether the goal was met by a valid measurement.
pub(super) fn print(question: Question, rounds: &Rounds) -> bool {
    println!("\n{}, CPU in µs a call\n", question.name());
    let meters = rounds.meters.join(" | ");
    println!("| door | calls a second | ÷ direct (least to most) | {meters} |");
    println!("|---|---|---|{}", "---|".repeat(rounds.meters.len()));
    for (number, series) in rounds.series.iter().enumerate() {
        let ratio = match number {
            0 => "1".to_owned(),
            _ => rounds.ratio(number).to_string(),
        };
        let cpu = (0..rounds.meters.len()).map(|meter| format!("{:.1}", series.cpu(meter)));
        println!(
            "| {} | {:.0} | {ratio} | {} |",
            series.name,
            series.rate().median,
            cpu.collect::<Vec<_>>().join(" | ")
        );
    }
    print_goal(rounds)
}

fn print_goal(rounds: &Rounds) -> bool {
    println!("\nA/A, direct ÷ direct: {}", rounds.difference());
    if !rounds.is_valid() {
        println!("void: the A/A pair differs by more than {MAX_DIFFERENCE}");
        return false;
    }
    let web = rounds
        .series
        .iter()
        .position(|series| series.name == Door::GrpcWeb.name());
    let Some(web) = web else {
        return true;
    };
    let ratio = rounds.ratio(web).median;
    let met = if ratio >= GOAL { "met" } else { "missed" };
    println!("goal P12: gRPC-web ÷ direct is {ratio:.2}, at least {GOAL}: {met}");
    ratio >= GOAL
}
