//! The SDK for browsers, against a started stack.

use crate::{
    stack::Stack,
    tools::{installed, run, workspace},
};

async fn sdk(transport: &str, refresh_token: &str) {
    let stack = Stack::start().await;
    let script = workspace().join("web/sdk/tests/live.mjs");
    let gateway = stack.addresses().gateway.to_string();
    let arguments = [script.to_str().unwrap(), &gateway, transport, refresh_token];
    let output = run(&installed("TEST_NODE"), &arguments, &[]).stdout_of_success();
    assert_eq!(output.trim(), "done");
}

#[tokio::test]
async fn the_sdk_with_the_token_in_memory_lives_through_an_everyday_session_over_grpc_web() {
    sdk("grpc-web", "memory").await;
}
