//! The page docs/benchmarks.md, with its plots beside it.

mod bars;
mod curve;
mod svg;

use std::{
    fmt::{self, Write as _},
    fs,
    path::Path,
};

pub(crate) use self::curve::Curve;
use self::{bars::bars, svg::number};
use crate::{
    goals::{Chapter, Goal},
    machine::Machine,
    rounds::{Plan, Rounds},
};

/// What all of the page is about.
pub(crate) struct Measurement<'a> {
    pub(crate) machine: &'a Machine,
    pub(crate) plan: Plan,
    pub(crate) users: u64,
    pub(crate) tasks: u64,
    pub(crate) quick: bool,
}

const METHOD: &str = "\
Absolute figures change from machine to machine and from day to day. So every goal is a **ratio of two things that were measured in turn in
one run**, and only ratios can be compared.

- All processes share this machine: PostgreSQL, the services, the gateway, and the program that makes the calls. Each is a process of its
  own, as it is deployed, and writes its access lines.
- What is compared is measured in short blocks, one after the other. In each round everything has one block, and the first arm has two:
  one at each end. Every other round goes backwards. So what changes on the machine in the meantime changes everything alike.
- A ratio is that of two blocks of the same round. The tables show the median of all rounds, and the least and the most.
- **A/A** is the second block of the first arm ÷ its first one. Both are the same, so it shows how precise the ratios are. If its median differs
  from 1 by more than 5 %, the result is void.
- Every answer is checked: its status, and that each row belongs to the user whose token the call had. One wrong row ends the run.
- Every call is one of a user chosen at random, with the token of that user, for a row chosen at random.
- `fsync` and `synchronous_commit` are on: a change is on the disk before it is answered.
- CPU is user and system time per call, by process, from `/proc`. It is steadier than the rate.
";

/// Writes the page and its plots.
pub(crate) fn write(
    file: &Path,
    measurement: &Measurement<'_>,
    chapters: &[Chapter],
) -> anyhow::Result<()> {
    let plots = file.with_extension("");
    fs::create_dir_all(&plots)?;
    let mut page = String::from("# Benchmarks\n\n");
    head(&mut page, measurement)?;
    goals(&mut page, chapters)?;
    about(&mut page, measurement)?;
    writeln!(page, "## Method\n\n{METHOD}")?;
    for chapter in chapters {
        part(&mut page, chapter, &plots)?;
    }
    fs::write(file, page.trim_end().to_owned() + "\n")?;
    Ok(())
}

fn head(page: &mut String, measurement: &Measurement<'_>) -> fmt::Result {
    let command = if measurement.quick {
        "make bench-quick"
    } else {
        "make bench"
    };
    writeln!(
        page,
        "`{command}` wrote this page. It starts everything that it measures, and leaves nothing behind.\n"
    )?;
    if measurement.quick {
        writeln!(
            page,
            "**This was a quick run, with few short blocks. Its figures are only a hint.**\n"
        )?;
    }
    Ok(())
}

/// The text of a chapter, and its plots.
fn part(page: &mut String, chapter: &Chapter, plots: &Path) -> anyhow::Result<()> {
    writeln!(page, "## {}\n\n{}\n", chapter.title, chapter.text)?;
    let folder = plots.file_name().unwrap_or_default().to_string_lossy();
    for (caption, rounds) in &chapter.rounds {
        let name = file_name(caption);
        fs::write(plots.join(&name), bars(caption, rounds))?;
        writeln!(
            page,
            "### {caption}\n\n![{caption}: calls a second]({folder}/{name})\n"
        )?;
        table(page, rounds)?;
    }
    for curve in &chapter.curves {
        let name = file_name(curve.name);
        fs::write(plots.join(&name), curve.svg())?;
        writeln!(
            page,
            "### {}\n\n![{}]({folder}/{name})\n",
            curve.title, curve.title
        )?;
    }
    Ok(())
}

fn goals(page: &mut String, chapters: &[Chapter]) -> anyhow::Result<()> {
    writeln!(
        page,
        "| goal | what | target | measured (least to most) | A/A | |\n|---|---|---|---|---|---|"
    )?;
    let mut goals: Vec<&Goal> = chapters.iter().flat_map(|chapter| &chapter.goals).collect();
    // P2 comes before P11. The order of goals of one number stays.
    goals.sort_by_key(|goal| {
        goal.number
            .trim_start_matches('P')
            .parse::<u32>()
            .unwrap_or(0)
    });
    for goal in goals {
        let (figure, difference) = goal.figures();
        let Goal {
            number,
            text,
            target,
            ..
        } = goal;
        writeln!(
            page,
            "| {number} | {text} | {target} | {figure} | {difference} | {} |",
            goal.verdict()
        )?;
    }
    writeln!(page)?;
    Ok(())
}

fn about(page: &mut String, measurement: &Measurement<'_>) -> anyhow::Result<()> {
    let Measurement {
        machine,
        plan,
        users,
        tasks,
        ..
    } = measurement;
    writeln!(
        page,
        "Measured on {} cores ({}) with {} GiB of memory. PostgreSQL {} with fsync {}, synchronous_commit {} and shared_buffers {}. \
         {} tasks of {} users. {} rounds with blocks of {} s.\n",
        machine.cores,
        machine.cpu,
        machine.memory_gib,
        machine.postgres,
        machine.fsync,
        machine.synchronous_commit,
        machine.shared_buffers,
        number(crate::rounds::count(*tasks)),
        number(crate::rounds::count(*users)),
        plan.rounds,
        plan.block.as_secs_f64(),
    )?;
    Ok(())
}

fn table(page: &mut String, rounds: &Rounds) -> anyhow::Result<()> {
    let meters = rounds.meters.join(" | ");
    writeln!(
        page,
        "| | a second (least to most) | ÷ the first | CPU, µs a call: {meters} |"
    )?;
    writeln!(page, "|---|---|---|{}", "---|".repeat(rounds.meters.len()))?;
    for (place, series) in rounds.series.iter().enumerate() {
        let rate = series.rate();
        let ratio = match place {
            0 => "1".to_owned(),
            _ => rounds.ratio(place).to_string(),
        };
        let cpu = (0..rounds.meters.len()).map(|meter| number(series.cpu(meter)));
        writeln!(
            page,
            "| {} | {} ({} to {}) | {ratio} | {} |",
            series.name,
            number(rate.median),
            number(rate.least),
            number(rate.most),
            cpu.collect::<Vec<_>>().join(" | ")
        )?;
    }
    writeln!(page, "\nA/A: {}\n", rounds.difference())?;
    Ok(())
}

/// A file name for a plot.
fn file_name(caption: &str) -> String {
    let plain = |letter: char| {
        if letter.is_ascii_alphanumeric() {
            letter.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let name: String = caption.chars().map(plain).collect();
    format!("{}.svg", name.trim_matches('-'))
}
