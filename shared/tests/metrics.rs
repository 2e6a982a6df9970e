//! `docs/metrics.md` is what the table of metrics says.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, fmt::Write as _, fs};

use chrono::DateTime;
use shared::metrics::{
    Metrics,
    definitions::{DEFINITIONS, Definition, Kind, LabelDefinition},
    labels::{Label as _, SignIn},
    tell_expiry,
};
use shared::tls::Validity;
use tokio::sync::watch;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");

fn page() -> String {
    let mut page = String::from(
        "# Metrics\n\n\
         What each service tells at `/metrics` on its operations port (auth 9051, task 9052, gateway 9080), in Prometheus' text\n\
         format. OpenTelemetry has the same names with dots, without the unit and `_total`. A histogram has `_bucket`, `_sum` and\n\
         `_count` after its name. All series are there from the start, with zero, except those of rare codes. No text of a client\n\
         becomes a label, so the number of series is bounded. `target_info` names the service.\n\n\
         | metric | kind | told by | what it tells | labels |\n|---|---|---|---|---|\n",
    );
    for definition in DEFINITIONS {
        let kind = match definition.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let labels: Vec<String> = definition.labels.iter().map(shown).collect();
        writeln!(
            page,
            "| `{}` | {kind} | {} | {} | {} |",
            definition.prometheus(),
            definition.told_by.join(", "),
            definition.help,
            labels.join("; ")
        )
        .unwrap();
    }
    page
}

fn shown(label: &LabelDefinition) -> String {
    let name = label.name.replace('.', "_");
    if label.name == "reason" {
        return format!("`{name}`: one of [those](errors.md)");
    }
    if label.values.is_empty() {
        return format!("`{name}`: {}", label.means);
    }
    let values: Vec<String> = label
        .values
        .iter()
        .map(|value| format!("`{value}`"))
        .collect();
    format!("`{name}`: {}", values.join(" "))
}

#[test]
fn the_page_of_metrics_is_generated_from_the_table() {
    let expected = page();
    let found = fs::read_to_string(PAGE).unwrap_or_default();
    if found != expected {
        fs::write(PAGE, &expected).unwrap();
        panic!("docs/metrics.md was out of date; it is written anew: review and commit it");
    }
}

#[test]
fn every_metric_is_named_once() {
    let names: BTreeSet<String> = DEFINITIONS.iter().map(Definition::prometheus).collect();
    assert_eq!(names.len(), DEFINITIONS.len());
}

#[test]
fn each_value_of_a_label_is_counted_by_itself_from_zero() {
    let metrics = Metrics::of_service("counting", "1.2.3");
    let definition = DEFINITIONS
        .iter()
        .find(|one| one.name == "tandem.auth.sign_ins")
        .unwrap();
    let sign_ins = metrics.counters::<SignIn>(definition);
    for (number, value) in SignIn::VALUES.iter().enumerate() {
        let zero = format!("tandem_auth_sign_ins_total{{result=\"{value}\"}} 0\n");
        assert!(metrics.text().contains(&zero), "{zero}");
        assert_eq!(SignIn::VALUES[number], *value);
    }
    sign_ins.add(SignIn::Wrong);
    sign_ins.add(SignIn::Wrong);
    let text = metrics.text();
    assert!(text.contains("{result=\"wrong\"} 2\n"), "{text}");
    assert!(text.contains("{result=\"ok\"} 0\n"), "{text}");
    let build = "tandem_build_info{service=\"counting\",version=\"1.2.3\"} 1";
    assert!(text.contains(build), "{text}");
}

#[test]
fn a_certificate_is_told_of_once_its_expiry_is_known_and_after_each_change() {
    let metrics = Metrics::of_service("guarded", "1");
    let expires = |at| {
        let until = DateTime::from_timestamp_secs(at).unwrap();
        let from = DateTime::UNIX_EPOCH;
        Some(Validity { from, until })
    };
    let (server, server_is) = watch::channel(None);
    let (client, client_is) = watch::channel(None);
    tell_expiry(&metrics, "server", server_is);
    tell_expiry(&metrics, "client", client_is);
    let name = "tandem_tls_certificate_expire_time_seconds";
    assert!(!metrics.text().contains(name));
    server.send_replace(expires(1_900_000_000));
    client.send_replace(expires(1_800_000_000));
    server.send_replace(expires(2_000_000_000));
    for (role, expiry) in [("server", "2000000000"), ("client", "1800000000")] {
        let line = format!("{name}{{role=\"{role}\"}} {expiry}\n");
        assert!(metrics.text().contains(&line), "{line} {}", metrics.text());
    }
}

#[test]
fn metrics_that_nobody_reads_tell_nothing() {
    let metrics = Metrics::off();
    let sign_ins = metrics.counters::<SignIn>(&shared::metrics::definitions::SIGN_INS);
    sign_ins.add(SignIn::Ok);
    assert_eq!(metrics.text(), "");
}
