//! Verifies access tokens of Tandem, revocations included. The first line of its input is the service secret; each line after it is a
//! token. It prints `ok` with the account of a token, or `refused` with the reason.
//!
//! ```text
//! cargo run -p verifier --example verify -- http://127.0.0.1:50051 ISSUER AUDIENCE
//! ```

use std::{
    error::Error,
    io::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use secrecy::SecretString;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::transport::Endpoint;
use verifier::{Freshness, Purpose, Revocations, SystemClock, Trust, Verifier, feed};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [auth, issuer, audience] = <[String; 3]>::try_from(arguments)
        .map_err(|_other| "usage: verify AUTH_SERVICE ISSUER AUDIENCE")?;
    let mut lines = io::stdin().lines();
    let secret = SecretString::from(lines.next().ok_or("no service secret")??);

    let trust = Trust {
        issuer,
        audience,
        leeway: Duration::from_secs(5),
    };
    // How long tokens are accepted while the feed is silent.
    let bounds = Freshness {
        reads: Duration::from_secs(10),
        writes: Duration::from_secs(3),
    };
    let revocations = Revocations::Followed(bounds);
    let verifier = Verifier::new(trust, revocations, 10_000, Arc::new(SystemClock));

    // The auth service sends keys and revocations as soon as they change.
    let (ready_sender, mut ready) = watch::channel(false);
    let name = format!("verify-{}", std::process::id());
    tokio::spawn(feed::subscribe(
        verifier.clone(),
        vec![Endpoint::new(auth)?],
        secret,
        name,
        ready_sender,
        CancellationToken::new(),
    ));
    ready.wait_for(|ready| *ready).await?;

    let mut output = io::stdout();
    for token in lines {
        match verifier.verify(token?.trim(), Purpose::Write) {
            Ok(claims) => writeln!(output, "ok {}", claims.sub)?,
            Err(refused) => writeln!(output, "refused {refused:?}")?,
        }
    }
    Ok(())
}
