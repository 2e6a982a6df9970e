//! Wrong configurations: every problem in one run, exit code 78.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _, path::Path, process::Command};

use standalone::known_settings;

use crate::tools::{Told, binary, run};

/// Forms that any text has.
const FREE: [&str; 2] = ["text", "path"];
/// Paths too, which are not shown because someone may put the key itself there.
const KEYS: [&str; 2] = [".tls.key", ".tls.upstream_key"];
/// The binaries and the sections they read besides `log`.
const BINARIES: [(&str, &[&str]); 4] = [
    ("auth-service", &["auth"]),
    ("task-service", &["task"]),
    ("gateway", &["gateway"]),
    ("standalone", &["auth", "task", "gateway", "standalone"]),
];

fn start(name: &str, variables: &[(String, String)]) -> Told {
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    run(&binary(name), &[], &variables)
}

fn variable(key: &str) -> String {
    format!("TANDEM_{}", key.to_ascii_uppercase().replace('.', "__"))
}

/// The settings a told problem is about, in order.
fn keys(told: &Told) -> Vec<&str> {
    assert_eq!(told.status.code(), Some(78), "{}", told.stderr);
    let key = |line: &'_ str| line.split_once(": ").map_or("", |(key, _)| key).len();
    told.stderr.lines().map(|line| &line[..key(line)]).collect()
}

#[test]
fn each_required_setting_that_is_missing_is_listed() {
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
        let told = start(name, &[]);
        assert_eq!(keys(&told), required, "{name}");
        assert!(told.stderr.contains("DATABASE_URL"), "{}", told.stderr);
    }
}

#[test]
fn each_malformed_setting_of_each_binary_is_listed_in_one_run() {
    for (name, sections) in BINARIES {
        let wrong: Vec<_> = known_settings()
            .into_iter()
            .filter(|asked| !FREE.contains(&asked.form.as_str()))
            .map(|asked| asked.key)
            .filter(|key| !KEYS.iter().any(|path| key.ends_with(path)))
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
        let told = start(name, &variables);
        assert_eq!(keys(&told), wrong, "{name}:\n{}", told.stderr);
    }
}

#[test]
fn a_misspelt_setting_is_refused_with_the_right_name() {
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
        let told = start(name, &[(misspelt.to_owned(), "1m".to_owned())]);
        assert_eq!(told.status.code(), Some(78), "{name}: {}", told.stderr);
        let hint = format!("did you mean {right}?");
        assert!(told.stderr.contains(&hint), "{name}: {}", told.stderr);
    }
}

#[test]
fn bytes_of_the_environment_that_are_no_text_are_told() {
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
    let told = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(lines.len(), 2, "{told}");
    assert!(
        lines[0].starts_with("gateway.dr\u{FFFD}in: unknown setting; did you mean gateway.drain?"),
        "{told}"
    );
    assert_eq!(
        lines[1],
        "gateway.listen: is not text in UTF-8 (from TANDEM_GATEWAY__LISTEN)"
    );
}

#[test]
fn no_secret_is_told_with_its_problem() {
    let told = start(
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
        keys(&told),
        [
            "auth.database.url",
            "auth.key_encryption_keys",
            "auth.refresh_keys",
            "auth.service_secrets"
        ]
    );
    for secret in ["hunter2", "c2VjcmV0"] {
        assert!(!told.stderr.contains(secret), "{}", told.stderr);
    }
}

#[test]
fn what_is_wrong_with_a_url_is_told_without_its_password() {
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
        let told = start(name, &[variables]);
        assert!(keys(&told).contains(&key), "{name}: {}", told.stderr);
        assert!(told.stderr.contains(what), "{name}: {}", told.stderr);
        assert!(!told.stderr.contains("hunter2"), "{name}: {}", told.stderr);
    }
}

/// Runs `check-config` of a binary in a folder, as a person would who has written `.env` there.
pub(crate) fn check_in(folder: &Path, name: &str) -> Told {
    let binary = binary(name).display().to_string();
    let script = "cd \"$0\" && exec \"$1\" check-config";
    let folder = folder.display().to_string();
    run(Path::new("/bin/sh"), &["-c", script, &folder, &binary], &[])
}
