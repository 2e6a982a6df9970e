//! Which problems are reported, and their texts.

use std::time::Duration;

use secrecy::ExposeSecret;
use settings::{Settings, Source};

use crate::{DEFAULTS, KEY, URL, empty_directory, lines, load, load_pairs, load_with, read};

#[test]
fn defaults_and_the_required_values_make_a_configuration() {
    let config = load_with(&[]).unwrap();
    assert_eq!(config.listen, "127.0.0.1:50051".parse().unwrap());
    assert_eq!(config.access_ttl, Duration::from_mins(5));
    assert_eq!(config.audiences, ["one", "two"]);
    assert_eq!(config.note, None);
    assert_eq!(config.log.format, telemetry::logs::LogFormat::Auto);
    assert_eq!(config.signing_key.expose().len(), 32);
    assert_eq!(config.database.url.expose_secret(), URL);
    assert_eq!(config.database.recycle_after, Duration::from_hours(1));
    assert_eq!(config.database.application_name, "tandem-auth");
    assert_eq!(config.server.drain, Duration::from_secs(25));
    assert_eq!(config.server.connections.max_streams, 200);
    assert_eq!(config.server.trusted_proxies, []);
    assert!(config.telemetry.otlp.is_none());
    assert!((config.telemetry.ratio - 0.01).abs() < f64::EPSILON);
}

#[test]
fn every_missing_value_is_reported_in_one_run() {
    let problems = load_pairs("", &empty_directory(), Vec::new()).unwrap_err();
    let reported: Vec<&str> = problems.iter().map(settings::SettingProblem::key).collect();
    let mut settings = Settings::load(Source {
        defaults: &[],
        sections: &["auth"],
        generated: Vec::new(),
        directory: empty_directory(),
        environment: Vec::new(),
    });
    assert!(read(&mut settings).is_none());
    let optional = ["auth.note", "auth.server.trusted_proxies"];
    // All but the optional ones and those of `log` and `telemetry`, whose defaults every binary has.
    let common = |key: &str| key.starts_with("log.") || key.starts_with("telemetry.");
    let required: Vec<&str> = settings
        .known()
        .filter(|key| !common(key) && !optional.contains(key))
        .collect();
    assert_eq!(reported, required);
    assert_eq!(reported.len(), 35);
    for line in lines(&problems) {
        assert!(line.contains(": is required: set TANDEM_AUTH__"), "{line}");
    }
    assert!(
        lines(&problems).contains(
            &"auth.database.url: is required: set TANDEM_AUTH__DATABASE__URL or DATABASE_URL"
                .to_owned()
        )
    );
}

#[test]
fn every_malformed_value_is_reported_in_one_run() {
    let mut settings = Settings::load(Source {
        defaults: &[telemetry::settings::DEFAULTS, DEFAULTS],
        sections: &["auth"],
        generated: Vec::new(),
        directory: empty_directory(),
        environment: Vec::new(),
    });
    assert!(read(&mut settings).is_none());
    // These accept any text.
    let free = [
        "auth.note",
        "auth.audiences",
        "telemetry.environment",
        "telemetry.instance",
    ];
    let strict: Vec<&str> = settings.known().filter(|key| !free.contains(key)).collect();
    let variable = |key: &&str| format!("TANDEM_{}", key.replace('.', "__").to_uppercase());
    let environment = strict
        .iter()
        .map(|key| (variable(key), "nonsense".to_owned()))
        .collect();

    let problems = load_pairs(DEFAULTS, &empty_directory(), environment).unwrap_err();
    assert_eq!(
        problems
            .iter()
            .map(settings::SettingProblem::key)
            .collect::<Vec<_>>(),
        strict
    );
    for (line, key) in lines(&problems).iter().zip(&strict) {
        assert!(
            line.ends_with(&format!("(from {})", variable(key))),
            "{line}"
        );
    }
}

#[test]
fn problems_read_as_sentences_sorted_by_key() {
    let problems = load(&[
        ("TANDEM_LOG__LEVEL", "inof"),
        ("TANDEM_AUTH__LISTEN", "nonsense"),
        ("TANDEM_AUTH__ACCESS_TTL", "1h"),
        ("TANDEM_AUTH__AUDIENCES", "one,,two"),
        ("TANDEM_AUTH__DATABASE__LANES", "0"),
        ("TANDEM_AUTH__DATABASE__URL", "mysql://root:hunter2@db/x"),
        ("TANDEM_AUTH__SERVER__REFLECTION", "yes\nplease"),
        ("TANDEM_AUTH__SIGNING_KEY", "change-me"),
    ])
    .unwrap_err();
    assert_eq!(
        lines(&problems),
        [
            "auth.access_ttl: \"1h\" is out of range: from 30s to 15m (from TANDEM_AUTH__ACCESS_TTL)",
            "auth.audiences: \"one,,two\" has an item \"\" that is empty (from TANDEM_AUTH__AUDIENCES)",
            "auth.database.lanes: \"0\" is out of range: from 1 to 1000 (from TANDEM_AUTH__DATABASE__LANES)",
            "auth.database.url: is not a URL such as postgres://user@host:5432/database \
             (from TANDEM_AUTH__DATABASE__URL)",
            "auth.listen: \"nonsense\" is not an address such as 127.0.0.1:50051 (from TANDEM_AUTH__LISTEN)",
            "auth.server.reflection: \"yes\"… has more than one line (from TANDEM_AUTH__SERVER__REFLECTION)",
            "auth.signing_key: is a placeholder; make one with `openssl rand -base64 32` \
             (from TANDEM_AUTH__SIGNING_KEY)",
            "log.level: \"inof\" is not a level (off, error, warn, info, debug, trace) or a list such as \
             info,sqlx=warn (from TANDEM_LOG__LEVEL)",
        ]
    );
    assert_eq!(settings::EX_CONFIG, 78);
}

#[test]
fn an_unknown_key_is_reported_with_the_nearest_known_one() {
    let problems = load_with(&[
        ("TANDEM_AUTH__ACESS_TTL", "5m"),
        ("TANDEM_ATUH__LISTEN", "127.0.0.1:1"),
        ("TANDEM_AUTH__UTTERLY_DIFFERENT", "1"),
        ("TANDEM_AUTH", "1"),
    ])
    .unwrap_err();
    assert_eq!(
        lines(&problems),
        [
            "atuh.listen: unknown setting; did you mean auth.listen? (from TANDEM_ATUH__LISTEN)",
            "auth: unknown setting (from TANDEM_AUTH)",
            "auth.acess_ttl: unknown setting; did you mean auth.access_ttl? (from TANDEM_AUTH__ACESS_TTL)",
            "auth.utterly_different: unknown setting (from TANDEM_AUTH__UTTERLY_DIFFERENT)",
        ]
    );
}

#[test]
fn settings_of_other_binaries_and_service_links_are_not_checked() {
    load_with(&[
        ("TANDEM_TASK__ANYTHING", "1"),
        ("TANDEM_GATEWAY__ANYTHING", "1"),
        ("TANDEM_STANDALONE__ANYTHING", "1"),
        ("TANDEM_AUTH_SERVICE_HOST", "10.0.0.7"),
        ("TANDEM_AUTH_SERVICE_PORT_GRPC", "50051"),
        ("TANDEM_AUTH_PORT", "tcp://10.0.0.7:50051"),
        ("TANDEM_AUTH_PORT_50051_TCP_ADDR", "10.0.0.7"),
        ("HOME", "/root"),
    ])
    .unwrap();
    let problems = load_with(&[("TANDEM_LOG__COLOUR", "1")]).unwrap_err();
    assert_eq!(
        lines(&problems),
        ["log.colour: unknown setting (from TANDEM_LOG__COLOUR)"]
    );
}

#[test]
fn a_refusal_that_depends_on_other_settings_has_the_provenance_of_the_value() {
    let mut settings = Settings::load(Source {
        defaults: &[telemetry::settings::DEFAULTS, DEFAULTS],
        sections: &["auth"],
        generated: Vec::new(),
        directory: empty_directory(),
        environment: vec![
            ("DATABASE_URL".into(), URL.into()),
            ("TANDEM_AUTH__SIGNING_KEY".into(), KEY.into()),
        ],
    });
    let config = read(&mut settings);
    settings.refuse("auth.access_ttl", "must be shorter than something else");
    let reported = lines(&settings.finish(|| config).unwrap_err());
    assert_eq!(
        reported,
        ["auth.access_ttl: must be shorter than something else (from the default)"]
    );
}
