//! Closing a listener without resetting those who have just connected.
//!
//! The system finishes a TCP handshake before the server knows of it. Connections that wait in its queue when the
//! listener is closed are reset, and with them what their clients have already sent.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};

/// Closes the listener and gives the connections that were waiting in its queue.
///
/// What connects between the last look and the close, a few microseconds, is still reset; a client of gRPC has not sent a
/// call by then, since it waits for the server's SETTINGS.
#[must_use]
pub fn close(listener: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    let mut waiting = Vec::new();
    // Asked directly: the runtime would only tell of connections that it has seen arrive.
    let listener = match listener.into_std() {
        Ok(listener) => listener,
        Err(error) => {
            tracing::warn!(%error, "connections that were waiting are reset");
            return waiting;
        }
    };
    while let Ok((stream, peer)) = listener.accept() {
        let stream = stream
            .set_nonblocking(true)
            .and_then(|()| TcpStream::from_std(stream));
        match stream {
            Ok(stream) => waiting.push((stream, peer)),
            Err(error) => tracing::debug!(%error, %peer, "a connection was lost at the stop"),
        }
    }
    waiting
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn who_has_connected_is_served_and_nobody_connects_any_more() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(TcpStream::connect(address).await.unwrap());
        }
        let waiting = close(listener);
        assert_eq!(waiting.len(), 3);
        assert!(TcpStream::connect(address).await.is_err());
        for (mut stream, _) in waiting {
            stream.write_all(b"!").await.unwrap();
        }
        for mut client in clients {
            assert_eq!(client.read_u8().await.unwrap(), b'!');
        }
    }
}
