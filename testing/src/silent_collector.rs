//! A collector of telemetry that accepts connections and bytes, and never answers.

use std::{
    io::{self, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

use tokio::sync::watch;

/// An empty HTTP/2 SETTINGS frame, so that the client takes the peer for a server.
const SETTINGS_FRAME: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];

/// A collector that never answers. It runs on its own thread until the test's process ends.
#[derive(Debug)]
pub struct SilentCollector {
    address: SocketAddr,
    connections: watch::Receiver<usize>,
}

impl SilentCollector {
    /// Starts it on a free port.
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("the listener is bound");
        let (count, connections) = watch::channel(0);
        thread::spawn(move || accept(&listener, &count));
        Self {
            address,
            connections,
        }
    }

    /// Its address, for the setting `telemetry.otlp.endpoint`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections it has accepted.
    #[must_use]
    pub fn connections(&self) -> usize {
        *self.connections.borrow()
    }
}

fn accept(listener: &TcpListener, count: &watch::Sender<usize>) {
    // All connections stay open.
    let mut open = Vec::new();
    for stream in listener.incoming() {
        let stream = stream.expect("a connection can be accepted");
        open.push(discard(stream));
        count.send_replace(open.len());
    }
}

/// Reads and discards what the client sends.
fn discard(mut stream: TcpStream) -> TcpStream {
    let mut copy = stream.try_clone().expect("a file descriptor is free");
    thread::spawn(move || io::copy(&mut copy, &mut io::sink()));
    // A client that has already gone is no failure.
    let _ = stream.write_all(&SETTINGS_FRAME);
    stream
}
