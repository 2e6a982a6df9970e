//! The metrics that running services expose at `/metrics`.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use testing::Process;

/// A series, without its value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
}

/// All series of one service.
#[derive(Debug)]
pub(crate) struct Scrape {
    /// `auth`, `task` or `gateway`.
    pub(crate) service: String,
    pub(crate) series: BTreeSet<Series>,
}

/// The addresses of the operations ports that a process has logged.
pub(crate) fn ports(process: &Process) -> Vec<SocketAddr> {
    let output = process.output();
    let lines = output
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    lines
        .filter(|line| line["message"] == "operations port")
        .map(|line| line["at"].as_str().unwrap().parse().unwrap())
        .collect()
}

/// The body of the answer to a GET, whose status must be 200. HTTP/1.0 is used, since its answers are not chunked.
pub(crate) fn get(address: SocketAddr, path: &str) -> String {
    get_with(address, path, "accept: */*")
}

/// The same, with a header.
pub(crate) fn get_with(address: SocketAddr, path: &str, header: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request =
        format!("GET {path} HTTP/1.0\r\nhost: {address}\r\nconnection: close\r\n{header}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(head.split(' ').nth(1), Some("200"), "{path}: {answer}");
    body.to_owned()
}

/// The series of every service of a process.
pub(crate) fn scrape(process: &Process) -> Vec<Scrape> {
    ports(process)
        .into_iter()
        .map(|port| Scrape::read(&get(port, "/metrics")))
        .collect()
}

impl Scrape {
    fn read(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let series: BTreeSet<Series> = lines.map(read_series).collect();
        let build = series
            .iter()
            .find(|series| series.name == "tandem_build_info")
            .unwrap();
        let service = build.labels["service"]
            .strip_prefix("tandem-")
            .unwrap()
            .to_owned();
        Self { service, series }
    }
}

/// Reads `name{label="value"} 1`. No value of our labels has a quote or a brace.
fn read_series(line: &str) -> Series {
    let (name, rest) = line.split_at(line.find(['{', ' ']).unwrap());
    let labels = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
    let labels = labels.map_or("", |(labels, _value)| labels);
    let pair = |pair: &str| {
        let (label, value) = pair.split_once("=\"").unwrap();
        (label.to_owned(), value.to_owned())
    };
    let pairs = labels.split("\",").map(|pair| pair.trim_end_matches('"'));
    Series {
        name: name.to_owned(),
        labels: pairs.filter(|text| !text.is_empty()).map(pair).collect(),
    }
}
