//! Closes a listener without a reset of the connections in its queue.
//!
//! The system finishes a TCP handshake before the server accepts the connection. When a listener is closed, the system resets
//! the connections that wait in its queue, and what their clients have already sent is lost.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};

/// Closes the listener and returns the connections that waited in its queue.
///
/// A connection that is made between the last accept and the close, a few microseconds, is still reset. A gRPC client has not
/// sent a call by then, because it waits for the server's SETTINGS.
#[must_use]
pub fn close(listener: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    let mut waiting = Vec::new();
    // Not through the runtime, which returns only connections of whose arrival it was notified.
    let listener = match listener.into_std() {
        Ok(listener) => listener,
        Err(error) => {
            tracing::warn!(%error, "the connections in the queue of the listener are reset");
            return waiting;
        }
    };
    while let Ok((stream, peer)) = listener.accept() {
        let stream = stream
            .set_nonblocking(true)
            .and_then(|()| TcpStream::from_std(stream));
        match stream {
            Ok(stream) => waiting.push((stream, peer)),
            Err(error) => {
                tracing::debug!(%error, %peer, "a connection in the queue of the listener was lost");
            }
        }
    }
    waiting
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn connections_in_the_queue_can_be_served_and_new_ones_are_refused() {
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
