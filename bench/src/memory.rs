//! The memory of a process.

use std::fs;

use anyhow::Context as _;

/// The value of a line in `/proc/<pid>/status` (proc(5)), in KiB. `VmRSS:` is all memory in RAM, `RssAnon:` the part that belongs to no
/// file.
pub(crate) fn kibibytes(process: u32, name: &str) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let value = line.context("no such line")?.trim();
    let value = value.trim_end_matches(" kB");
    Ok(value.parse()?)
}
