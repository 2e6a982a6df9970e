//! `.env.example`: every setting, commented out, with its default.

use settings::SettingFacts;

use crate::{Chapter, document::Row};

/// The preferred maximum length of a line, in bytes.
const WIDTH: usize = 126;

/// The text before the settings.
const HEAD: &str = "\
# Every setting of every binary with its default. Copy the lines that you change to `.env`, without the `# `. `make run` needs
# no settings. docs/configuration.md describes the other sources of settings and their order.

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
    lines.extend(row.settings.iter().map(|(setting, example)| {
        let value = setting.default.as_ref().unwrap_or(example);
        format!("# {}={value}", setting.variable())
    }));
    lines.join("\n")
}

/// What the code adds to the meaning: the bounds, and whether the setting is required.
fn facts(row: &Row) -> Option<String> {
    let mut facts: Vec<String> = row
        .settings
        .iter()
        .filter_map(|(setting, _)| fact(setting))
        .collect();
    facts.dedup();
    let text = facts.join("; ");
    let first = text.chars().next()?.to_uppercase();
    Some(format!("{first}{}.", &text[1..]))
}

fn fact(setting: &SettingFacts) -> Option<String> {
    match (&setting.bounds, &setting.default) {
        (Some((least, greatest)), _) => Some(format!("from {least} to {greatest}")),
        (None, None) if setting.required => Some("required".to_owned()),
        (None, None) => Some("optional".to_owned()),
        (None, Some(_)) => None,
    }
}
