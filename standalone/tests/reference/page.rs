//! `docs/configuration.md`.

use std::fmt::Write as _;

use settings::SettingFacts;

use crate::{Chapter, document::Row};

/// The text before the tables.
const HEAD: &str = include_str!("head.md");

pub(crate) fn page(chapters: &[Chapter]) -> String {
    let mut page = String::from(HEAD);
    for Chapter { title, sections } in chapters {
        write!(page, "\n## {title}\n").expect("writing to a string cannot fail");
        for section in sections {
            let head = "| setting | variable | default | takes | meaning |\n|---|---|---|---|---|";
            write!(page, "\n### `[{}]`\n\n{head}\n", section.name)
                .expect("writing to a string cannot fail");
            page.extend(section.rows.iter().map(row));
        }
    }
    page
}

fn row(row: &Row) -> String {
    let cell = |show: fn(&SettingFacts) -> String| {
        let shown = row.settings.iter().map(|(setting, _)| show(setting));
        shown.collect::<Vec<_>>().join("<br>")
    };
    format!(
        "| {} | {} | {} | {} | {} |\n",
        cell(name),
        cell(|setting| format!("`{}`", setting.variable())),
        cell(default),
        cell(takes),
        row.meaning.join(" ").replace('|', "\\|")
    )
}

fn name(setting: &SettingFacts) -> String {
    let name = setting.key.rsplit('.').next().unwrap_or_default();
    format!("`{name}`")
}

fn default(setting: &SettingFacts) -> String {
    match &setting.default {
        Some(text) if text.is_empty() => "empty".to_owned(),
        Some(text) => format!("`{text}`"),
        None if setting.required => "*required*".to_owned(),
        None => "none".to_owned(),
    }
}

fn takes(setting: &SettingFacts) -> String {
    match &setting.bounds {
        Some((least, greatest)) => format!("{}, {least} to {greatest}", setting.form),
        None => setting.form.clone(),
    }
}
