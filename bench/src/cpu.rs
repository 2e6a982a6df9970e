//! The CPU time of processes, user and system, from `/proc/<pid>/stat` (proc(5)).

use std::{fs, time::Duration};

use anyhow::Context as _;

/// The length of a tick: the kernel counts 100 a second on every Linux that is supported here.
const TICK: Duration = Duration::from_millis(10);

/// Processes whose CPU time is read together.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    pub(crate) name: &'static str,
    process: u32,
    scope: Scope,
}

/// What belongs to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Only itself.
    Alone,
    /// Also the children that have ended.
    EndedChildren,
    /// Also all its children.
    Children,
}

impl Meter {
    /// One process.
    pub(crate) fn of(name: &'static str, process: u32) -> Self {
        Self {
            name,
            process,
            scope: Scope::Alone,
        }
    }

    /// This process, which makes the load, and the programs that it has run to their ends.
    pub(crate) fn of_the_generator() -> Self {
        Self {
            name: "generator",
            process: std::process::id(),
            scope: Scope::EndedChildren,
        }
    }

    /// A server that has a process for each connection, or for each core.
    pub(crate) fn with_children(name: &'static str, process: u32) -> Self {
        Self {
            name,
            process,
            scope: Scope::Children,
        }
    }

    /// The CPU time so far.
    pub(crate) fn read(&self) -> anyhow::Result<Duration> {
        let own = stat(self.process).with_context(|| format!("{} does not run", self.name))?;
        let ticks = match self.scope {
            Scope::Alone => own.ticks,
            Scope::EndedChildren => own.ticks + own.ticks_of_ended_children,
            Scope::Children => {
                own.ticks + own.ticks_of_ended_children + ticks_of_children(self.process)?
            }
        };
        Ok(TICK * u32::try_from(ticks).context("a process that is more than a year old")?)
    }
}

/// A part of the line in `/proc/<pid>/stat`.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    ticks: u64,
    /// Those children that have been waited for.
    ticks_of_ended_children: u64,
}

/// The CPU time of the children that run.
fn ticks_of_children(parent: u32) -> anyhow::Result<u64> {
    let children = children(parent)?;
    Ok(children.iter().map(|(_, stat)| stat.ticks).sum())
}

/// A process and its children.
pub(crate) fn family(parent: u32) -> anyhow::Result<Vec<u32>> {
    let children = children(parent)?.into_iter().map(|(process, _)| process);
    Ok(std::iter::once(parent).chain(children).collect())
}

fn children(parent: u32) -> anyhow::Result<Vec<(u32, Stat)>> {
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(process) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // A process may have ended since the folder was read.
        if let Ok(stat) = stat(process)
            && stat.parent == parent
        {
            children.push((process, stat));
        }
    }
    Ok(children)
}

fn stat(process: u32) -> anyhow::Result<Stat> {
    parse(&fs::read_to_string(format!("/proc/{process}/stat"))?)
}

fn parse(line: &str) -> anyhow::Result<Stat> {
    // The name of the process may contain any character. It ends at the last parenthesis.
    let (_, rest) = line.rsplit_once(") ").context("no process name")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    // The first field after the name is the third of the line.
    let field = |number: usize| {
        let text = fields.get(number - 3).context("too few fields")?;
        anyhow::Ok(text.parse::<u64>()?)
    };
    Ok(Stat {
        parent: u32::try_from(field(4)?)?,
        ticks: field(14)? + field(15)?,
        ticks_of_ended_children: field(16)? + field(17)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        let line = "42 (a) b (c) S 7 1 1 0 -1 4194560 9 8 7 6 100 20 3 4 20 0 1 0 5 6 7";
        let expected = Stat {
            parent: 7,
            ticks: 120,
            ticks_of_ended_children: 7,
        };
        assert_eq!(parse(line).unwrap(), expected);
    }

    #[test]
    fn a_short_line_is_refused() {
        assert!(parse("42 (name) S 7 1 1").is_err());
    }

    #[test]
    fn this_process_has_used_some_time_and_is_a_child_of_its_parent() {
        let own = stat(std::process::id()).unwrap();
        let least = own.ticks;
        assert!(ticks_of_children(own.parent).unwrap() >= least);
        assert!(Meter::of_the_generator().read().unwrap() >= TICK * u32::try_from(least).unwrap());
    }
}
