//! Properties that hold for any environment.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use settings::{Settings, Source};

use crate::{DEFAULTS, KEY, URL, directory_with, lines, load_in, load_pairs, read};

/// Names near to real ones, so that values reach parsers, and entirely random ones.
fn any_variable() -> impl Strategy<Value = (String, String)> {
    let name = prop_oneof![
        "TANDEM_(AUTH|LOG|TASK)__(LISTEN|ACCESS_TTL|AUDIENCES|NOTE|SIGNING_KEY|LEVEL|FORMAT)(_FILE)?",
        "TANDEM_AUTH__(DATABASE|SERVER)__(URL|LANES|QUEUE|DEADLINE|MAX_STREAMS|REFLECTION)",
        "(DATABASE_URL(_FILE)?|TANDEM_CONFIG|TANDEM_[A-Z_.]{0,12})",
        "TANDEM_\\PC{0,16}",
    ];
    let value = prop_oneof![
        any::<String>(),
        "[0-9]{1,30}(ms|s|m|h|d)?",
        "(postgres|http)://\\PC{0,20}"
    ];
    (name, value)
}

proptest! {
    #[test]
    fn no_environment_makes_it_panic(environment in proptest::collection::vec(any_variable(), 0..12)) {
        match load_pairs(DEFAULTS, Path::new(env!("CARGO_TARGET_TMPDIR")), environment) {
            Ok(config) => prop_assert_eq!(config.database.application_name, "tandem-auth"),
            Err(problems) => {
                prop_assert!(problems.iter().count() > 0);
                prop_assert_eq!(lines(&problems).len(), problems.iter().count(), "one line each");
            }
        }
    }

    #[test]
    fn no_secret_appears_in_any_output(secret in "[!-~&&[^ ]]{8,60}") {
        // As key and as password: alone (malformed), inside a URL (accepted or not), and inside a URL of another scheme.
        let good = format!("postgres://tandem:{secret}@localhost/tandem");
        let bad = format!("mysql://tandem:{secret}@localhost/tandem");
        for url in [&secret, &good, &bad] {
            let mut settings = Settings::load(Source {
                defaults: &[telemetry::settings::DEFAULTS, DEFAULTS],
                sections: &["auth"],
                generated: Vec::new(),
                directory: PathBuf::from(env!("CARGO_TARGET_TMPDIR")),
                environment: vec![
                    ("TANDEM_AUTH__SIGNING_KEY".into(), secret.clone()),
                    ("TANDEM_AUTH__DATABASE__URL".into(), url.clone()),
                    ("TANDEM_AUTH__SIGNING_KEYS".into(), secret.clone()),
                ],
            });
            let config = read(&mut settings);
            let before = format!("{settings:?}{}{:?}", settings.listing(), database::settings::read(&mut settings, "auth"));
            let problems = settings.finish(|| config).expect_err("signing_keys is unknown");
            let output = format!("{before}{problems}{problems:?}");
            prop_assert!(!output.contains(&secret), "{}", output);
        }
    }

    #[test]
    fn no_dot_env_makes_it_panic(text in "([A-Z_]{0,8}[=# '\"\\\\$]{0,3}\\PC{0,8}\n?){0,6}") {
        let directory = directory_with(&[(".env", &text)]);
        let loaded = load_in(&directory, &[("TANDEM_AUTH__SIGNING_KEY", KEY), ("DATABASE_URL", URL)]);
        fs::remove_dir_all(&directory).unwrap();
        prop_assert!(loaded.is_ok() || loaded.is_err_and(|problems| problems.iter().count() > 0));
    }
}
