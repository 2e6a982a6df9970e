//! Connections that are old.

use std::time::Duration;

use testing::assert_refused;
use tonic::Code;

use crate::world::{check, limits, next, serve_plainly, watch};

const SHORT: Duration = Duration::from_millis(20);

#[tokio::test]
async fn a_stream_that_outlives_its_connection_is_told_to_begin_anew() {
    let served = serve_plainly(limits(|limits| {
        limits.connection_age = SHORT;
        limits.connection_grace = SHORT;
    }))
    .await;
    let channel = served.channel();
    let mut stream = watch(&channel).await;
    let told = next(&mut stream).await.unwrap_err();
    assert_refused(&told, Code::Unavailable, "DRAINING");
    drop(watch(&channel).await);
    assert_eq!(served.connections.counts().cut, 0, "it ended in peace");
}

#[tokio::test]
async fn a_stream_within_its_grace_goes_on_after_the_connection_was_asked_to_go() {
    let served = serve_plainly(limits(|limits| limits.connection_age = SHORT)).await;
    let channel = served.channel();
    let mut stream = watch(&channel).await;
    // Calls move to other connections; the stream stays where it is.
    while served.connections.counts().accepted < 3 {
        // One that meets the end of its connection is not this test's concern.
        let _ = check(&channel).await;
    }
    served.health.set_ready(false);
    let told = next(&mut stream).await.unwrap();
    assert_eq!(told.as_str_name(), "NOT_SERVING");
}
