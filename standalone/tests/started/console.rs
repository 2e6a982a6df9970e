//! The console in a real Chromium, against a started stack. The tests themselves are in `web/tests`: each file is one test here.

use std::time::Duration;

use testing::{Folder, Process};

use crate::{
    stack::Stack,
    tools::{end_of, installed, workspace},
};

/// How long all tests of a file may take, on a busy machine.
const FILE_TIMEOUT: Duration = Duration::from_mins(10);

/// The tests create many accounts from one address, and refresh all the time. A minute is the shortest life of a token.
const SETTINGS: [(&str, &str); 2] = [
    ("TANDEM_AUTH__ACCESS_TTL", "1m"),
    ("TANDEM_AUTH__THROTTLE__ADDRESS_BURST", "10000"),
];

/// Runs the tests of a file with Node.js. `address` is that of a gateway, if they need one.
async fn pass(file: &str, address: Option<String>) {
    let home = Folder::new();
    let screenshots = workspace().join("target/console");
    let mut variables = vec![
        ("HOME", home.text()),
        ("TMPDIR", home.text()),
        (
            "TEST_CHROMIUM",
            installed("TEST_CHROMIUM").display().to_string(),
        ),
        ("TEST_SCREENSHOTS", screenshots.display().to_string()),
    ];
    variables.extend(address.map(|address| ("TEST_CONSOLE", address)));
    let path = workspace().join("web/tests").join(file);
    let arguments = ["--test", path.to_str().expect("a path in UTF-8")];
    let node = Process::spawn(installed("TEST_NODE"), arguments, variables);
    let (code, output) = end_of(node, FILE_TIMEOUT).await;
    assert_eq!(code, Some(0), "{file}:\n{output}");
    // A file without tests succeeds too.
    assert!(
        output.contains("pass ") && !output.contains("pass 0"),
        "{output}"
    );
}

async fn pass_with_stack(file: &str) {
    let stack = Stack::start_with(&SETTINGS).await;
    pass(file, Some(format!("http://{}", stack.addresses().gateway))).await;
}

#[tokio::test]
async fn the_parts_of_the_console_and_the_size_of_its_first_load() {
    pass("unit.test.mjs", None).await;
}

#[tokio::test]
async fn a_person_works_with_tasks_in_the_console() {
    pass_with_stack("tasks.test.mjs").await;
}

#[tokio::test]
async fn the_session_of_the_console_survives_reloads_tabs_lost_answers_and_frozen_tabs() {
    pass_with_stack("sessions.test.mjs").await;
}

#[tokio::test]
async fn the_sdk_alone_works_in_chromium_over_connect_and_grpc_web() {
    pass_with_stack("transports.test.mjs").await;
}

#[tokio::test]
async fn every_page_of_the_console_is_accessible_and_can_be_used_with_the_keyboard_alone() {
    pass_with_stack("pages.test.mjs").await;
}
