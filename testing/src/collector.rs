//! A collector of telemetry: it accepts OTLP over gRPC, as the real one does, and keeps what it receives.

use std::{collections::BTreeMap, fmt::Write as _, net::SocketAddr, sync::Arc, time::Duration};

use opentelemetry_proto::tonic::{
    collector::{
        metrics::v1::{
            ExportMetricsServiceRequest, ExportMetricsServiceResponse,
            metrics_service_server::{MetricsService, MetricsServiceServer},
        },
        trace::v1::{
            ExportTraceServiceRequest, ExportTraceServiceResponse,
            trace_service_server::{TraceService, TraceServiceServer},
        },
    },
    common::v1::{KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{Span, status::StatusCode},
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tonic::{
    Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};

/// A span that the collector has received.
#[derive(Debug, Clone)]
pub struct ReceivedSpan {
    /// `service.name` of its resource.
    pub service: String,
    /// The other attributes of its resource.
    pub resource: BTreeMap<String, String>,
    /// Its name.
    pub name: String,
    /// Its kind, with the numbers of OTLP: 1 internal, 2 server, 3 client.
    pub kind: i32,
    /// The id of its trace, in hexadecimal.
    pub trace_id: String,
    /// Its own id, in hexadecimal.
    pub span_id: String,
    /// The id of its parent span, in hexadecimal. Empty for the first span of a trace.
    pub parent_id: String,
    /// `tracestate`.
    pub state: String,
    /// Its attributes, as text.
    pub attributes: BTreeMap<String, String>,
    /// Whether its status is an error.
    pub failed: bool,
}

/// What the collector has received.
#[derive(Debug, Default)]
struct Received {
    spans: Vec<ReceivedSpan>,
    metrics: Vec<(String, String)>,
    /// All messages and their headers as text, for tests that search for what must not be there.
    text: String,
}

/// A collector on a free port. It stops when it is dropped.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    received: watch::Receiver<Received>,
    server: JoinHandle<()>,
}

impl Collector {
    /// Starts it on a free port.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port is free");
        let address = listener.local_addr().expect("the listener is bound");
        let (sender, received) = watch::channel(Received::default());
        let service = ExportService(Arc::new(sender));
        let serving = Server::builder()
            .add_service(TraceServiceServer::new(service.clone()))
            .add_service(MetricsServiceServer::new(service))
            .serve_with_incoming(TcpIncoming::from(listener));
        let server = tokio::spawn(async move {
            serving.await.expect("the collector serves");
        });
        Self {
            address,
            received,
            server,
        }
    }

    /// Its address, for the setting `telemetry.otlp.endpoint`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The spans received so far.
    #[must_use]
    pub fn spans(&self) -> Vec<ReceivedSpan> {
        self.received.borrow().spans.clone()
    }

    /// The metrics received so far, in the order of their arrival: `service.name` of the resource, and the metric's name. A metric is
    /// listed once for each time it was received.
    #[must_use]
    pub fn metrics(&self) -> Vec<(String, String)> {
        self.received.borrow().metrics.clone()
    }

    /// Everything received so far, headers included, as text.
    #[must_use]
    pub fn text(&self) -> String {
        self.received.borrow().text.clone()
    }

    /// Waits for a span that matches `wanted`, and returns it.
    ///
    /// # Panics
    /// When there is none after the time `within`.
    pub async fn span(
        &self,
        within: Duration,
        wanted: impl Fn(&ReceivedSpan) -> bool,
    ) -> ReceivedSpan {
        let mut received = self.received.clone();
        let arrival = received.wait_for(|received| received.spans.iter().any(&wanted));
        match tokio::time::timeout(within, arrival).await {
            Ok(Ok(received)) => {
                let found = received.spans.iter().find(|span| wanted(span));
                found.expect("the span was just found").clone()
            }
            _ => panic!("no such span within {within:?}: {:#?}", self.spans()),
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[derive(Clone)]
struct ExportService(Arc<watch::Sender<Received>>);

#[tonic::async_trait]
impl TraceService for ExportService {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.send_modify(|received| {
            let _ = writeln!(received.text, "{request:?}");
            for of_resource in &request.get_ref().resource_spans {
                let resource = attributes(of_resource.resource.as_ref().map(attributes_of));
                let spans = of_resource.scope_spans.iter();
                let spans = spans.flat_map(|scope| &scope.spans);
                received
                    .spans
                    .extend(spans.map(|span| received_span(span, &resource)));
            }
        });
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for ExportService {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.0.send_modify(|received| {
            let _ = writeln!(received.text, "{request:?}");
            for of_resource in &request.get_ref().resource_metrics {
                let mut resource = attributes(of_resource.resource.as_ref().map(attributes_of));
                let service = resource.remove("service.name").unwrap_or_default();
                let metrics = of_resource.scope_metrics.iter();
                let metrics = metrics.flat_map(|scope| &scope.metrics);
                let metrics = metrics.map(|metric| (service.clone(), metric.name.clone()));
                received.metrics.extend(metrics);
            }
        });
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

fn attributes_of(resource: &Resource) -> &[KeyValue] {
    &resource.attributes
}

fn received_span(span: &Span, resource: &BTreeMap<String, String>) -> ReceivedSpan {
    let mut resource = resource.clone();
    ReceivedSpan {
        service: resource.remove("service.name").unwrap_or_default(),
        resource,
        name: span.name.clone(),
        kind: span.kind,
        trace_id: hexadecimal(&span.trace_id),
        span_id: hexadecimal(&span.span_id),
        parent_id: hexadecimal(&span.parent_span_id),
        state: span.trace_state.clone(),
        attributes: attributes(Some(&span.attributes)),
        failed: span
            .status
            .as_ref()
            .is_some_and(|status| status.code() == StatusCode::Error),
    }
}

fn attributes(sent: Option<&[KeyValue]>) -> BTreeMap<String, String> {
    let sent = sent.unwrap_or_default().iter();
    let text = |value: &KeyValue| match value.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        Value::DoubleValue(number) => Some(number.to_string()),
        other => Some(format!("{other:?}")),
    };
    sent.map(|pair| (pair.key.clone(), text(pair).unwrap_or_default()))
        .collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
