//! What `print-config` and `/configz` show.

use serde_json::json;
use settings::{Settings, Source};

use crate::{DEFAULTS, KEY, URL, empty_directory, read};

fn settings() -> Settings {
    let mut settings = Settings::load(Source {
        defaults: &[telemetry::settings::DEFAULTS, DEFAULTS],
        sections: &["auth", "task"],
        generated: vec![("auth.signing_key".into(), KEY.into())],
        directory: empty_directory(),
        environment: vec![
            ("DATABASE_URL".into(), URL.into()),
            ("TANDEM_AUTH__LISTEN".into(), "127.0.0.1:3".into()),
        ],
    });
    assert!(read(&mut settings).is_some());
    assert_eq!(serving::settings::listen(&mut settings, "task"), None);
    settings
}

#[test]
fn a_listing_shows_every_setting_with_its_source_and_no_secret() {
    let listing = settings().listing().to_string();
    for line in [
        "auth.listen = \"127.0.0.1:3\" (from TANDEM_AUTH__LISTEN)",
        "auth.database.url = [secret] (from DATABASE_URL)",
        "auth.signing_key = [secret] (from this program)",
        "auth.server.deadline = \"10s\" (from the default)",
        "auth.note is not set",
    ] {
        assert!(
            listing.lines().any(|shown| shown == line),
            "{line}: {listing}"
        );
    }
    assert!(!listing.contains("hunter2") && !listing.contains(KEY));
}

#[test]
fn a_listing_as_json_has_an_object_for_each_setting() {
    let listing = serde_json::to_value(settings().listing()).unwrap();
    let entries = listing.as_array().unwrap();
    assert_eq!(entries.len(), settings().known().count());
    for entry in [
        json!({"key": "auth.listen", "value": "127.0.0.1:3", "secret": false, "source": "TANDEM_AUTH__LISTEN"}),
        json!({"key": "auth.signing_key", "value": null, "secret": true, "source": "this program"}),
        json!({"key": "auth.note", "value": null, "secret": false, "source": null}),
    ] {
        assert!(entries.contains(&entry), "{entry}: {listing}");
    }
    let text = listing.to_string();
    assert!(!text.contains("hunter2") && !text.contains(KEY));
}

#[test]
fn the_listing_for_a_section_has_that_section_and_what_every_binary_has() {
    let all = settings().listing().to_string();
    let task = settings().listing_for("task").to_string();
    assert!(
        all.contains("auth.listen") && all.contains("task.listen"),
        "{all}"
    );
    let keys: Vec<_> = task.lines().map(|line| line.split(' ').next()).collect();
    let expected = [
        "log.format",
        "log.level",
        "task.listen",
        "telemetry.environment",
        "telemetry.instance",
        "telemetry.metrics.interval",
        "telemetry.otlp.endpoint",
        "telemetry.otlp.headers",
        "telemetry.otlp.timeout",
        "telemetry.traces.asked_per_second",
        "telemetry.traces.interval",
        "telemetry.traces.ratio",
    ];
    assert_eq!(keys, expected.map(Some));
}
