//! A collector of telemetry: it takes OTLP over gRPC, as the real one does, and keeps what it is sent.

use std::{collections::BTreeMap, fmt::Write as _, net::SocketAddr, time::Duration};

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

/// A span as it was received.
#[derive(Debug, Clone)]
pub struct SpanSeen {
    /// `service.name` of its resource.
    pub service: String,
    /// The other attributes of its resource.
    pub resource: BTreeMap<String, String>,
    /// Its name.
    pub name: String,
    /// Its kind, as OTLP numbers them: 1 internal, 2 server, 3 client.
    pub kind: i32,
    /// Its trace, in hexadecimal.
    pub trace_id: String,
    /// Itself, in hexadecimal.
    pub span_id: String,
    /// The span above it, in hexadecimal; empty for the first of a trace.
    pub parent_id: String,
    /// `tracestate`.
    pub state: String,
    /// Its attributes, as text.
    pub attributes: BTreeMap<String, String>,
    /// Whether its status is an error.
    pub failed: bool,
}

/// What has been received.
#[derive(Debug, Default)]
struct Received {
    spans: Vec<SpanSeen>,
    metrics: Vec<(String, String)>,
    /// All messages and their headers in words, for those who look for what must not be there.
    text: String,
}

/// A collector on a port of its own, until it is dropped.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    received: watch::Receiver<Received>,
    server: JoinHandle<()>,
}

impl Collector {
    /// Starts it.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a free port can be had");
        let address = listener.local_addr().expect("it is bound");
        let (keeping, received) = watch::channel(Received::default());
        let service = Receiver(std::sync::Arc::new(keeping));
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

    /// Its address, for `telemetry.otlp.endpoint`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The spans so far.
    #[must_use]
    pub fn spans(&self) -> Vec<SpanSeen> {
        self.received.borrow().spans.clone()
    }

    /// The metrics so far, each as often as it came: `service.name` of its resource, and its own name.
    #[must_use]
    pub fn metrics(&self) -> Vec<(String, String)> {
        self.received.borrow().metrics.clone()
    }

    /// All that was received, headers included, in words.
    #[must_use]
    pub fn text(&self) -> String {
        self.received.borrow().text.clone()
    }

    /// Waits until a span has come that `wanted` takes, and gives it.
    ///
    /// # Panics
    /// When none has, `within` this time.
    pub async fn span(&self, within: Duration, wanted: impl Fn(&SpanSeen) -> bool) -> SpanSeen {
        let mut received = self.received.clone();
        let come = received.wait_for(|received| received.spans.iter().any(&wanted));
        match tokio::time::timeout(within, come).await {
            Ok(Ok(received)) => {
                let found = received.spans.iter().find(|span| wanted(span));
                found.expect("one was just found").clone()
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
struct Receiver(std::sync::Arc<watch::Sender<Received>>);

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.send_modify(|received| {
            let _ = writeln!(received.text, "{request:?}");
            for of_resource in &request.get_ref().resource_spans {
                let resource = attributes(of_resource.resource.as_ref().map(of));
                let spans = of_resource.scope_spans.iter();
                let spans = spans.flat_map(|scope| &scope.spans);
                received
                    .spans
                    .extend(spans.map(|span| seen(span, &resource)));
            }
        });
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Receiver {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.0.send_modify(|received| {
            let _ = writeln!(received.text, "{request:?}");
            for of_resource in &request.get_ref().resource_metrics {
                let mut resource = attributes(of_resource.resource.as_ref().map(of));
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

fn of(resource: &Resource) -> &[KeyValue] {
    &resource.attributes
}

fn seen(span: &Span, resource: &BTreeMap<String, String>) -> SpanSeen {
    let mut resource = resource.clone();
    SpanSeen {
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

/// Takes connections and bytes, and never answers.
#[derive(Debug)]
pub struct Swallower {
    address: SocketAddr,
    connections: watch::Receiver<usize>,
}

impl Swallower {
    /// Starts one, on a thread of its own, for as long as the test runs.
    ///
    /// # Panics
    /// When no port can be had.
    #[must_use]
    pub fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port can be had");
        let address = listener.local_addr().expect("it is bound");
        let (sender, connections) = watch::channel(0);
        std::thread::spawn(move || {
            // Kept open, never read to an end.
            let mut open = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection can be taken");
                let mut copy = stream.try_clone().expect("a descriptor is left");
                std::thread::spawn(move || std::io::copy(&mut copy, &mut std::io::sink()));
                // HTTP/2 settings, so that the client takes this for a server.
                let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
                drop(std::io::Write::write_all(&mut stream, &settings));
                open.push(stream);
                sender.send_replace(open.len());
            }
        });
        Self {
            address,
            connections,
        }
    }

    /// Its address, for `telemetry.otlp.endpoint`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections it has taken.
    #[must_use]
    pub fn connections(&self) -> usize {
        *self.connections.borrow()
    }
}
