//! A service of somebody else's that takes the access tokens of Tandem: it follows the feed of the auth service, and lets a
//! call in without waiting for anyone.
//!
//! What it serves is `grpc.health.v1`, for want of something of its own; any service made by tonic goes in its place.
//!
//! ```text
//! cargo run -p shared --example verifier -- http://127.0.0.1:50051 127.0.0.1:50061 < service-secret
//! ```

use std::{error::Error, io, net::SocketAddr, sync::Arc, time::Duration};

use clock::SystemClock;
use contract::{
    proto::health::health_server::HealthServer,
    refusal::{Reason, refuse_plainly},
};
use secrecy::SecretString;
use serving::health::Health;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{
    Request, Status,
    transport::{Endpoint, Server},
};
use verifier::{Freshness, Purpose, Revocations, Trust, Verifier, feed};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let auth = Endpoint::new(arguments.next().ok_or("the auth service's address")?)?;
    let listen: SocketAddr = arguments.next().ok_or("an address to listen on")?.parse()?;
    let secret = SecretString::from(io::read_to_string(io::stdin())?.trim());

    let verifier = verifier();
    let (told, mut ready) = watch::channel(false);
    let stop = CancellationToken::new();
    let subscription = feed::subscribe(
        verifier.clone(),
        vec![auth],
        secret,
        format!("example-{}", std::process::id()),
        told,
        stop.clone(),
    );
    let subscription = tokio::spawn(subscription);

    // A service behind a load balancer says that it is ready only then; this one does not even listen before.
    ready.wait_for(|ready| *ready).await?;
    let health = Health::new([]);
    health.set_ready(true);
    let service = HealthServer::with_interceptor(health, move |request| admit(&verifier, request));
    Server::builder()
        .add_service(service)
        .serve_with_shutdown(listen, async {
            // Without signals it cannot be asked to stop.
            let _asked = tokio::signal::ctrl_c().await;
        })
        .await?;
    stop.cancel();
    subscription.await?;
    Ok(())
}

fn verifier() -> Verifier {
    let trust = Trust {
        issuer: "tandem-auth".to_owned(),
        audience: "tandem".to_owned(),
        leeway: Duration::from_secs(5),
    };
    let bounds = Freshness {
        reads: Duration::from_secs(10),
        writes: Duration::from_secs(3),
    };
    let revocations = Revocations::Followed(bounds);
    Verifier::new(trust, revocations, 10_000, Arc::new(SystemClock))
}

/// Lets a call in whose token is good; its claims are for the method.
fn admit(verifier: &Verifier, mut request: Request<()>) -> Result<Request<()>, Status> {
    let header = request.metadata().get("authorization");
    let header = header.ok_or_else(|| refuse_plainly(Reason::TokenMissing))?;
    let token = header.to_str().ok().and_then(|h| h.strip_prefix("Bearer "));
    let token = token.ok_or_else(|| refuse_plainly(Reason::TokenInvalid))?;
    // All that this service does is read.
    let claims = verifier.verify(token, Purpose::Read);
    let claims = claims.map_err(|error| refuse_plainly(error.into()))?;
    request.extensions_mut().insert(claims);
    Ok(request)
}
