//! Documents that must match the programs: README.md, docs/configuration.md and `.env.example`.

use std::{collections::BTreeSet, fs, path::Path};

use standalone::next_steps::{Addresses, blocks};
use testing::Folder;

use crate::{
    services::key,
    settings::check_in,
    tools::{binary, run, workspace},
};

fn read(name: &str) -> String {
    fs::read_to_string(workspace().join(name)).unwrap()
}

/// The blocks of commands in a document that call something.
fn shown(document: &str) -> Vec<&str> {
    document
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("\n```").next().unwrap())
        .filter(|commands| commands.contains("curl"))
        .collect()
}

#[test]
fn the_readme_shows_the_first_task_with_curl_and_the_first_steps_show_all_others() {
    let blocks = blocks(&Addresses::default());
    let known: Vec<&str> = blocks.iter().map(|block| block.commands.as_str()).collect();
    let (readme, first_steps) = (read("README.md"), read("docs/first-steps.md"));
    assert_eq!(shown(&readme), known[..1]);
    let shown: BTreeSet<&str> = shown(&first_steps).into_iter().collect();
    assert_eq!(shown, known[1..].iter().copied().collect());
}

/// docs/configuration.md has a block with a command and its output.
#[test]
fn the_example_of_mistakes_in_the_configuration_page_shows_the_real_output() {
    let page = read("docs/configuration.md");
    let (_, block) = page.split_once("```\n$ ").unwrap();
    let (command, expected) = block
        .split_once("\n```")
        .unwrap()
        .0
        .split_once('\n')
        .unwrap();
    let binaries = binary("task-service")
        .parent()
        .unwrap()
        .display()
        .to_string();
    let folder = Folder::new();
    let script = format!("cd {} && PATH={binaries} && {command}", folder.text());
    let shown = run(Path::new("/bin/sh"), &["-c", &script], &[]);
    assert_eq!(shown.status.code(), Some(78));
    assert_eq!(shown.stderr.trim_end(), expected);
}

#[test]
fn every_line_of_the_example_is_valid_unchanged() {
    let folder = Folder::new();
    let mut env = String::new();
    for line in read(".env.example").lines() {
        let Some((name, value)) = line
            .strip_prefix("# ")
            .and_then(|line| line.split_once('='))
            .filter(|(name, _)| name.starts_with("TANDEM_") && !name.contains(' '))
        else {
            continue;
        };
        // The example shows no values for secrets, and no other configuration file exists.
        let value = match name {
            "TANDEM_AUTH__KEY_ENCRYPTION_KEYS" => format!("1:{}", key(1)),
            "TANDEM_AUTH__REFRESH_KEYS" => format!("1:{}", key(2)),
            "TANDEM_TASK__PAGE_TOKEN_KEY" => key(3),
            "TANDEM_AUTH__SERVICE_SECRETS" | "TANDEM_TASK__SERVICE_SECRET" => key(4),
            "TANDEM_CONFIG"
            | "TANDEM_AUTH__HASH__PEPPER"
            | "TANDEM_AUTH__HASH__PREVIOUS_PEPPERS" => continue,
            _ => value.to_owned(),
        };
        env.extend([name, "=", &value, "\n"]);
    }
    fs::write(folder.path(".env"), env).unwrap();
    for binary in ["auth-service", "task-service", "gateway", "standalone"] {
        check_in(folder.root(), binary).stdout_of_success();
    }
}

#[test]
fn the_unchanged_example_sets_nothing() {
    let active = read(".env.example")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .count();
    assert_eq!(active, 0, "a copy of .env.example sets something");
}
