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

/// Which bytes arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passes {
    All,
    /// Those of connections that were made before.
    OnOldConnections,
    None,
}

/// A proxy that listens on TCP and forwards to a Unix socket.
#[derive(Debug)]
pub struct PostgresProxy {
    address: SocketAddr,
    passes: watch::Sender<Passes>,
}

impl PostgresProxy {
    /// A proxy to `socket`, on a free port.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn to(socket: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port is free");
        let address = listener.local_addr().expect("the listener is bound");
        let passes = watch::Sender::new(Passes::All);
        tokio::spawn(accept(listener, socket.to_owned(), passes.subscribe()));
        Self { address, passes }
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on no byte arrives. Connections stay open, and new ones are accepted.
    pub fn hold_back(&self) {
        self.passes.send_replace(Passes::None);
    }

    /// From now on no byte arrives on connections that are made from now on. Those that are there work.
    pub fn hold_back_new_connections(&self) {
        self.passes.send_replace(Passes::OnOldConnections);
    }

    /// Bytes arrive again, also those that were held back, as after a TCP retransmission.
    pub fn forward(&self) {
        self.passes.send_replace(Passes::All);
    }
}

async fn accept(listener: TcpListener, socket: PathBuf, passes: watch::Receiver<Passes>) {
    while let Ok((near, _)) = listener.accept().await {
        tokio::spawn(connection(near, socket.clone(), passes.clone()));
    }
}

async fn connection(near: TcpStream, socket: PathBuf, passes: watch::Receiver<Passes>) {
    let old = *passes.borrow() == Passes::All;
    let Ok(far) = UnixStream::connect(socket).await else {
        return;
    };
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    tokio::select! {
        () = pump(near_read, far_write, passes.clone(), old) => {}
        () = pump(far_read, near_write, passes, old) => {}
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut passes: watch::Receiver<Passes>,
    old: bool,
) {
    let mut bytes = vec![0; 16 * 1024];
    let arrives = |passes: &Passes| match passes {
        Passes::All => true,
        Passes::OnOldConnections => old,
        Passes::None => false,
    };
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if passes.wait_for(arrives).await.is_err() || to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
