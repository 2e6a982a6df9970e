//! The command `healthcheck`: checks whether the process that runs with the same configuration is ready. It is for images that
//! have no shell and no client.
//!
//! It connects to the address on which the process listens, or to loopback when that is every address. It uses TLS when the
//! process does; the process must then show the certificate of the configuration. When the process requires certificates of its
//! clients, the check goes to its operations port instead. Only [`connect`] opens a connection.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    time::Duration,
};

use contract::proto::health::health_check_response::ServingStatus;
use http::{Request, StatusCode, header::HOST};
use http_body_util::Empty;
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use tls::ServerTls;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tonic::transport::Endpoint;
use tower::service_fn;

use crate::{health::check_readiness, ops};

/// Why a process is not ready, or why its readiness could not be checked. Every message is one line.
#[derive(Debug, thiserror::Error)]
pub enum Unhealthy {
    /// With port 0 the system chooses the port, and only the running process knows which.
    #[error("the configured port is 0: only the process itself knows its port")]
    UnknownPort,
    /// The process requires certificates of its clients, this command has none, and there is no operations port.
    #[error(
        "clients must show a certificate, and there is no operations port (ops.listen) to check instead"
    )]
    NoOpsPort,
    /// Nothing listens there, or the system refuses the connection.
    #[error("{address} cannot be reached: {source}")]
    Unreachable {
        /// The address of the process.
        address: SocketAddr,
        /// Why it cannot be reached.
        source: io::Error,
    },
    /// The process answered that it is not ready.
    #[error("{address} is not ready: {answer}")]
    NotReady {
        /// The address of the process.
        address: SocketAddr,
        /// Its answer.
        answer: String,
    },
    /// The process gave no valid answer.
    #[error("{address} gave no answer: {why}")]
    NoAnswer {
        /// The address of the process.
        address: SocketAddr,
        /// What went wrong.
        why: String,
    },
    /// The process did not answer in time.
    #[error("{address} gave no answer within {within:?}")]
    TimedOut {
        /// The address of the process.
        address: SocketAddr,
        /// The time it had.
        within: Duration,
    },
}

/// The process to check: its address, its TLS and its operations port.
#[derive(Debug, Clone)]
pub struct HealthcheckTarget {
    /// The address on which it listens for calls.
    pub listen: SocketAddr,
    /// The TLS of that listener; `None` for plaintext.
    pub tls: Option<ServerTls>,
    /// Its operations port, which never uses TLS.
    pub ops: ops::OpsSettings,
}

impl HealthcheckTarget {
    /// Checks the readiness of a gRPC server (`grpc.health.v1`), on its operations port if need be: both answer alike.
    ///
    /// # Errors
    /// Any other answer than `SERVING`, or none within `within`.
    pub async fn grpc(&self, within: Duration) -> Result<(), Unhealthy> {
        let (listen, tls, _) = self.route()?;
        let address = connect_address(listen)?;
        in_time(address, within, check_grpc(address, tls)).await
    }

    /// Checks that an HTTP server answers 200 at `path`, or its operations port at `/readyz`.
    ///
    /// # Errors
    /// Any other answer than 200, or none within `within`.
    pub async fn http(&self, path: &str, within: Duration) -> Result<(), Unhealthy> {
        let (listen, tls, is_ops) = self.route()?;
        let address = connect_address(listen)?;
        let path = if is_ops { ops::READYZ } else { path };
        in_time(address, within, check_http(address, tls, path)).await
    }

    /// The address to connect to, the TLS to use, and whether that is the operations port.
    fn route(&self) -> Result<(SocketAddr, Option<&ServerTls>, bool), Unhealthy> {
        let tls = self.tls.as_ref();
        if tls.is_some_and(ServerTls::requires_client_certificates) {
            let ops = self.ops.listen.ok_or(Unhealthy::NoOpsPort)?;
            return Ok((ops, None, true));
        }
        Ok((self.listen, tls, false))
    }
}

/// The address at which a server that listens on `listen` can be reached.
fn connect_address(listen: SocketAddr) -> Result<SocketAddr, Unhealthy> {
    if listen.port() == 0 {
        return Err(Unhealthy::UnknownPort);
    }
    let host = match listen.ip() {
        IpAddr::V4(host) if host.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(host) if host.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        host => host,
    };
    Ok(SocketAddr::new(host, listen.port()))
}

async fn in_time(
    address: SocketAddr,
    within: Duration,
    answer: impl Future<Output = Result<(), Unhealthy>>,
) -> Result<(), Unhealthy> {
    let answered = tokio::time::timeout(within, answer).await;
    answered.unwrap_or(Err(Unhealthy::TimedOut { address, within }))
}

/// A connection with or without TLS.
type Transport = TokioIo<Pin<Box<dyn ReadWrite>>>;

trait ReadWrite: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> ReadWrite for T {}

async fn connect(
    address: SocketAddr,
    tls: Option<&ServerTls>,
    protocol: &[u8],
) -> Result<Transport, Unhealthy> {
    let stream = TcpStream::connect(address).await;
    let stream = stream.map_err(|source| Unhealthy::Unreachable { address, source })?;
    let Some(tls) = tls else {
        return Ok(TokioIo::new(Box::pin(stream)));
    };
    let encrypted = tls.connect_locally(stream, protocol).await;
    let encrypted = encrypted.map_err(|error| Unhealthy::NoAnswer {
        address,
        why: error.to_string(),
    })?;
    Ok(TokioIo::new(Box::pin(encrypted)))
}

async fn check_grpc(address: SocketAddr, tls: Option<&ServerTls>) -> Result<(), Unhealthy> {
    // Opened here and not by the channel, whose errors do not give the cause.
    let mut connection = Some(connect(address, tls, b"h2").await?);
    let once = service_fn(move |_| {
        let connection = connection.take();
        async { connection.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected)) }
    });
    let endpoint = Endpoint::from_shared(format!("http://{address}"))
        .expect("an address is a valid authority");
    let no_answer = |why: String| Unhealthy::NoAnswer { address, why };
    let channel = endpoint
        .connect_with_connector(once)
        .await
        .map_err(|error| no_answer(error.to_string()))?;
    match check_readiness(channel).await {
        Ok(ServingStatus::Serving) => Ok(()),
        Ok(status) => Err(Unhealthy::NotReady {
            address,
            answer: status.as_str_name().to_owned(),
        }),
        Err(status) => Err(no_answer(format!("{:?}", status.code()))),
    }
}

async fn check_http(
    address: SocketAddr,
    tls: Option<&ServerTls>,
    path: &str,
) -> Result<(), Unhealthy> {
    let no_answer = |error: hyper::Error| Unhealthy::NoAnswer {
        address,
        why: error.to_string(),
    };
    let connection = connect(address, tls, b"http/1.1").await?;
    let (mut requests, driver) = http1::handshake(connection).await.map_err(no_answer)?;
    tokio::spawn(driver);
    let request = Request::get(path)
        .header(HOST, address.to_string())
        .body(Empty::<Bytes>::new())
        .expect("a constant path and an address make a valid request");
    let answer = requests.send_request(request).await.map_err(no_answer)?;
    match answer.status() {
        StatusCode::OK => Ok(()),
        status => Err(Unhealthy::NotReady {
            address,
            answer: status.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_listens_on_every_address_is_checked_on_loopback() {
        for (listen, expected) in [
            ("0.0.0.0:50051", "127.0.0.1:50051"),
            ("[::]:50051", "[::1]:50051"),
            ("10.1.2.3:9", "10.1.2.3:9"),
        ] {
            let address = connect_address(listen.parse().unwrap()).unwrap();
            assert_eq!(address.to_string(), expected);
        }
        let unknown = connect_address("127.0.0.1:0".parse().unwrap());
        assert!(
            matches!(unknown, Err(Unhealthy::UnknownPort)),
            "{unknown:?}"
        );
    }
}
