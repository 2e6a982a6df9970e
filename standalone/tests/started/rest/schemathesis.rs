//! Requests that schemathesis makes out of the document: no answer is an error of the server or contradicts the document.

use std::time::Duration;

use super::curl::token;
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

/// The document cannot say everything that the services refuse: common passwords, domains that do not exist in Unicode, lengths after
/// normalization. So 422 is allowed for data that fits the document, and unknown credentials are 401.
const CONFIGURATION: &str = "
[checks.positive_data_acceptance]
expected-statuses = [\"2xx\", 401, 403, 404, 409, 422]
";

#[tokio::test]
async fn no_request_that_schemathesis_makes_breaks_the_contract() {
    let stack = Stack::start_with(&SETTINGS).await;
    let token = token(&stack, "a@example.com");
    let configuration = stack.folder.write("schemathesis.toml", CONFIGURATION);
    let url = format!("http://{}/openapi.json", stack.addresses().gateway);
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
    assert!(output.contains("Tested: 10\n"), "{output}");
}
