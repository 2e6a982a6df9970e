//! `docs/configuration.md`.

use std::fmt::Write as _;

use shared::config::Asked;

use crate::{Chapter, document::Row};

/// What is said by hand.
const HEAD: &str = include_str!("head.md");

pub(crate) fn page(chapters: &[Chapter]) -> String {
    let mut page = String::from(HEAD);
    for Chapter { title, sections } in chapters {
        write!(page, "\n## {title}\n").expect("a string takes any text");
        for section in sections {
            let head = "| setting | variable | default | takes | meaning |\n|---|---|---|---|---|";
            write!(page, "\n### `[{}]`\n\n{head}\n", section.name)
                .expect("a string takes any text");
            page.extend(section.rows.iter().map(row));
        }
    }
    page
}

fn row(row: &Row) -> String {
    let cell = |show: fn(&Asked) -> String| {
        let shown = row.settings.iter().map(|(asked, _)| show(asked));
        shown.collect::<Vec<_>>().join("<br>")
    };
    format!(
        "| {} | {} | {} | {} | {} |\n",
        cell(name),
        cell(|asked| format!("`{}`", asked.variable())),
        cell(default),
        cell(takes),
        row.meaning.join(" ").replace('|', "\\|")
    )
}

fn name(asked: &Asked) -> String {
    let name = asked.key.rsplit('.').next().unwrap_or_default();
    format!("`{name}`")
}

fn default(asked: &Asked) -> String {
    match &asked.default {
        Some(text) if text.is_empty() => "empty".to_owned(),
        Some(text) => format!("`{text}`"),
        None if asked.required => "*required*".to_owned(),
        None => "none".to_owned(),
    }
}

fn takes(asked: &Asked) -> String {
    match &asked.bounds {
        Some((least, greatest)) => format!("{}, {least} to {greatest}", asked.form),
        None => asked.form.clone(),
    }
}
