//! Clients in JavaScript, against a started stack: the SDK for browsers, and connect-node.

use std::net::SocketAddr;

use testing::Folder;

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
async fn the_sdk_with_a_cookie_survives_reloads_lost_answers_erased_storage_and_detects_a_copy() {
    sdk("connect", "cookie").await;
}

#[tokio::test]
async fn the_sdk_with_a_cookie_works_over_grpc_web() {
    sdk("grpc-web", "cookie").await;
}

#[tokio::test]
async fn the_sdk_with_the_token_in_memory_lives_through_an_everyday_session() {
    sdk("connect", "memory").await;
}

#[tokio::test]
async fn the_sdk_with_the_token_in_memory_lives_through_an_everyday_session_over_grpc_web() {
    sdk("grpc-web", "memory").await;
}

#[tokio::test]
async fn connect_node_works_over_every_protocol_and_version_of_http() {
    let stack = Stack::start().await;
    let folder = Folder::new();
    let descriptors = format!("{}/descriptors.binpb", folder.text());
    let protos = workspace().join("proto");
    let build = ["build", protos.to_str().unwrap(), "-o", &descriptors];
    run(&installed("TEST_BUF"), &build, &[("HOME", &folder.text())]).stdout_of_success();
    let script = workspace().join("standalone/tests/clients/node/connect.mjs");
    let addresses = stack.addresses();
    let [gateway, auth, task] = [addresses.gateway, addresses.auth, addresses.task]
        .map(|address: SocketAddr| address.to_string());
    let packages = installed("TEST_CONNECT_NODE");
    let arguments = [
        script.to_str().unwrap(),
        packages.to_str().unwrap(),
        &descriptors,
        &gateway,
        &auth,
        &task,
    ];
    let output = run(&installed("TEST_NODE"), &arguments, &[]).stdout_of_success();
    // Over both versions of HTTP: Connect in JSON and binary, each with and without GET, and gRPC-web. And gRPC.
    assert_eq!(output.lines().count(), 11, "{output}");
}
