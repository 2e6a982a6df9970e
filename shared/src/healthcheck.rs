//! The command `healthcheck`: asks the process that runs with the same configuration whether it is ready, for images that have
//! no shell and no client.
//!
//! It goes where the process listens, or to loopback when that is every address. [`connect`] is the only place that opens a
//! connection.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use http::{Request, StatusCode, header::HOST};
use http_body_util::Empty;
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tonic::transport::Endpoint;
use tower::service_fn;

use crate::{
    health::READINESS,
    proto::health::{
        HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
    },
};

/// Why a process is not known to be ready. Every message is one line.
#[derive(Debug, thiserror::Error)]
pub enum Unhealthy {
    /// Port 0 lets the system choose, and only the running process knows what.
    #[error("the configured port is 0: nobody but the process knows where it listens")]
    AnyPort,
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

/// Asks a gRPC server that listens on `listen` for its readiness (`grpc.health.v1`).
///
/// # Errors
/// Any answer but `SERVING`, or none within the time.
pub async fn grpc(listen: SocketAddr, within: Duration) -> Result<(), Unhealthy> {
    let address = reachable(listen)?;
    in_time(address, within, ask_grpc(address)).await
}

/// Asks an HTTP server that listens on `listen` for `path`.
///
/// # Errors
/// Any answer but 200, or none within the time.
pub async fn http(listen: SocketAddr, path: &str, within: Duration) -> Result<(), Unhealthy> {
    let address = reachable(listen)?;
    in_time(address, within, ask_http(address, path)).await
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

async fn connect(address: SocketAddr) -> Result<TokioIo<TcpStream>, Unhealthy> {
    match TcpStream::connect(address).await {
        Ok(stream) => Ok(TokioIo::new(stream)),
        Err(source) => Err(Unhealthy::Unreachable { address, source }),
    }
}

async fn ask_grpc(address: SocketAddr) -> Result<(), Unhealthy> {
    // Made here and not by the channel, whose errors do not say why.
    let mut connection = Some(connect(address).await?);
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
    let question = HealthCheckRequest {
        service: READINESS.to_owned(),
    };
    match HealthClient::new(channel).check(question).await {
        Ok(answer) if answer.get_ref().status() == ServingStatus::Serving => Ok(()),
        Ok(answer) => Err(Unhealthy::NotReady {
            address,
            answer: answer.get_ref().status().as_str_name().to_owned(),
        }),
        Err(status) => Err(no_answer(format!("{:?}", status.code()))),
    }
}

async fn ask_http(address: SocketAddr, path: &str) -> Result<(), Unhealthy> {
    let no_answer = |error: hyper::Error| Unhealthy::NoAnswer {
        address,
        why: error.to_string(),
    };
    let connection = connect(address).await?;
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
