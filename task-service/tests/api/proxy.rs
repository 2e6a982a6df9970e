//! A TCP proxy that can stop forwarding, or break connections: the network between the two services.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

/// What the network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Forwards,
    /// Connections stay open, and nothing arrives.
    Swallows,
    /// Connections are closed, and new ones too.
    Breaks,
}

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    mode: watch::Sender<Mode>,
}

impl Proxy {
    pub(crate) async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mode = watch::Sender::new(Mode::Forwards);
        tokio::spawn(accept(listener, target, mode.subscribe()));
        Self { address, mode }
    }

    pub(crate) fn forward(&self) {
        self.mode.send_replace(Mode::Forwards);
    }

    pub(crate) fn swallow(&self) {
        self.mode.send_replace(Mode::Swallows);
    }

    pub(crate) fn sever(&self) {
        self.mode.send_replace(Mode::Breaks);
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, mode: watch::Receiver<Mode>) {
    while let Ok((near, _)) = listener.accept().await {
        tokio::spawn(connection(near, target, mode.clone()));
    }
}

async fn connection(near: TcpStream, target: SocketAddr, mode: watch::Receiver<Mode>) {
    let Ok(far) = TcpStream::connect(target).await else {
        return;
    };
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    let mut breaks = mode.clone();
    tokio::select! {
        _broken = breaks.wait_for(|mode| *mode == Mode::Breaks) => {}
        () = pump(near_read, far_write, mode.clone()) => {}
        () = pump(far_read, near_write, mode) => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut mode: watch::Receiver<Mode>) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if mode.wait_for(|mode| *mode == Mode::Forwards).await.is_err()
            || to.write_all(&bytes[..count]).await.is_err()
        {
            return;
        }
    }
}
