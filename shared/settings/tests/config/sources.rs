//! Layers and files, and which of several values is used.

use std::time::Duration;

use secrecy::ExposeSecret;
use settings::{Settings, Source};

use crate::{
    DEFAULTS, KEY, URL, directory_with, empty_directory, lines, load, load_in, load_pairs,
    load_with, read,
};

#[test]
fn later_layers_win() {
    let directory = directory_with(&[
        (
            "tandem.toml",
            "[auth]\nnote = 'file'\naccess_ttl = '1m'\nlisten = '127.0.0.1:1'\n[log]\nlevel = 'warn'\n",
        ),
        (
            ".env",
            "TANDEM_AUTH__ACCESS_TTL=2m\nTANDEM_AUTH__LISTEN=127.0.0.1:2\nTANDEM_CONFIG=tandem.toml\n",
        ),
    ]);
    let environment = [
        ("TANDEM_AUTH__LISTEN", "127.0.0.1:3"),
        ("TANDEM_AUTH__SIGNING_KEY", KEY),
        ("DATABASE_URL", URL),
    ];
    let config = load_in(&directory, &environment).unwrap();
    assert_eq!(config.note.as_deref(), Some("file"));
    assert_eq!(config.access_ttl, Duration::from_mins(2));
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.log.level.targets().to_string(), "warn");
}

#[test]
fn values_that_people_set_override_generated_ones() {
    let mut settings = Settings::load(Source {
        defaults: &[telemetry::settings::DEFAULTS, DEFAULTS],
        sections: &["auth"],
        generated: vec![
            ("auth.listen".into(), "127.0.0.1:9".into()),
            ("auth.signing_key".into(), KEY.into()),
        ],
        directory: empty_directory(),
        environment: vec![
            ("TANDEM_AUTH__LISTEN".into(), "127.0.0.1:3".into()),
            ("DATABASE_URL".into(), URL.into()),
        ],
    });
    let config = read(&mut settings);
    let listing = settings.listing().to_string();
    assert!(
        listing.contains("auth.listen = \"127.0.0.1:3\" (from TANDEM_AUTH__LISTEN)\n"),
        "{listing}"
    );
    assert!(
        listing.contains("auth.signing_key = [secret] (from this program)\n"),
        "{listing}"
    );
    assert!(
        listing.contains("auth.database.url = [secret] (from DATABASE_URL)\n"),
        "{listing}"
    );
    assert!(listing.contains("auth.note is not set\n"), "{listing}");
    assert!(
        listing.contains("auth.server.deadline = \"10s\" (from the default)\n"),
        "{listing}"
    );
    assert_eq!(settings.finish(|| config).unwrap().listen.port(), 3);
}

#[test]
fn a_problem_in_a_file_names_the_file_and_the_key() {
    let directory = directory_with(&[
        ("t.toml", "[auth]\nlisten = 5\n"),
        (".env", "TANDEM_AUTH__ACCESS_TTL=soon\n"),
    ]);
    let file = directory.join("t.toml");
    let environment = [
        ("TANDEM_CONFIG", file.to_str().unwrap()),
        ("TANDEM_AUTH__SIGNING_KEY", KEY),
        ("DATABASE_URL", URL),
    ];
    let reported = lines(&load_in(&directory, &environment).unwrap_err());
    assert!(
        reported[0].starts_with("auth.access_ttl: \"soon\" is not a duration"),
        "{reported:?}"
    );
    assert!(
        reported[0].ends_with("(from TANDEM_AUTH__ACCESS_TTL in .env)"),
        "{reported:?}"
    );
    let listen = "auth.listen: \"5\" is not an address such as 127.0.0.1:50051";
    assert_eq!(
        reported[1],
        format!("{listen} (from auth.listen in {})", file.display())
    );
    assert_eq!(reported.len(), 2);
}

#[test]
fn an_unreadable_file_is_reported_with_the_line_but_not_its_text_and_no_setting_as_missing() {
    let directory = directory_with(&[
        (
            "t.toml",
            "[auth]\nlisten = '127.0.0.1:1'\nsigning_key = hunter2\n",
        ),
        (".env", "# first\nTANDEM_AUTH__NOTE=n\nhunter2 hunter2\n"),
    ]);
    let environment = [
        ("TANDEM_CONFIG", "t.toml"),
        ("TANDEM_AUTH__ACCESS_TTL", "soon"),
    ];
    let reported = lines(&load_in(&directory, &environment).unwrap_err());
    assert_eq!(reported[0], ".env: line 3 is not NAME=value");
    assert!(
        reported[1].starts_with("auth.access_ttl: \"soon\""),
        "{reported:?}"
    );
    assert_eq!(
        reported[2],
        format!(
            "config: {} is not TOML in line 3",
            directory.join("t.toml").display()
        )
    );
    assert_eq!(reported.len(), 3);
    assert!(!reported.concat().contains("hunter2"));

    let reported = lines(&load_with(&[("TANDEM_CONFIG", "/nowhere/t.toml")]).unwrap_err());
    assert!(
        reported[0].starts_with("config: /nowhere/t.toml cannot be read: "),
        "{reported:?}"
    );
}

#[test]
fn name_file_reads_the_value_from_a_file_without_its_newline() {
    let directory = directory_with(&[("key", &format!("{KEY}\n")), ("weak", "hunter2")]);
    let path = |name: &str| directory.join(name).display().to_string();
    let with = |name: &str| {
        load(&[
            ("TANDEM_AUTH__SIGNING_KEY_FILE", &path(name)),
            ("DATABASE_URL", URL),
        ])
    };
    let inline = load_with(&[]).unwrap();
    assert_eq!(
        with("key").unwrap().signing_key.expose(),
        inline.signing_key.expose()
    );

    let reported = lines(&with("weak").unwrap_err());
    assert_eq!(reported.len(), 1);
    assert!(
        reported[0].starts_with("auth.signing_key: "),
        "{reported:?}"
    );
    let from = format!(
        "(from the file {}, named by TANDEM_AUTH__SIGNING_KEY_FILE)",
        path("weak")
    );
    assert!(reported[0].ends_with(&from), "{reported:?}");

    let reported = lines(&with("absent").unwrap_err());
    assert!(
        reported[0].starts_with("auth.signing_key: the file it names cannot be read: "),
        "{reported:?}"
    );
    assert!(
        reported[0].ends_with("(from TANDEM_AUTH__SIGNING_KEY_FILE)"),
        "{reported:?}"
    );
}

#[test]
fn a_value_and_its_file_in_one_layer_are_a_problem_and_in_two_the_higher_wins() {
    let directory = directory_with(&[
        ("key", KEY),
        (".env", "TANDEM_AUTH__SIGNING_KEY=change-me\n"),
    ]);
    let file = directory.join("key").display().to_string();
    let environment = [
        ("TANDEM_AUTH__SIGNING_KEY_FILE", file.as_str()),
        ("DATABASE_URL", URL),
    ];
    load_in(&directory, &environment).unwrap();

    let reported = lines(&load_with(&[("TANDEM_AUTH__SIGNING_KEY_FILE", &file)]).unwrap_err());
    assert_eq!(
        reported,
        [
            "auth.signing_key: is set twice, the other time by TANDEM_AUTH__SIGNING_KEY_FILE (from TANDEM_AUTH__SIGNING_KEY)"
        ]
    );
}

#[test]
fn database_url_is_used_when_the_setting_is_not_set() {
    let specific = "postgres://auth@elsewhere/auth";
    let config = load_with(&[("TANDEM_AUTH__DATABASE__URL", specific)]).unwrap();
    assert_eq!(config.database.url.expose_secret(), specific);

    let directory = directory_with(&[("url", &format!("{URL}\n"))]);
    let file = directory.join("url").display().to_string();
    let config = load(&[
        ("TANDEM_AUTH__SIGNING_KEY", KEY),
        ("DATABASE_URL_FILE", &file),
    ])
    .unwrap();
    assert_eq!(config.database.url.expose_secret(), URL);

    let reported = lines(
        &load(&[
            ("TANDEM_AUTH__SIGNING_KEY", KEY),
            ("DATABASE_URL", "hunter2"),
        ])
        .unwrap_err(),
    );
    assert_eq!(
        reported,
        [
            "auth.database.url: is not a URL such as postgres://user@host:5432/database (from DATABASE_URL)"
        ]
    );
}

#[test]
fn an_empty_value_leaves_an_optional_setting_unset_and_is_refused_for_a_required_one() {
    assert_eq!(load_with(&[("TANDEM_AUTH__NOTE", "")]).unwrap().note, None);
    assert_eq!(
        load_with(&[("TANDEM_AUTH__AUDIENCES", "")])
            .unwrap()
            .audiences,
        Vec::<String>::new()
    );
    let reported = lines(&load_with(&[("TANDEM_AUTH__SIGNING_KEY", "")]).unwrap_err());
    assert_eq!(
        reported,
        ["auth.signing_key: is empty (from TANDEM_AUTH__SIGNING_KEY)"]
    );
}

#[test]
fn a_secret_may_not_have_a_default() {
    let defaults = format!("{DEFAULTS}\n[auth.more]\n")
        .replace("[auth]\n", &format!("[auth]\nsigning_key = '{KEY}'\n"));
    let environment = vec![("DATABASE_URL".to_owned(), URL.to_owned())];
    let reported = lines(&load_pairs(&defaults, &empty_directory(), environment).unwrap_err());
    assert_eq!(
        reported,
        ["auth.signing_key: is a secret and may not have a default (from the default)"]
    );
}
