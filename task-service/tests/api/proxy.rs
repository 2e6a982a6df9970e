//! A TCP proxy that can stop forwarding, slow down, or break connections: the network between the two services.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    time::{MissedTickBehavior, interval},
};

/// Bytes that trickle through at once, and how often: 1.6 kB/s each way.
const DROP: usize = 16;
const DRIP: Duration = Duration::from_millis(10);

/// What the network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Forwards,
    /// A few bytes at a time.
    Trickles,
    /// Connections stay open, and nothing arrives.
    Swallows,
    /// Connections are closed, and new ones too.
    Breaks,
}

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    mode: watch::Sender<Mode>,
    target: watch::Sender<SocketAddr>,
}

impl Proxy {
    pub(crate) async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mode = watch::Sender::new(Mode::Forwards);
        let target = watch::Sender::new(target);
        tokio::spawn(accept(listener, target.subscribe(), mode.subscribe()));
        Self {
            address,
            mode,
            target,
        }
    }

    /// New connections go there from now on.
    pub(crate) fn lead_to(&self, target: SocketAddr) {
        self.target.send_replace(target);
    }

    pub(crate) fn forward(&self) {
        self.mode.send_replace(Mode::Forwards);
    }

    pub(crate) fn trickle(&self) {
        self.mode.send_replace(Mode::Trickles);
    }

    pub(crate) fn swallow(&self) {
        self.mode.send_replace(Mode::Swallows);
    }

    pub(crate) fn sever(&self) {
        self.mode.send_replace(Mode::Breaks);
    }
}

async fn accept(
    listener: TcpListener,
    target: watch::Receiver<SocketAddr>,
    mode: watch::Receiver<Mode>,
) {
    while let Ok((near, _)) = listener.accept().await {
        let target = *target.borrow();
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
        if deliver(&bytes[..count], &mut to, &mut mode).await.is_none() {
            return;
        }
    }
}

/// Writes as the mode allows; nothing when the connection is over.
async fn deliver(
    mut bytes: &[u8],
    to: &mut OwnedWriteHalf,
    mode: &mut watch::Receiver<Mode>,
) -> Option<()> {
    let mut drip = interval(DRIP);
    drip.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !bytes.is_empty() {
        let flows = |mode: &Mode| matches!(mode, Mode::Forwards | Mode::Trickles);
        let trickles = *mode.wait_for(flows).await.ok()? == Mode::Trickles;
        let now = if trickles { DROP } else { bytes.len() };
        if trickles {
            drip.tick().await;
        }
        let (now, later) = bytes.split_at(now.min(bytes.len()));
        to.write_all(now).await.ok()?;
        bytes = later;
    }
    Some(())
}
