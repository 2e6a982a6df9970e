//! What is written for people: README.md and `.env.example`.

use std::{collections::BTreeSet, fs, path::Path};

use standalone::next_steps::{Addresses, blocks};

use crate::{
    services::key,
    settings::check_in,
    tools::{Folder, binary, run, workspace},
};

fn read(name: &str) -> String {
    fs::read_to_string(workspace().join(name)).unwrap()
}

#[test]
fn the_commands_of_the_readme_are_those_that_are_printed() {
    let readme = read("README.md");
    let shown: BTreeSet<&str> = readme
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("\n```").next().unwrap())
        .filter(|commands| commands.contains("curl"))
        .collect();
    let blocks = blocks(&Addresses::default());
    let printed: BTreeSet<&str> = blocks.iter().map(|block| block.commands.as_str()).collect();
    assert_eq!(shown, printed);
}

/// The block of docs/configuration.md that begins with a command, and what it tells.
#[test]
fn the_mistakes_on_the_page_of_settings_are_told_as_it_says() {
    let page = read("docs/configuration.md");
    let (_, block) = page.split_once("```\n$ ").unwrap();
    let (command, told) = block
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
    assert_eq!(shown.stderr.trim_end(), told);
}

#[test]
fn every_line_of_the_example_is_good_as_it_stands() {
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
        // Secrets have no value to show, and no other configuration file exists.
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
    fs::write(folder.path().join(".env"), env).unwrap();
    for binary in ["auth-service", "task-service", "gateway", "standalone"] {
        check_in(folder.path(), binary).well();
    }
}

#[test]
fn the_example_as_it_stands_changes_nothing() {
    let active = read(".env.example")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .count();
    assert_eq!(active, 0, "a copy of .env.example sets something");
}
