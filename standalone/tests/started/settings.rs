//! Wrong configurations: a binary reports every problem in one run and exits with 78.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _, path::Path, process::Command};

use standalone::known_settings;

use crate::tools::{ProgramOutput, binary, run};

/// The forms that accept any text.
const FREE_FORMS: [&str; 2] = ["text", "path"];
/// Settings that are paths but count as secrets, since an operator may set them to the key itself.
const KEY_PATHS: [&str; 2] = [".tls.key", ".tls.upstream_key"];
/// The binaries, and the sections that each reads in addition to `log`.
const BINARIES: [(&str, &[&str]); 4] = [
    ("auth-service", &["auth"]),
    ("task-service", &["task"]),
    ("gateway", &["gateway"]),
    ("standalone", &["auth", "task", "gateway", "standalone"]),
];

fn start(name: &str, variables: &[(String, String)]) -> ProgramOutput {
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    run(&binary(name), &[], &variables)
}

fn variable(key: &str) -> String {
    format!("TANDEM_{}", key.to_ascii_uppercase().replace('.', "__"))
}

/// The settings whose problems were reported, in order.
fn keys(output: &ProgramOutput) -> Vec<&str> {
    assert_eq!(output.status.code(), Some(78), "{}", output.stderr);
    let key = |line: &'_ str| line.split_once(": ").map_or("", |(key, _)| key).len();
    output
        .stderr
        .lines()
        .map(|line| &line[..key(line)])
        .collect()
}

#[test]
fn every_missing_required_setting_is_reported() {
    let required: [(&str, &[&str]); 2] = [
        (
            "auth-service",
            &[
                "auth.database.url",
                "auth.key_encryption_keys",
                "auth.refresh_keys",
                "auth.service_secrets",
            ],
        ),
        (
            "task-service",
            &[
                "task.database.url",
                "task.page_token_key",
                "task.service_secret",
            ],
        ),
    ];
    for (name, required) in required {
        let output = start(name, &[]);
        assert_eq!(keys(&output), required, "{name}");
        assert!(output.stderr.contains("DATABASE_URL"), "{}", output.stderr);
    }
}

#[test]
fn every_malformed_setting_of_each_binary_is_reported_in_one_run() {
    for (name, sections) in BINARIES {
        let wrong: Vec<_> = known_settings()
            .into_iter()
            .filter(|asked| !FREE_FORMS.contains(&asked.form.as_str()))
            .map(|asked| asked.key)
            .filter(|key| !KEY_PATHS.iter().any(|path| key.ends_with(path)))
            .filter(|key| {
                let section = key.split('.').next().unwrap();
                section == "log" || sections.contains(&section)
            })
            .collect();
        assert!(wrong.len() > 2, "{name} has no settings");
        let variables: Vec<_> = wrong
            .iter()
            .map(|key| (variable(key), "-wrong-".to_owned()))
            .collect();
        let output = start(name, &variables);
        assert_eq!(keys(&output), wrong, "{name}:\n{}", output.stderr);
    }
}

#[test]
fn a_misspelt_setting_is_refused_with_the_correct_name() {
    for (name, misspelt, right) in [
        ("auth-service", "TANDEM_AUTH__ACESS_TTL", "auth.access_ttl"),
        ("task-service", "TANDEM_TASK__QOUTA", "task.quota"),
        (
            "gateway",
            "TANDEM_GATEWAY__CORS_ORIGIN",
            "gateway.cors_origins",
        ),
        (
            "standalone",
            "TANDEM_STANDALONE__DIRECTORI",
            "standalone.directory",
        ),
    ] {
        let output = start(name, &[(misspelt.to_owned(), "1m".to_owned())]);
        assert_eq!(output.status.code(), Some(78), "{name}: {}", output.stderr);
        let hint = format!("did you mean {right}?");
        assert!(output.stderr.contains(&hint), "{name}: {}", output.stderr);
    }
}

#[test]
fn bytes_of_the_environment_that_are_not_text_are_reported() {
    let output = Command::new(binary("gateway"))
        .arg("check-config")
        .env_clear()
        .env(
            "TANDEM_GATEWAY__LISTEN",
            OsStr::from_bytes(b"127.0.0.1:1\xff"),
        )
        .env(OsStr::from_bytes(b"TANDEM_GATEWAY__DR\xffIN"), "1s")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(78));
    let errors = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<_> = errors.lines().collect();
    assert_eq!(lines.len(), 2, "{errors}");
    assert!(
        lines[0].starts_with("gateway.dr\u{FFFD}in: unknown setting; did you mean gateway.drain?"),
        "{errors}"
    );
    assert_eq!(
        lines[1],
        "gateway.listen: is not text in UTF-8 (from TANDEM_GATEWAY__LISTEN)"
    );
}

#[test]
fn a_problem_of_a_secret_is_reported_without_the_secret() {
    let output = start(
        "auth-service",
        &[
            (
                "DATABASE_URL".to_owned(),
                "mysql://u:hunter2@h/d".to_owned(),
            ),
            (
                variable("auth.key_encryption_keys"),
                "1:c2VjcmV0LXNlZWQ=".to_owned(),
            ),
            (
                variable("auth.refresh_keys"),
                "1:c2VjcmV0LXNlZWQ=".to_owned(),
            ),
        ],
    );
    assert_eq!(
        keys(&output),
        [
            "auth.database.url",
            "auth.key_encryption_keys",
            "auth.refresh_keys",
            "auth.service_secrets"
        ]
    );
    for secret in ["hunter2", "c2VjcmV0"] {
        assert!(!output.stderr.contains(secret), "{}", output.stderr);
    }
}

#[test]
fn a_problem_of_a_url_is_reported_without_its_password() {
    let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let upstream = "http://u:hunter2@h:50051";
    for (name, variables, key, what) in [
        (
            "auth-service",
            set("DATABASE_URL", "postgres://u@h/d?user=u&pasword=hunter2"),
            "auth.database.url",
            "has an unknown parameter, number 2 after the ?; did you mean password?",
        ),
        (
            "task-service",
            set("TANDEM_TASK__AUTH_UPSTREAM", upstream),
            "task.auth_upstream",
            "must not have a user or password",
        ),
        (
            "gateway",
            set("TANDEM_GATEWAY__TASK_UPSTREAM", upstream),
            "gateway.task_upstream",
            "must not have a user or password",
        ),
        (
            "gateway",
            set("TANDEM_GATEWAY__LISTEN", "postgres://u:hunter2@h/d"),
            "gateway.listen",
            "\"postgres://…@h/d\" is not an address",
        ),
    ] {
        let output = start(name, &[variables]);
        assert!(keys(&output).contains(&key), "{name}: {}", output.stderr);
        assert!(output.stderr.contains(what), "{name}: {}", output.stderr);
        assert!(
            !output.stderr.contains("hunter2"),
            "{name}: {}",
            output.stderr
        );
    }
}

/// Runs `check-config` of a binary in a folder that holds `.env`.
pub(crate) fn check_in(folder: &Path, name: &str) -> ProgramOutput {
    let binary = binary(name).display().to_string();
    let script = "cd \"$0\" && exec \"$1\" check-config";
    let folder = folder.display().to_string();
    run(Path::new("/bin/sh"), &["-c", script, &folder, &binary], &[])
}
