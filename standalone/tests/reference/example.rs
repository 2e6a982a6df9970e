//! `.env.example`: every setting, commented out, with its default.

use shared::config::Asked;

use crate::{Chapter, document::Row};

/// Bytes of a line, if it can be helped.
const WIDTH: usize = 126;

/// What is said by hand.
const HEAD: &str = "\
# Every setting of every binary with its default. Copy what you change to `.env`, without the `# `; `make run` needs nothing.
# docs/configuration.md says where else settings may stand and which counts.

# A TOML file with the same settings: `[auth]`, `access_ttl = \"5m\"`.
# TANDEM_CONFIG=/etc/tandem.toml

# The database of both services, for each whose own TANDEM_*__DATABASE__URL is not set.
# DATABASE_URL=postgres://tandem@localhost:5432/tandem
";

pub(crate) fn example(chapters: &[Chapter]) -> String {
    let mut lines = vec![HEAD.to_owned()];
    for Chapter { title, sections } in chapters {
        lines.push(format!("# ---- {}\n", title.replace('`', "")));
        for section in sections {
            lines.extend(section.rows.iter().map(row));
            lines.push(String::new());
        }
    }
    let text = lines.join("\n");
    format!("{}\n", text.trim_end())
}

fn row(row: &Row) -> String {
    let mut lines: Vec<String> = row.meaning.iter().map(|line| format!("# {line}")).collect();
    if let Some(facts) = facts(row) {
        match lines
            .last_mut()
            .filter(|last| last.len() + facts.len() < WIDTH)
        {
            Some(last) => last.extend([" ", &facts]),
            None => lines.push(format!("# {facts}")),
        }
    }
    lines.extend(row.settings.iter().map(|(asked, example)| {
        let value = asked.default.as_ref().unwrap_or(example);
        format!("# {}={value}", asked.variable())
    }));
    lines.join("\n")
}

/// What the code adds to the meaning: bounds, and whether it may be left out.
fn facts(row: &Row) -> Option<String> {
    let mut facts: Vec<String> = row
        .settings
        .iter()
        .filter_map(|(asked, _)| fact(asked))
        .collect();
    facts.dedup();
    let said = facts.join("; ");
    let first = said.chars().next()?.to_uppercase();
    Some(format!("{first}{}.", &said[1..]))
}

fn fact(asked: &Asked) -> Option<String> {
    match (&asked.bounds, &asked.default) {
        (Some((least, greatest)), _) => Some(format!("from {least} to {greatest}")),
        (None, None) if asked.required => Some("required".to_owned()),
        (None, None) => Some("optional".to_owned()),
        (None, Some(_)) => None,
    }
}
