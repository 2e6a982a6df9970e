//! The metrics of the calls of a server.

use std::time::Duration;

use contract::proto::{
    auth::{SignInRequest, SignOutRequest, SignUpRequest},
    health::{HealthCheckRequest, health_client::HealthClient},
};
use serving::serve::ServerLimits;
use telemetry::metrics::Metrics;
use tonic::{Code, Request};

use crate::probe::{Served, limits, serve_counting};

const METHOD: &str = "rpc_method=\"tandem.auth.v1.AuthService";

async fn serve_with_metrics(limits: ServerLimits) -> (Served, Metrics) {
    let metrics = Metrics::of_service("probe", "0");
    (serve_counting(limits, &metrics).await, metrics)
}

/// The value of the series with this `name` and all of `labels`; `None` if there is no such series.
fn value(metrics: &Metrics, name: &str, labels: &[&str]) -> Option<f64> {
    let text = metrics.text();
    let mut series = text.lines().filter(|line| {
        line.starts_with(&format!("{name}{{")) && labels.iter().all(|label| line.contains(label))
    });
    let found = series.next()?;
    assert_eq!(series.next(), None, "more than one series matches");
    found.rsplit(' ').next()?.parse().ok()
}

fn handled(metrics: &Metrics, method: &str, code: &str) -> Option<f64> {
    let (method, code) = (
        format!("{METHOD}/{method}\""),
        format!("rpc_response_status_code=\"{code}\""),
    );
    value(metrics, "tandem_rpc_handled_total", &[&method, &code])
}

fn in_flight(metrics: &Metrics, method: &str) -> Option<f64> {
    value(
        metrics,
        "tandem_rpc_in_flight",
        &[&format!("{METHOD}/{method}\"")],
    )
}

fn refused(metrics: &Metrics, reason: &str) -> Option<f64> {
    value(
        metrics,
        "tandem_rpc_refused_total",
        &[&format!("reason=\"{reason}\"")],
    )
}

/// Waits until `condition` holds: the server counts a call after its client got the answer.
async fn until(condition: impl Fn() -> bool) {
    let met = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), met)
        .await
        .expect("the call is counted in time");
}

#[tokio::test]
async fn every_series_of_every_method_is_zero_before_the_first_call() {
    let (_served, metrics) = serve_with_metrics(limits()).await;
    for method in ["SignIn", "SignOut", "RefreshTokens"] {
        for code in [
            "OK",
            "INVALID_ARGUMENT",
            "UNAUTHENTICATED",
            "UNAVAILABLE",
            "INTERNAL",
            "CANCELLED",
        ] {
            assert_eq!(
                handled(&metrics, method, code),
                Some(0.0),
                "{method} {code}"
            );
        }
        assert_eq!(in_flight(&metrics, method), Some(0.0));
        let method = format!("{METHOD}/{method}\"");
        let labels = [
            method.as_str(),
            "rpc_response_status_code=\"OK\"",
            "rpc_system_name=\"grpc\"",
        ];
        assert_eq!(
            value(&metrics, "rpc_server_call_duration_seconds_count", &labels),
            Some(0.0)
        );
    }
    for reason in ["OVERLOADED", "TOKEN_INVALID", "DATABASE_UNAVAILABLE"] {
        assert_eq!(refused(&metrics, reason), Some(0.0), "{reason}");
    }
}

#[tokio::test]
async fn a_call_is_counted_by_method_code_and_reason() {
    let (mut served, metrics) = serve_with_metrics(limits()).await;
    served
        .client
        .sign_out(SignOutRequest::default())
        .await
        .unwrap();
    let failed = served
        .client
        .sign_up(SignUpRequest::default())
        .await
        .unwrap_err();
    assert_eq!(failed.code(), Code::Internal);
    until(|| handled(&metrics, "SignUp", "INTERNAL") == Some(1.0)).await;
    assert_eq!(handled(&metrics, "SignOut", "OK"), Some(1.0));
    assert_eq!(handled(&metrics, "SignUp", "OK"), Some(0.0));
    assert_eq!(refused(&metrics, "INTERNAL"), Some(1.0));
    assert_eq!(in_flight(&metrics, "SignUp"), Some(0.0));
    let labels = [
        &*format!("{METHOD}/SignUp\""),
        "rpc_response_status_code=\"INTERNAL\"",
    ];
    assert_eq!(
        value(&metrics, "rpc_server_call_duration_seconds_count", &labels),
        Some(1.0)
    );
}

#[tokio::test]
async fn a_call_is_in_flight_until_its_client_goes_away_and_then_counts_as_cancelled() {
    let (mut served, metrics) = serve_with_metrics(limits()).await;
    let mut client = served.client.clone();
    let call = tokio::spawn(async move { client.sign_in(SignInRequest::default()).await });
    served.sign_in_has_started().await;
    assert_eq!(in_flight(&metrics, "SignIn"), Some(1.0));
    call.abort();
    until(|| handled(&metrics, "SignIn", "CANCELLED") == Some(1.0)).await;
    assert_eq!(in_flight(&metrics, "SignIn"), Some(0.0));
    served
        .client
        .sign_out(SignOutRequest::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn calls_of_methods_that_are_not_served_share_one_series() {
    let (served, metrics) = serve_with_metrics(limits()).await;
    for path in ["/a/b", "/tandem.auth.v1.AuthService/Nothing", "/c"] {
        let mut grpc = tonic::client::Grpc::new(served.channel.clone());
        grpc.ready().await.unwrap();
        let codec = tonic_prost::ProstCodec::<SignInRequest, ()>::default();
        let path = http::uri::PathAndQuery::from_static(path);
        let refused = grpc
            .unary(Request::new(SignInRequest::default()), path, codec)
            .await;
        assert_eq!(refused.unwrap_err().code(), Code::Unimplemented);
    }
    let labels = [
        "rpc_method=\"_OTHER\"",
        "rpc_response_status_code=\"UNIMPLEMENTED\"",
    ];
    until(|| value(&metrics, "tandem_rpc_handled_total", &labels) == Some(3.0)).await;
    assert!(
        !metrics.text().contains("Nothing"),
        "the text of a client became a label"
    );
}

#[tokio::test]
async fn a_stream_is_in_flight_until_it_ends_and_counts_with_the_code_of_its_last_frame() {
    let (served, metrics) = serve_with_metrics(limits()).await;
    let watch = "rpc_method=\"grpc.health.v1.Health/Watch\"";
    let open = || value(&metrics, "tandem_rpc_in_flight", &[watch]);
    let ended = |code| value(&metrics, "tandem_rpc_handled_total", &[watch, code]);
    let mut health = HealthClient::new(served.channel.clone());
    let watching = health.watch(HealthCheckRequest::default()).await.unwrap();
    assert_eq!(open(), Some(1.0));
    drop(watching);
    until(|| ended("\"CANCELLED\"") == Some(1.0)).await;
    let mut watching = health
        .watch(HealthCheckRequest::default())
        .await
        .unwrap()
        .into_inner();
    served.stop.cancel();
    while watching.message().await.unwrap().is_some() {}
    until(|| ended("\"OK\"") == Some(1.0)).await;
    assert_eq!(open(), Some(0.0));
}

#[tokio::test]
async fn a_full_server_counts_the_calls_that_it_refuses() {
    let (mut served, metrics) = serve_with_metrics(ServerLimits {
        max_in_flight: 1,
        ..limits()
    })
    .await;
    let mut client = served.client.clone();
    let call = tokio::spawn(async move { client.sign_in(SignInRequest::default()).await });
    served.sign_in_has_started().await;
    let refusal = served
        .client
        .sign_out(SignOutRequest::default())
        .await
        .unwrap_err();
    testing::assert_refused(&refusal, Code::Unavailable, "OVERLOADED");
    until(|| refused(&metrics, "OVERLOADED") == Some(1.0)).await;
    served.release();
    call.await.unwrap().unwrap();
    let text = metrics.text();
    assert!(
        text.contains("tandem_connections_accepted_total 1"),
        "{text}"
    );
    assert!(text.contains("tandem_rpc_in_flight_limit 1"), "{text}");
}
