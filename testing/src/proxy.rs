//! A network between a client and a PostgreSQL, which can hold packets back.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
};

/// A proxy that listens on TCP and forwards to a Unix socket.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    forwards: watch::Sender<bool>,
}

impl Proxy {
    /// A proxy to `socket`, on a free port.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn to(socket: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port is free");
        let address = listener.local_addr().expect("the listener is bound");
        let forwards = watch::Sender::new(true);
        tokio::spawn(accept(listener, socket.to_owned(), forwards.subscribe()));
        Self { address, forwards }
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on no byte arrives. Connections stay open, and new ones are accepted.
    pub fn hold_back(&self) {
        self.forwards.send_replace(false);
    }

    /// Bytes arrive again, also those that were held back, as after a TCP retransmission.
    pub fn forward(&self) {
        self.forwards.send_replace(true);
    }
}

async fn accept(listener: TcpListener, socket: PathBuf, forwards: watch::Receiver<bool>) {
    while let Ok((near, _)) = listener.accept().await {
        tokio::spawn(connection(near, socket.clone(), forwards.clone()));
    }
}

async fn connection(near: TcpStream, socket: PathBuf, forwards: watch::Receiver<bool>) {
    let Ok(far) = UnixStream::connect(socket).await else {
        return;
    };
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    tokio::select! {
        () = pump(near_read, far_write, forwards.clone()) => {}
        () = pump(far_read, near_write, forwards) => {}
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut forwards: watch::Receiver<bool>,
) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if forwards.wait_for(|forwards| *forwards).await.is_err()
            || to.write_all(&bytes[..count]).await.is_err()
        {
            return;
        }
    }
}
