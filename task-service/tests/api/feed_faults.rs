//! What one auth replica ends is over at every task replica; and whatever becomes of the feed to one of them, that one lets
//! in nothing that was revoked later than the declared bounds after it was.

use std::{
    io,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use shared::{
    config::{Log, LogFormat, LogLevel, Setting as _},
    proto::auth::TokenPair,
    telemetry,
    token::Purpose,
};

use crate::{
    knocker::Knocker,
    replicas::{READS, Replicas, WRITES},
};

/// For so long a fault goes on after the longest bound.
const MORE: Duration = Duration::from_millis(500);

#[tokio::test]
async fn what_ends_at_either_auth_replica_is_refused_at_the_task_replicas_of_both() {
    let world = Replicas::new().await;
    let stayer = world.sign_up("stayer@example.org").await;
    for at in 0..2 {
        let leaver = world.sign_up(&format!("leaver{at}@example.org")).await;
        for tasks in &world.tasks {
            tasks.accepts(&leaver).await;
        }
        let answered = world.auth[at].sign_out(&leaver).await;
        for tasks in &world.tasks {
            tasks.revokes(&leaver).await;
            eprintln!("refused {:?} after the sign-out", answered.elapsed());
            tasks.accepts(&stayer).await;
        }
    }
}

/// A fault of the first task replica's feed, under way.
struct Fault {
    leaver: TokenPair,
    stayer: TokenPair,
    knockers: [Knocker; 2],
    /// When the leaver's session was over.
    revoked: Instant,
}

impl Fault {
    /// Two people call without a pause. The feed breaks, and then one of them signs out at the other auth replica.
    async fn begin(world: &mut Replicas, breaks: impl AsyncFnOnce(&mut Replicas)) -> Self {
        let [leaver, stayer] = [
            world.sign_up("leaver@example.org").await,
            world.sign_up("stayer@example.org").await,
        ];
        for tokens in [&leaver, &stayer] {
            world.tasks[0].accepts(tokens).await;
        }
        let knocks =
            |tokens: &TokenPair| Knocker::begin(&world.tasks[0].client, &tokens.access_token);
        let knockers = [knocks(&leaver), knocks(&stayer)];
        breaks(world).await;
        let revoked = world.auth[1].sign_out(&leaver).await;
        Self {
            leaver,
            stayer,
            knockers,
            revoked,
        }
    }

    /// The other replica knows better while this one refuses everybody; mended, it refuses one of them and not the other.
    async fn end(self, world: &mut Replicas, mends: impl AsyncFnOnce(&mut Replicas)) {
        let Self {
            leaver,
            stayer,
            knockers: [left, stayed],
            revoked,
        } = self;
        world.tasks[1].revokes(&leaver).await;
        world.tasks[1].accepts(&stayer).await;
        while revoked.elapsed() < READS + MORE {
            world.tasks[0].is_stale(&stayer).await;
        }
        mends(world).await;
        world.tasks[0].serves().await;
        world.tasks[0].revokes(&leaver).await;
        world.tasks[0].accepts(&stayer).await;

        let left = left.end().await;
        left.assert_refused_after(Purpose::Read, revoked, READS);
        left.assert_refused_after(Purpose::Write, revoked, WRITES);
        left.assert_last("TOKEN_REVOKED");
        assert_eq!(left.reasons(), ["REVOCATION_FEED_STALE", "TOKEN_REVOKED"]);
        assert_eq!(stayed.end().await.reasons(), ["REVOCATION_FEED_STALE"]);
    }
}

#[tokio::test]
async fn while_nothing_of_the_feed_arrives_no_revoked_token_is_let_in_after_the_bounds() {
    let mut world = Replicas::new().await;
    let breaks = async |world: &mut Replicas| {
        world.tasks[0].network.swallow();
    };
    let fault = Fault::begin(&mut world, breaks).await;
    let mend = async |world: &mut Replicas| {
        world.tasks[0].network.forward();
    };
    fault.end(&mut world, mend).await;
}

#[tokio::test]
async fn while_the_feed_cannot_connect_no_revoked_token_is_let_in_after_the_bounds() {
    let mut world = Replicas::new().await;
    let breaks = async |world: &mut Replicas| {
        world.tasks[0].network.sever();
    };
    let fault = Fault::begin(&mut world, breaks).await;
    let mend = async |world: &mut Replicas| {
        world.tasks[0].network.forward();
    };
    fault.end(&mut world, mend).await;
}

#[tokio::test]
async fn while_the_auth_service_restarts_no_token_revoked_meanwhile_is_let_in_after_the_bounds() {
    let mut world = Replicas::new().await;
    let breaks = async |world: &mut Replicas| {
        world.auth[0].stop();
    };
    let fault = Fault::begin(&mut world, breaks).await;
    fault.end(&mut world, Replicas::restart).await;
}

#[tokio::test]
async fn a_reader_too_slow_for_the_feed_lets_in_no_revoked_token_after_the_bounds() {
    let log = Lines::default();
    let _captured = log.capture();
    let mut world = Replicas::new().await;
    world.narrow().await;
    let mut crowd = Vec::new();
    for number in 0..60 {
        let email = format!("crowd{number}@example.org");
        crowd.push(world.sign_up(&email).await);
    }
    let breaks = async |world: &mut Replicas| {
        world.tasks[0].network.trickle();
        for tokens in &crowd {
            world.auth[1].sign_out(tokens).await;
        }
    };
    let fault = Fault::begin(&mut world, breaks).await;
    let mend = async |world: &mut Replicas| {
        world.tasks[0].network.forward();
    };
    fault.end(&mut world, mend).await;
    for tasks in &world.tasks {
        for tokens in &crowd {
            tasks.revokes(tokens).await;
        }
    }
    // SLOW_CONSUMER, or the subscriber has found before that what it hears is old.
    let causes = ["ResourceExhausted", "what the feed tells is late"];
    log.assert_one("the revocation feed is interrupted", &causes);
}

/// What is logged on this thread, which runs all of a test.
#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn capture(&self) -> tracing::subscriber::DefaultGuard {
        let log = Log {
            format: LogFormat::Json,
            level: LogLevel::parse("warn").unwrap(),
        };
        let lines = self.clone();
        let subscriber = telemetry::subscriber(&log, move || lines.clone(), false);
        tracing::subscriber::set_default(subscriber)
    }

    fn assert_one(&self, message: &str, causes: &[&str]) {
        let bytes = self.0.lock().unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let mut told = text.lines().filter(|line| line.contains(message));
        let fits = |line: &str| causes.iter().any(|cause| line.contains(cause));
        assert!(told.any(fits), "{text}");
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
