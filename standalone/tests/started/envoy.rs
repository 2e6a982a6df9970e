//! A real Envoy with configurations that are shipped.

use std::{path::Path, time::Duration};

use testing::{Folder, Process};

use crate::{
    proxy::shipped,
    tools::{installed, run},
};

const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A running Envoy.
pub(crate) struct Envoy {
    _process: Process,
    _folder: Folder,
    pub(crate) port: u16,
}

impl Envoy {
    /// Starts with a shipped file, of which only these texts are replaced. The first one has its port.
    pub(crate) async fn start(file: &str, replacements: &[(&str, String)]) -> Self {
        let folder = Folder::new();
        let configuration = shipped(file, replacements);
        let path = folder.write("envoy.yaml", &configuration);
        let arguments = [
            "--config-path",
            path.to_str().unwrap(),
            "--concurrency",
            "1",
            "--disable-hot-restart",
        ];
        let process = Process::spawn(installed("TEST_ENVOY"), arguments, []);
        let ready = |line: &str| line.contains("starting workers");
        process.wait_for_line(START_TIMEOUT, ready).await;
        let (_text, port) = replacements[0].1.rsplit_once(' ').unwrap();
        Self {
            _process: process,
            _folder: folder,
            port: port.parse().unwrap(),
        }
    }

    /// What it does with a request that has this token: it passes it on, or refuses it.
    pub(crate) fn check(&self, token: &str) -> Result<String, String> {
        let authorization = format!("authorization: Bearer {token}");
        let url = format!("http://127.0.0.1:{}/", self.port);
        let status = ["curl", "--silent", "--write-out", "\n%{http_code}"];
        let arguments = [&status[..], &["--header", &authorization, &url]].concat();
        let answer = run(Path::new("/usr/bin/env"), &arguments, &[]).stdout_of_success();
        let (body, status) = answer.rsplit_once('\n').unwrap();
        match status {
            "200" => Ok(String::new()),
            "401" | "403" => Err(body.to_owned()),
            _ => panic!("{status}: {body}"),
        }
    }
}
