//! `docs/metrics.md` is what the definitions of all crates say.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, fmt::Write as _, fs};

use standalone::known_metrics;
use telemetry::metrics::definitions::{Definition, Kind, LabelDefinition};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");

fn page() -> String {
    let mut page = String::from(
        "# Metrics\n\n\
         What each service exposes at `/metrics` on its operations port (auth 9051, task 9052, gateway 9080), in Prometheus' text\n\
         format. OpenTelemetry has the same names with dots, without the unit and `_total`. A histogram has `_bucket`, `_sum` and\n\
         `_count` after its name. All series are there from the start, with zero, except those of rare codes. No text of a client\n\
         becomes a label, so the number of series is bounded. `target_info` names the service.\n\n\
         | metric | kind | services | meaning | labels |\n|---|---|---|---|---|\n",
    );
    for definition in known_metrics() {
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
            definition.exposed_by.join(", "),
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
    let names: BTreeSet<String> = known_metrics().map(Definition::prometheus).collect();
    assert_eq!(names.len(), known_metrics().count());
}
