//! Requests that are not calls in the Connect protocol, and refusals of the gateway.

use http::Method;

use crate::{
    client,
    connect_client::{self, JSON, assert_error, call},
    gateway, gateway_to,
    service::{self, CREATE, Event, GET, LIST, SIGN_OUT},
};

#[tokio::test]
async fn a_timeout_is_a_positive_number_of_at_most_ten_digits() {
    let (service, _events) = service::start().await;
    let gateway = gateway_to(service).await;
    for wrong in ["0", "-1", "1e3", "12345678901", "", "1.5", "+1", " ", "1m"] {
        let headers = [("connect-timeout-ms", wrong)];
        let answer = call(gateway.address, SIGN_OUT, JSON, &headers, "{}").await;
        let details = assert_error(&answer, 400, "invalid_argument", "REQUEST_MALFORMED");
        let violations = &details.bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, "connect-timeout-ms", "{wrong}");
    }
    let headers = [("connect-timeout-ms", "9999999999")];
    let answer = call(gateway.address, SIGN_OUT, JSON, &headers, "{}").await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn the_protocol_version_may_be_left_out_but_not_be_another() {
    let (service, _events) = service::start().await;
    let gateway = gateway_to(service).await;
    for (version, status) in [("1", 200), ("2", 400), ("", 400)] {
        let headers = [("connect-protocol-version", version)];
        let answer = call(gateway.address, SIGN_OUT, JSON, &headers, "{}").await;
        assert_eq!(answer.status, status, "{version}");
    }
}

#[tokio::test]
async fn a_request_that_does_not_fit_is_refused_with_the_path_of_the_field() {
    let (service, mut events) = service::start().await;
    let gateway = gateway_to(service).await;
    let answer = connect_client::json(gateway.address, CREATE, r#"{"task":{"titel":"a"}}"#).await;
    let details = assert_error(&answer, 400, "invalid_argument", "FIELD_INVALID");
    answer.assert_request_id_in(&details);
    let violation = &details.bad_request().unwrap().field_violations[0];
    assert_eq!(
        (&*violation.field, &*violation.reason),
        ("task.titel", "UNKNOWN_FIELD")
    );
    assert!(events.try_recv().is_err(), "the service was not called");
}

#[tokio::test]
async fn another_type_or_method_gets_no_body_and_what_is_allowed() {
    let (service, _events) = service::start().await;
    let gateway = gateway_to(service).await;
    for content_type in [
        "text/plain",
        "application/xml",
        "application/connect+json",
        "application/jsonx",
        "",
    ] {
        let answer = call(gateway.address, CREATE, content_type, &[], "{}").await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.body),
            (415, b"".as_slice()),
            "{content_type}"
        );
        assert!(answer.header("accept-post").contains("application/json"));
    }
    for (method, path, allow) in [
        (Method::GET, CREATE, "POST"),
        (Method::PUT, CREATE, "POST"),
        (Method::HEAD, GET, "GET, POST"),
        (Method::DELETE, GET, "GET, POST"),
    ] {
        let request = client::request(method.clone(), path, &[], "");
        let answer = client::send(gateway.address, request).await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.body),
            (405, b"".as_slice()),
            "{method}"
        );
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
    }
}

#[tokio::test]
async fn parameters_and_case_of_the_content_type_do_not_matter() {
    let (service, _events) = service::start().await;
    let gateway = gateway_to(service).await;
    let answer = call(
        gateway.address,
        CREATE,
        "Application/JSON; charset=UTF-8",
        &[],
        "{}",
    )
    .await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-type")),
        (200, JSON)
    );
}

#[tokio::test]
async fn an_unknown_or_internal_rpc_is_not_found() {
    let (service, _events) = service::start().await;
    let gateway = gateway_to(service).await;
    for path in [
        "/tandem.task.v1.TaskService/Unknown",
        "/tandem.task.v1.Unknown/GetTask",
        "/tandem.auth.v1.AdminService/ListAccounts",
    ] {
        let answer = connect_client::json(gateway.address, path, "{}").await;
        assert_error(&answer, 404, "unimplemented", "METHOD_UNKNOWN");
    }
}

#[tokio::test]
async fn refusals_of_the_gateway_are_connect_errors() {
    let (service, mut events) = service::start().await;
    let gateway = gateway(service, service, |config| config.calls.max_in_flight = 1).await;
    let request = client::request(Method::POST, LIST, &[("content-type", JSON)], "{}");
    let first = tokio::spawn(client::send_alone(gateway.address, request));
    assert!(matches!(events.recv().await, Some(Event::Call(_))));
    let answer = connect_client::json(gateway.address, SIGN_OUT, "{}").await;
    let details = assert_error(&answer, 503, "unavailable", "OVERLOADED");
    assert!(details.retry_info().is_some());
    first.abort();
}

#[tokio::test]
async fn a_wrong_host_is_refused_as_a_connect_error() {
    let (service, _events) = service::start().await;
    let gateway = gateway_to(service).await;
    let headers = [("content-type", JSON), ("host", "another.test")];
    let request = client::request(Method::POST, SIGN_OUT, &headers, "{}");
    let answer = client::send(gateway.address, request).await;
    let details = assert_error(&answer, 400, "invalid_argument", "REQUEST_MALFORMED");
    assert_eq!(
        details.bad_request().unwrap().field_violations[0].field,
        "host"
    );
    answer.assert_request_id_in(&details);
    assert_eq!(answer.header("connection"), "close");
}
