//! Password hashing: Argon2id (RFC 9106) on a fixed few threads behind a bounded queue.
//!
//! Memory is `threads × memory_kib` and never more, however many calls wait: each thread owns one memory and uses it again
//! for every hash. (A stored hash that needs more, made under greater settings, has its own for as long as it is
//! checked, up to [`CEILING_KIB`].) A full queue is an answer at once, not a wait, and what nobody waits for any more is not
//! hashed. There are two lines in the queue ([`Line`]), so that a flood of strangers does not keep known devices out.

mod arena;
mod meter;
mod pepper;
mod phc;
mod queue;

use std::{io, thread};

use aws_lc_rs::rand;
use shared::trace::{self, SpanKind};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};

use shared::metrics::Metrics;

use crate::domain::{Password, PresentedPassword};
use arena::Arena;
use meter::Meter;
use phc::Stored;
use queue::{Entrance, Exit, Job};

pub use pepper::Peppers;
pub use phc::{CEILING_KIB, PasswordHash};
pub use queue::Line;

/// How passwords are hashed. The defaults are OWASP's minimum: 19 MiB, two passes, one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashSettings {
    /// Threads that hash; at least 1.
    pub threads: usize,
    /// Calls that may wait for a thread in each line; at least 1.
    pub queue: usize,
    /// Memory of a hash (`m`) in KiB; at least 8 for each lane and at most [`CEILING_KIB`].
    pub memory_kib: u32,
    /// Passes over the memory (`t`); 1 to 16.
    pub iterations: u32,
    /// Lanes (`p`); 1 to 16. They are worked through one after the other.
    pub parallelism: u32,
}

/// Why hashing cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is out of its bounds.
    #[error("the settings of password hashing are out of bounds: {0:?}")]
    Settings(HashSettings),
    /// The operating system gives no thread.
    #[error("no thread could be started for password hashing")]
    Thread(#[from] io::Error),
}

/// Why a password was not hashed or checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// As many calls as may wait are waiting.
    #[error("the queue of password hashing is full")]
    QueueFull,
    /// The call's deadline passed before its turn or its end.
    #[error("the deadline passed before the password was hashed")]
    DeadlineExceeded,
    /// The stored hash is no Argon2id hash, or asks for more than any of ours.
    #[error("a stored password hash is malformed")]
    Malformed,
    /// The stored hash was made with a pepper that the configuration does not have.
    #[error("a stored password hash has a pepper that is not configured")]
    PepperUnknown,
    /// The threads have ended.
    #[error("password hashing has ended")]
    Gone,
}

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is the account's password.
    pub matches: bool,
    /// Whether the stored hash was made with other settings or another pepper, and should be made anew once the password is at hand.
    pub outdated: bool,
}

/// Hashes and checks passwords; clones share the threads, which end with the last of them.
#[derive(Debug, Clone)]
pub struct Hasher {
    queue: Entrance,
    peppers: Peppers,
    meter: Meter,
    /// Checked against where there is no account: as costly as a real one, and nobody's.
    dummy: Stored,
}

impl Hasher {
    /// Starts the threads and has them take their memory.
    pub fn start(settings: HashSettings, peppers: Peppers) -> Result<Self, StartError> {
        let invalid = || StartError::Settings(settings);
        if settings.threads == 0 || settings.queue == 0 {
            return Err(invalid());
        }
        let mut random = [0; 48];
        rand::fill(&mut random).expect("the operating system gives random bytes");
        let dummy = Stored::new(&settings, peppers.current(), &random).ok_or_else(invalid)?;
        let (queue, jobs) = queue::lines(settings.queue);
        start_threads(&settings, &dummy, &jobs)?;
        Ok(Self {
            queue,
            peppers,
            meter: Meter::new(&Metrics::off()),
            dummy,
        })
    }

    /// Counts in `metrics` what its `threads` do.
    #[must_use]
    pub fn counting_in(self, metrics: &Metrics, threads: usize) -> Self {
        meter::tell(&self.queue, threads, metrics);
        Self {
            meter: Meter::new(metrics),
            ..self
        }
    }

    /// The hash of a new password, with a salt of its own.
    pub async fn hash(
        &self,
        password: &Password,
        line: Line,
        deadline: Instant,
    ) -> Result<PasswordHash, HashError> {
        let password = password.clone();
        self.run(line, deadline, move |arena| arena.hash(password.bytes()))
            .await
    }

    /// A new hash of a password that has just matched, with the settings of today. No policy is asked: the account has
    /// this password, and a better hash does it no harm.
    pub async fn rehash(
        &self,
        matched: PresentedPassword,
        line: Line,
        deadline: Instant,
    ) -> Result<PasswordHash, HashError> {
        self.run(line, deadline, move |arena| {
            arena.hash(matched.bytes().expect("what is not kept cannot match"))
        })
        .await
    }

    /// Whether `presented` is the password of `stored`. Without a stored hash, because there is no such account, the
    /// same work is done and nothing matches (ASVS 6.3.8).
    pub async fn verify(
        &self,
        presented: PresentedPassword,
        stored: Option<PasswordHash>,
        line: Line,
        deadline: Instant,
    ) -> Result<Verdict, HashError> {
        let known = stored.is_some();
        let stored = match stored {
            None => self.dummy.clone(),
            Some(stored) => Stored::parse(stored.as_str(), &self.peppers)?,
        };
        let outdated = !stored.is_like(&self.dummy);
        let matches = self
            .run(line, deadline, move |arena| {
                arena.matches(&presented, &stored)
            })
            .await?;
        Ok(Verdict {
            matches: matches & known,
            outdated,
        })
    }

    /// Has a thread do `work`, unless its turn comes too late.
    async fn run<T: Send + 'static>(
        &self,
        line: Line,
        deadline: Instant,
        work: impl FnOnce(&mut Arena) -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let (answer, answered) = oneshot::channel();
        let (meter, since) = (self.meter.clone(), Instant::now());
        let work = traced(work);
        let work = move |arena: &mut Arena| meter.during(since.elapsed(), || work(arena));
        let put = self.queue.put(line, job(deadline, answer, work));
        if put == Err(HashError::QueueFull) {
            self.meter.full();
        }
        put?;
        match timeout_at(deadline, answered).await {
            Ok(Ok(done)) => done,
            Ok(Err(_dropped)) => Err(HashError::Gone),
            Err(_elapsed) => Err(HashError::DeadlineExceeded),
        }
    }
}

/// `work` with a span of the call it is for, if that is traced: from now on, how long it waited, until it is done.
fn traced<T>(work: impl FnOnce(&mut Arena) -> T) -> impl FnOnce(&mut Arena) -> T {
    let span = trace::current().map(|call| {
        let span = call.begin(SpanKind::Internal, "password.hash");
        (span, Instant::now())
    });
    move |arena| {
        let span = span.map(|(mut span, queued)| {
            span.set("tandem.queue.wait", queued.elapsed().as_secs_f64());
            span
        });
        let done = work(arena);
        drop(span);
        done
    }
}

/// `work` with its deadline, to be done only if somebody still waits for it.
fn job<T: Send + 'static>(
    deadline: Instant,
    answer: oneshot::Sender<Result<T, HashError>>,
    work: impl FnOnce(&mut Arena) -> T + Send + 'static,
) -> Job {
    Box::new(move |arena| {
        if answer.is_closed() {
            return;
        }
        let done = if Instant::now() < deadline {
            Ok(work(arena))
        } else {
            Err(HashError::DeadlineExceeded)
        };
        let _gone_meanwhile = answer.send(done);
    })
}

/// Threads that work until the queue is closed and empty. They are not waited for at the end: they hold nothing to lose.
fn start_threads(
    settings: &HashSettings,
    like: &Stored,
    jobs: &Exit,
) -> io::Result<Vec<thread::JoinHandle<()>>> {
    let start = |number| {
        let (jobs, like) = (jobs.clone(), like.clone());
        thread::Builder::new()
            .name(format!("argon2-{number}"))
            .spawn(move || {
                let mut arena = Arena::new(&like);
                for job in jobs {
                    job(&mut arena);
                }
            })
    };
    (0..settings.threads).map(start).collect()
}

#[cfg(test)]
mod tests;
