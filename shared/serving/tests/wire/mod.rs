//! A server on a free port, and a client connected to it.

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::{
    service::Routes,
    transport::{Channel, Endpoint, Error, Server, server::TcpIncoming},
};

pub(crate) struct Served {
    pub(crate) channel: Channel,
    /// Begins a graceful stop.
    pub(crate) stop: CancellationToken,
    pub(crate) server: JoinHandle<Result<(), Error>>,
}

pub(crate) async fn serve(routes: Routes) -> Served {
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = incoming.local_addr().unwrap();
    let stop = CancellationToken::new();
    let server = Server::builder()
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming, stop.clone().cancelled_owned());
    let server = tokio::spawn(server);
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    Served {
        channel: endpoint.connect().await.unwrap(),
        stop,
        server,
    }
}
