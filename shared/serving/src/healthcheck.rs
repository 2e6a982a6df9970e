//! The command `healthcheck`: asks the process that runs with the same configuration whether it is ready, for images that have
//! no shell and no client.
//!
//! It goes where the process listens, or to loopback when that is every address, and speaks TLS when the process does: that must
//! show the certificate which the configuration names. A process that asks its clients for certificates is asked on its
//! operations port instead. [`connect`] is the only place that opens a connection.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    time::Duration,
};

use http::{Request, StatusCode, header::HOST};
use http_body_util::Empty;
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tonic::transport::Endpoint;
use tower::service_fn;

use crate::{health::check_readiness, ops};
use contract::proto::health::health_check_response::ServingStatus;
use tls::ServerTls;

/// Why a process is not known to be ready. Every message is one line.
#[derive(Debug, thiserror::Error)]
pub enum Unhealthy {
    /// Port 0 lets the system choose, and only the running process knows what.
    #[error("the configured port is 0: nobody but the process knows where it listens")]
    AnyPort,
    /// It has no certificate to show to a process that asks for one, and there is no operations port.
    #[error(
        "clients must show a certificate, and there is no operations port (ops.listen) to ask instead"
    )]
    NoWay,
    /// Nobody listens there, or the system does not let us.
    #[error("{address} cannot be reached: {source}")]
    Unreachable {
        /// Who was to be asked.
        address: SocketAddr,
        /// Why that was not possible.
        source: io::Error,
    },
    /// It says that it is not.
    #[error("{address} is not ready: {answer}")]
    NotReady {
        /// Who was asked.
        address: SocketAddr,
        /// What it said.
        answer: String,
    },
    /// It said nothing that makes sense.
    #[error("{address} gave no answer: {why}")]
    NoAnswer {
        /// Who was asked.
        address: SocketAddr,
        /// What went wrong.
        why: String,
    },
    /// It did not answer in time.
    #[error("{address} gave no answer within {within:?}")]
    TooLate {
        /// Who was asked.
        address: SocketAddr,
        /// How long it was waited for.
        within: Duration,
    },
}

/// A process to ask: where it listens, how it speaks there, and its operations port.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Where calls come in.
    pub listen: SocketAddr,
    /// The TLS of that; none is plaintext.
    pub tls: Option<ServerTls>,
    /// Its operations port, which is never encrypted.
    pub ops: ops::Settings,
}

impl Asked {
    /// Asks a gRPC server for its readiness (`grpc.health.v1`), which the operations port tells just so.
    ///
    /// # Errors
    /// Any answer but `SERVING`, or none within the time.
    pub async fn grpc(&self, within: Duration) -> Result<(), Unhealthy> {
        let (listen, tls, _) = self.way()?;
        let address = reachable(listen)?;
        in_time(address, within, ask_grpc(address, tls)).await
    }

    /// Asks an HTTP server for `path`, or its operations port for `/readyz`.
    ///
    /// # Errors
    /// Any answer but 200, or none within the time.
    pub async fn http(&self, path: &str, within: Duration) -> Result<(), Unhealthy> {
        let (listen, tls, is_ops) = self.way()?;
        let address = reachable(listen)?;
        let path = if is_ops { ops::READYZ } else { path };
        in_time(address, within, ask_http(address, tls, path)).await
    }

    /// Where to ask, how to speak, and whether that is the operations port.
    fn way(&self) -> Result<(SocketAddr, Option<&ServerTls>, bool), Unhealthy> {
        let tls = self.tls.as_ref();
        if tls.is_some_and(ServerTls::asks_for_certificates) {
            let ops = self.ops.listen.ok_or(Unhealthy::NoWay)?;
            return Ok((ops, None, true));
        }
        Ok((self.listen, tls, false))
    }
}

/// Where to connect to reach a server that listens on `listen`.
fn reachable(listen: SocketAddr) -> Result<SocketAddr, Unhealthy> {
    if listen.port() == 0 {
        return Err(Unhealthy::AnyPort);
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
    answered.unwrap_or(Err(Unhealthy::TooLate { address, within }))
}

/// A connection, with TLS or without.
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
    let encrypted = tls.reach(stream, protocol).await;
    let encrypted = encrypted.map_err(|error| Unhealthy::NoAnswer {
        address,
        why: error.to_string(),
    })?;
    Ok(TokioIo::new(Box::pin(encrypted)))
}

async fn ask_grpc(address: SocketAddr, tls: Option<&ServerTls>) -> Result<(), Unhealthy> {
    // Made here and not by the channel, whose errors do not say why.
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

async fn ask_http(
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
    let question = Request::get(path)
        .header(HOST, address.to_string())
        .body(Empty::<Bytes>::new())
        .expect("a path of ours and an address make a request");
    let answer = requests.send_request(question).await.map_err(no_answer)?;
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
    fn a_server_on_every_address_is_asked_on_loopback() {
        for (listens, asked) in [
            ("0.0.0.0:50051", "127.0.0.1:50051"),
            ("[::]:50051", "[::1]:50051"),
            ("10.1.2.3:9", "10.1.2.3:9"),
        ] {
            let address = reachable(listens.parse().unwrap()).unwrap();
            assert_eq!(address.to_string(), asked);
        }
        let unknown = reachable("127.0.0.1:0".parse().unwrap());
        assert!(matches!(unknown, Err(Unhealthy::AnyPort)), "{unknown:?}");
    }
}
