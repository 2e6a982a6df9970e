//! Prometheus, as Debian packages it, with our rules and a running standalone process.

use std::{
    fmt::Write as _,
    fs,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    time::Duration,
};

use testing::{Folder, Process};

use crate::{
    metrics::{alerts, queries},
    scrape::{get, ports},
    stack::Stack,
    tools::{free_port, installed, run, workspace},
};

/// How long Prometheus may take to start and to scrape twice.
const TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

fn promtool(arguments: &[&str]) -> String {
    run(&installed("TEST_PROMTOOL"), arguments, &[]).stdout_of_success()
}

fn deployed(file: &str) -> String {
    let file: PathBuf = workspace().join("deploy/prometheus").join(file);
    file.display().to_string()
}

#[test]
fn promtool_accepts_the_configuration_and_the_rules_and_their_tests() {
    let configuration = promtool(&["check", "config", &deployed("prometheus.yml")]);
    assert!(
        configuration.contains("1 rule files found"),
        "{configuration}"
    );
    let rules = promtool(&["check", "rules", &deployed("alerts.yml")]);
    assert!(
        rules.contains(&format!("{} rules found", alerts().len())),
        "{rules}"
    );
    promtool(&["test", "rules", &deployed("alerts.test.yml")]);
}

#[test]
fn promtool_accepts_every_query_of_the_dashboard() {
    let folder = Folder::new();
    let file = folder.path("queries.yml");
    let mut rules = String::from("groups:\n- name: dashboard\n  rules:\n");
    for (number, (_title, query)) in queries().into_iter().enumerate() {
        let query = query
            .replace("$__rate_interval", "5m")
            .replace("$job", "tandem-.*");
        writeln!(rules, "  - record: panel:{number}\n    expr: '{query}'").unwrap();
    }
    fs::write(&file, rules).unwrap();
    promtool(&["check", "rules", &file.display().to_string()]);
}

/// A configuration with our rules that scrapes `targets` every second.
fn configuration(targets: &[SocketAddr]) -> String {
    let mut text = format!(
        "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: [{:?}]\nscrape_configs:\n",
        deployed("alerts.yml")
    );
    for (number, target) in targets.iter().enumerate() {
        let job = format!("tandem-{number}");
        writeln!(
            text,
            "- job_name: {job}\n  static_configs: [{{ targets: [\"{target}\"] }}]"
        )
        .unwrap();
    }
    text
}

/// Starts Prometheus in `folder` and waits until it listens.
async fn start(folder: &Path, targets: &[SocketAddr]) -> (Process, SocketAddr) {
    fs::write(folder.join("prometheus.yml"), configuration(targets)).unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let arguments = [
        format!("--config.file={}", folder.join("prometheus.yml").display()),
        format!("--storage.tsdb.path={}", folder.join("data").display()),
        format!("--web.listen-address={address}"),
    ];
    let process = Process::spawn(installed("TEST_PROMETHEUS"), arguments, []);
    process
        .wait_for_line(TIMEOUT, |line| line.contains("Server is ready"))
        .await;
    assert!(TcpStream::connect(address).is_ok());
    (process, address)
}

/// Repeats a query until `wanted` accepts the values, and returns them as text.
async fn query(
    prometheus: SocketAddr,
    expression: &str,
    wanted: impl Fn(&[String]) -> bool,
) -> Vec<String> {
    let asking = async {
        loop {
            let answer = get(prometheus, &format!("/api/v1/query?query={expression}"));
            let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
            let found = answer["data"]["result"].as_array().unwrap().iter();
            let values: Vec<String> = found
                .map(|one| one["value"][1].as_str().unwrap().to_owned())
                .collect();
            if wanted(&values) {
                return values;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    let answered = tokio::time::timeout(TIMEOUT, asking).await;
    answered.unwrap_or_else(|_| panic!("{expression} never had these values"))
}

#[tokio::test]
async fn prometheus_scrapes_all_services_and_counts_their_calls_and_evaluates_the_rules() {
    let stack = Stack::start().await;
    let targets = ports(&stack.running.process);
    let folder = Folder::new();
    let (mut process, prometheus) = start(folder.root(), &targets).await;

    query(prometheus, "up", |up| up == ["1", "1", "1"]).await;
    query(prometheus, "tandem_ready", |ready| ready == ["1", "1", "1"]).await;
    // At this point standalone has created its demo account.
    let calls = "sum(tandem_rpc_handled_total{rpc_method=~%22.*SignUp%22,rpc_response_status_code=%22OK%22})";
    query(prometheus, calls, |calls| calls == ["1"]).await;

    let rules: serde_json::Value = serde_json::from_str(&get(prometheus, "/api/v1/rules")).unwrap();
    let groups = rules["data"]["groups"].as_array().unwrap();
    let rules: Vec<_> = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap())
        .collect();
    assert_eq!(rules.len(), alerts().len());
    let firing: Vec<_> = rules
        .iter()
        .filter(|rule| rule["state"] == "firing")
        .collect();
    assert!(firing.is_empty(), "{firing:?}");
    process.terminate();
    process.ended(TIMEOUT).await;
}
