//! The table of metrics, the dashboard and the alert rules must match what running services expose.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use standalone::known_metrics;
use telemetry::metrics::definitions::{Definition, Kind};
use tls::metrics::CERTIFICATE_EXPIRY;

use crate::{
    promql::{Selector, names},
    scrape::{Scrape, Series, scrape},
    stack::Stack,
    tools::workspace,
};

/// The labels that Prometheus adds.
const ADDED_LABELS: [&str; 2] = ["job", "instance"];

/// An alert rule, as it is in its file.
#[derive(Debug, Default)]
pub(crate) struct Alert {
    pub(crate) name: String,
    pub(crate) expression: String,
    /// `for`, `severity`, `summary`, `runbook_url`.
    fields: BTreeMap<String, String>,
}

/// The alerts of `alerts.yml`. The file uses only a small part of YAML.
pub(crate) fn alerts() -> Vec<Alert> {
    let text = fs::read_to_string(workspace().join("deploy/prometheus/alerts.yml")).unwrap();
    let mut alerts: Vec<Alert> = Vec::new();
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(name) = trimmed.strip_prefix("- alert: ") {
            alerts.push(Alert {
                name: name.to_owned(),
                ..Alert::default()
            });
            continue;
        }
        let Some(alert) = alerts.last_mut() else {
            continue;
        };
        match trimmed.split_once(": ") {
            Some(("expr", expression)) if expression != "|-" => {
                expression.clone_into(&mut alert.expression);
            }
            Some((field, value))
                if !line.starts_with("          ")
                    || field.chars().all(|c| c.is_ascii_lowercase() || c == '_') =>
            {
                alert
                    .fields
                    .insert(field.to_owned(), value.trim_matches('"').to_owned());
            }
            _ if line.starts_with("          ") => {
                alert.expression.push_str(trimmed);
                alert.expression.push(' ');
            }
            _ => {}
        }
    }
    alerts
}

/// The title of each panel of the dashboard, with each of its expressions.
pub(crate) fn queries() -> Vec<(String, String)> {
    let text = fs::read_to_string(workspace().join("deploy/grafana/tandem.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let title = panel["title"].as_str().unwrap().to_owned();
            queries.push((title, target["expr"].as_str().unwrap().to_owned()));
        }
    }
    queries
}

/// `TandemServiceDown` as `tandem-service-down`.
fn kebab(name: &str) -> String {
    let mut text = String::new();
    for (at, c) in name.char_indices() {
        if c.is_ascii_uppercase() && at > 0 {
            text.push('-');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

/// The name of a metric in the table.
fn base<'a>(name: &'a str, table: &BTreeMap<String, &Definition>) -> &'a str {
    let parts = ["_bucket", "_sum", "_count"];
    let stripped = parts.iter().find_map(|part| name.strip_suffix(part));
    stripped
        .filter(|base| table.contains_key(*base))
        .unwrap_or(name)
}

fn table() -> BTreeMap<String, &'static Definition> {
    known_metrics().map(|one| (one.prometheus(), one)).collect()
}

#[tokio::test]
async fn running_services_expose_the_table_of_metrics_and_nothing_else() {
    let stack = Stack::start().await;
    let scraped = scrape(&stack.running.process);
    let services: BTreeSet<&str> = scraped.iter().map(|one| one.service.as_str()).collect();
    assert_eq!(services, BTreeSet::from(["auth", "task", "gateway"]));
    let table = table();
    for Scrape { service, series } in &scraped {
        for Series { name, .. } in series.iter().filter(|one| one.name != "target_info") {
            let known = table.get(base(name, &table));
            let told_by = known.map_or(&[][..], |known| known.exposed_by);
            assert!(
                told_by.contains(&service.as_str()),
                "{service} exposes {name}"
            );
        }
        for (name, definition) in &table {
            // Without TLS there is no certificate.
            let expected = definition.exposed_by.contains(&service.as_str())
                && definition.name != CERTIFICATE_EXPIRY.name;
            if expected {
                assert_is_complete(name, definition, series);
            }
        }
    }
}

/// Asserts that the metric is exposed, that each series has its labels, and that all known values of its labels are present from
/// the start.
fn assert_is_complete(name: &str, definition: &Definition, series: &BTreeSet<Series>) {
    let name = match definition.kind {
        Kind::Histogram => format!("{name}_count"),
        Kind::Counter | Kind::Gauge => name.to_owned(),
    };
    let found: Vec<&Series> = series.iter().filter(|one| one.name == name).collect();
    assert!(!found.is_empty(), "{name} is not exposed");
    let label = |label: &str| label.replace('.', "_");
    let labels: BTreeSet<String> = definition
        .labels
        .iter()
        .map(|one| label(one.name))
        .collect();
    for one in &found {
        let keys: BTreeSet<String> = one.labels.keys().cloned().collect();
        assert_eq!(keys, labels, "{name}");
    }
    for one in definition.labels {
        let values: BTreeSet<&str> = found
            .iter()
            .map(|series| series.labels[&label(one.name)].as_str())
            .collect();
        for value in one.values {
            assert!(
                values.contains(value),
                "{name} has no {}=\"{value}\"",
                one.name
            );
        }
    }
}

#[tokio::test]
async fn the_dashboard_and_the_alerts_name_only_what_running_services_expose() {
    let stack = Stack::start().await;
    let exposed: BTreeSet<Series> = scrape(&stack.running.process)
        .into_iter()
        .flat_map(|one| one.series)
        .collect();
    let alerts = alerts()
        .into_iter()
        .map(|alert| (alert.name, alert.expression));
    let all: Vec<(String, String)> = alerts.chain(queries()).collect();
    assert!(all.len() > 60, "{}", all.len());
    for (title, expression) in all {
        let names = names(&expression);
        assert!(!names.selectors.is_empty(), "{title} names no metric");
        let mut labels: BTreeSet<String> = ADDED_LABELS.map(str::to_owned).into();
        for selector in &names.selectors {
            labels.extend(check(&title, selector, &exposed));
        }
        for label in names.grouped {
            assert!(
                labels.contains(&label),
                "{title}: there is no label {label}"
            );
        }
    }
}

/// Checks one selector. Returns the labels of its metric.
fn check(title: &str, selector: &Selector, exposed: &BTreeSet<Series>) -> BTreeSet<String> {
    let Selector { metric, labels } = selector;
    if metric == "up" {
        return BTreeSet::new();
    }
    if *metric == CERTIFICATE_EXPIRY.prometheus() {
        let known = CERTIFICATE_EXPIRY
            .labels
            .iter()
            .map(|label| label.name.to_owned());
        return known.collect();
    }
    let series: Vec<&Series> = exposed.iter().filter(|one| one.name == *metric).collect();
    let known: BTreeSet<String> = series
        .iter()
        .flat_map(|one| one.labels.keys().cloned())
        .collect();
    assert!(!series.is_empty(), "{title}: nothing exposes {metric}");
    for (label, operator, value) in labels
        .iter()
        .filter(|(label, ..)| !ADDED_LABELS.contains(&label.as_str()))
    {
        assert!(
            known.contains(label),
            "{title}: {metric} has no label {label}"
        );
        let values: BTreeSet<&str> = series
            .iter()
            .filter_map(|one| one.labels.get(label))
            .map(String::as_str)
            .collect();
        let exact = operator == "=" || !value.contains(['.', '*', '[', '(']);
        let named = value.split('|').any(|value| values.contains(value));
        assert!(
            named || !exact,
            "{title}: {metric} has no {label}={value:?}"
        );
    }
    known
}

#[test]
fn every_alert_has_a_summary_and_a_heading_in_the_handbook() {
    let handbook = fs::read_to_string(workspace().join("docs/operations.md")).unwrap();
    let headings: BTreeSet<String> = handbook
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .map(|heading| heading.to_lowercase().replace(' ', "-"))
        .collect();
    let alerts = alerts();
    assert!(alerts.len() >= 15, "{alerts:?}");
    for Alert { name, fields, .. } in &alerts {
        let anchor = kebab(name);
        assert!(
            headings.contains(&anchor),
            "docs/operations.md has no heading for {name}"
        );
        assert_eq!(
            fields["runbook_url"],
            format!("docs/operations.md#{anchor}")
        );
        assert!(
            ["critical", "warning"].contains(&fields["severity"].as_str()),
            "{name}"
        );
        assert!(
            fields["summary"].ends_with('.') && fields.contains_key("for"),
            "{name}"
        );
    }
    let named: BTreeSet<String> = alerts.iter().map(|alert| kebab(&alert.name)).collect();
    let without: Vec<_> = headings
        .iter()
        .filter(|one| one.starts_with("tandem-") && !named.contains(*one))
        .collect();
    assert_eq!(without, Vec::<&String>::new(), "headings without an alert");
}
