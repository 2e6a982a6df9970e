//! A TCP proxy that can slow down, stall or break connections: the network between the two services.

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

/// The bytes in one slow write, and the time between two: 1.6 kB/s in each direction.
const SLOW_WRITE_BYTES: usize = 16;
const SLOW_WRITE_INTERVAL: Duration = Duration::from_millis(10);

/// The state of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Forward,
    /// Only a few bytes at a time arrive.
    Slow,
    /// Connections stay open, but nothing arrives.
    Stalled,
    /// Open and new connections are closed.
    Broken,
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
        let mode = watch::Sender::new(Mode::Forward);
        let target = watch::Sender::new(target);
        tokio::spawn(accept(listener, target.subscribe(), mode.subscribe()));
        Self {
            address,
            mode,
            target,
        }
    }

    /// Later connections go to `target`.
    pub(crate) fn set_target(&self, target: SocketAddr) {
        self.target.send_replace(target);
    }

    pub(crate) fn forward(&self) {
        self.mode.send_replace(Mode::Forward);
    }

    pub(crate) fn slow_down(&self) {
        self.mode.send_replace(Mode::Slow);
    }

    pub(crate) fn stall(&self) {
        self.mode.send_replace(Mode::Stalled);
    }

    pub(crate) fn disconnect(&self) {
        self.mode.send_replace(Mode::Broken);
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
    let mut broken = mode.clone();
    tokio::select! {
        _mode = broken.wait_for(|mode| *mode == Mode::Broken) => {}
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

/// Writes as the mode allows; `None` when the connection has ended.
async fn deliver(
    mut bytes: &[u8],
    to: &mut OwnedWriteHalf,
    mode: &mut watch::Receiver<Mode>,
) -> Option<()> {
    let mut writes = interval(SLOW_WRITE_INTERVAL);
    writes.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !bytes.is_empty() {
        let flowing = |mode: &Mode| matches!(mode, Mode::Forward | Mode::Slow);
        let slow = *mode.wait_for(flowing).await.ok()? == Mode::Slow;
        let now = if slow { SLOW_WRITE_BYTES } else { bytes.len() };
        if slow {
            writes.tick().await;
        }
        let (now, later) = bytes.split_at(now.min(bytes.len()));
        to.write_all(now).await.ok()?;
        bytes = later;
    }
    Some(())
}
