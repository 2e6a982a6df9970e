//! Requests that schemathesis makes out of the OpenAPI documents: no answer is an error of the server or contradicts its document.

use std::time::Duration;

use crate::{
    stack::Stack,
    tools::{end_of, installed},
};
use testing::Process;

/// It makes a thousand requests and more.
const TIMEOUT: Duration = Duration::from_mins(8);

/// Limits would refuse what the document allows; a hash of full cost takes long.
const SETTINGS: [(&str, &str); 6] = [
    ("TANDEM_AUTH__THROTTLE__ADDRESS_BURST", "1000000"),
    ("TANDEM_AUTH__THROTTLE__ACCOUNT_FAILURES", "1000000"),
    ("TANDEM_AUTH__THROTTLE__DEVICE_FAILURES", "1000000"),
    ("TANDEM_AUTH__THROTTLE__CONFIRMED_BURST", "1000000"),
    ("TANDEM_AUTH__HASH__MEMORY_KIB", "8"),
    ("TANDEM_AUTH__HASH__ITERATIONS", "1"),
];

/// The documents cannot say everything that the services refuse: common passwords, domains that do not exist in Unicode, lengths after
/// normalization, ids of nothing. So these refusals are allowed for data that fits a document, and `invalid`, which is 422 for REST and
/// 400 for Connect.
fn configuration(invalid: u16) -> String {
    format!(
        "[checks.positive_data_acceptance]\nexpected-statuses = [\"2xx\", 401, 403, 404, 409, {invalid}]\n"
    )
}

/// Sends what schemathesis makes out of the document at this path, with all its checks.
async fn assert_kept(document: &str, operations: u32, invalid: u16) {
    let stack = Stack::start_with(&SETTINGS).await;
    let token = stack.running.token();
    let configuration = stack
        .folder
        .write("schemathesis.toml", &configuration(invalid));
    let url = format!("http://{}{document}", stack.addresses().gateway);
    let bearer = format!("Authorization: Bearer {token}");
    let program = installed("TEST_PYTHON").with_file_name("schemathesis");
    let configuration = configuration.display().to_string();
    let arguments = [
        "--config-file",
        &configuration,
        "run",
        &url,
        "--header",
        &bearer,
        "--checks",
        "all",
        "--max-examples",
        "30",
        "--seed",
        "1",
        "--generation-database",
        "none",
        "--suppress-health-check",
        "all",
        "--no-color",
        "--continue-on-failure",
    ];
    let home = ("HOME", stack.folder.text());
    let process = Process::spawn(program, arguments, [home]);
    let (code, output) = end_of(process, TIMEOUT).await;
    assert_eq!(code, Some(0), "{output}");
    let tested = format!("Tested: {operations}");
    assert!(output.contains(&tested), "{output}");
}

#[tokio::test]
async fn no_request_that_schemathesis_makes_breaks_the_contract_of_rest() {
    assert_kept("/openapi.json", 10, 422).await;
}

#[tokio::test]
async fn no_request_that_schemathesis_makes_breaks_the_contract_of_connect() {
    assert_kept("/connect/openapi.json", 28, 400).await;
}
