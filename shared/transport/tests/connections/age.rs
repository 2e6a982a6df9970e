//! Connections that have reached their age.

use std::time::Duration;

use testing::assert_refused;
use tonic::Code;

use crate::fixture::{check, limits, next, serve_plaintext, watch};

const SHORT: Duration = Duration::from_millis(20);

#[tokio::test]
async fn a_stream_past_the_grace_of_its_connection_is_ended_with_draining() {
    let served = serve_plaintext(limits(|limits| {
        limits.connection_age = SHORT;
        limits.connection_grace = SHORT;
    }))
    .await;
    let channel = served.channel();
    let mut stream = watch(&channel).await;
    let status = next(&mut stream).await.unwrap_err();
    assert_refused(&status, Code::Unavailable, "DRAINING");
    drop(watch(&channel).await);
    assert_eq!(served.connections.counts().cut, 0, "the connection was cut");
}

#[tokio::test]
async fn a_stream_within_the_grace_goes_on_after_its_connection_began_to_drain() {
    let served = serve_plaintext(limits(|limits| limits.connection_age = SHORT)).await;
    let channel = served.channel();
    let mut stream = watch(&channel).await;
    // Calls move to other connections. The stream stays on its own.
    while served.connections.counts().accepted < 3 {
        // A call may fail when its connection ends; this test does not check that.
        let _ = check(&channel).await;
    }
    served.health.set_ready(false);
    let status = next(&mut stream).await.unwrap();
    assert_eq!(status.as_str_name(), "NOT_SERVING");
}
