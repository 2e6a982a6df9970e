//! Password hashing: Argon2id (RFC 9106) on a fixed few threads behind a bounded queue.
//!
//! The memory is `threads × memory_kib` and never more, however many calls wait: each thread allocates its memory once and
//! uses it for every hash. (Only a stored hash that was made with greater settings gets more memory while it is checked, up
//! to [`MAX_MEMORY_KIB`].) A call that finds the queue full is refused at once, and a job whose caller has gone is skipped.
//! The queue has two lines ([`Line`]), so that a flood of unknown clients does not block known devices, and within a line addresses,
//! accounts and devices take turns ([`HashingPrincipal`]).

mod arena;
pub(crate) mod error;
pub(crate) mod metrics;
mod pepper;
mod phc;
mod principal;
mod queue;
mod shares;

use std::{io, thread};

use aws_lc_rs::rand;
use telemetry::{
    metrics::Metrics,
    trace::{self, SpanKind},
};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};

use self::{
    arena::Arena,
    metrics::HashingMetrics,
    phc::StoredHash,
    queue::{Job, QueueReceiver, QueueSender, Work},
};
use crate::passwords::domain::{Password, PresentedPassword};

pub use self::error::HashError;
pub use pepper::Peppers;
pub use phc::{MAX_MEMORY_KIB, PasswordHash};
pub use principal::{HashingPrincipal, Line};

/// How passwords are hashed. The defaults are OWASP's minimum: 19 MiB, two passes, one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashSettings {
    /// Threads that hash; at least 1.
    pub threads: usize,
    /// Calls that may wait for a thread in each line; at least 1.
    pub queue: usize,
    /// Memory of a hash (`m`) in KiB; at least 8 for each lane and at most [`MAX_MEMORY_KIB`].
    pub memory_kib: u32,
    /// Passes over the memory (`t`); 1 to 16.
    pub iterations: u32,
    /// Lanes (`p`); 1 to 16. They are computed one after the other.
    pub parallelism: u32,
}

/// Why hashing cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum HasherError {
    /// A setting is out of its bounds.
    #[error("the settings of password hashing are out of bounds: {0:?}")]
    Settings(HashSettings),
    /// The operating system refused a thread.
    #[error("no thread could be started for password hashing")]
    Thread(#[from] io::Error),
}

/// The result of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is the password of the account.
    pub matches: bool,
    /// Whether the stored hash was made with other settings or another pepper, and should be replaced while the password is
    /// known.
    pub outdated: bool,
}

/// Hashes and verifies passwords. Clones share the threads, which end when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct Hasher {
    queue: QueueSender,
    peppers: Peppers,
    metrics: HashingMetrics,
    /// Verified against when there is no account: as costly as a real hash, and of no password.
    dummy: StoredHash,
}

impl Hasher {
    /// Starts the threads, which allocate their memory.
    pub fn start(settings: HashSettings, peppers: Peppers) -> Result<Self, HasherError> {
        let invalid = || HasherError::Settings(settings);
        if settings.threads == 0 || settings.queue == 0 {
            return Err(invalid());
        }
        let mut random = [0; 48];
        rand::fill(&mut random).expect("the operating system gives random bytes");
        let dummy = StoredHash::new(&settings, peppers.current(), &random).ok_or_else(invalid)?;
        let (queue, jobs) = queue::lines(settings.queue);
        start_threads(&settings, &dummy, &jobs)?;
        Ok(Self {
            queue,
            peppers,
            metrics: HashingMetrics::new(&Metrics::off()),
            dummy,
        })
    }

    /// Measures the work of its `threads` in `metrics`.
    #[must_use]
    pub fn with_metrics(self, metrics: &Metrics, threads: usize) -> Self {
        metrics::register(&self.queue, threads, metrics);
        Self {
            metrics: HashingMetrics::new(metrics),
            ..self
        }
    }

    /// The hash of a new password, with a new salt.
    pub async fn hash(
        &self,
        password: &Password,
        principal: HashingPrincipal,
        deadline: Instant,
    ) -> Result<PasswordHash, HashError> {
        let password = password.clone();
        self.run(principal, deadline, move |arena| {
            arena.hash(password.bytes())
        })
        .await
    }

    /// A new hash of a password that has just matched, with the current settings. No policy applies: the account already has
    /// this password.
    pub async fn rehash(
        &self,
        matched: PresentedPassword,
        principal: HashingPrincipal,
        deadline: Instant,
    ) -> Result<PasswordHash, HashError> {
        self.run(principal, deadline, move |arena| {
            arena.hash(
                matched
                    .bytes()
                    .expect("a password that is not kept cannot match"),
            )
        })
        .await
    }

    /// Whether `presented` is the password of `stored`. If there is no stored hash because there is no account, the same work
    /// is done and the answer is no (ASVS 6.3.8).
    pub async fn verify(
        &self,
        presented: PresentedPassword,
        stored: Option<PasswordHash>,
        principal: HashingPrincipal,
        deadline: Instant,
    ) -> Result<Verdict, HashError> {
        let known = stored.is_some();
        let stored = match stored {
            None => self.dummy.clone(),
            Some(stored) => StoredHash::parse(stored.as_str(), &self.peppers)?,
        };
        let outdated = !stored.is_like(&self.dummy);
        let matches = self
            .run(principal, deadline, move |arena| {
                arena.matches(&presented, &stored)
            })
            .await?;
        Ok(Verdict {
            matches: matches & known,
            outdated,
        })
    }

    /// Runs `work` on a thread, unless its turn comes after the deadline.
    async fn run<T: Send + 'static>(
        &self,
        principal: HashingPrincipal,
        deadline: Instant,
        work: impl FnOnce(&mut Arena) -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let (answer, answered) = oneshot::channel();
        let (metrics, since) = (self.metrics.clone(), Instant::now());
        let work = traced(work);
        let work = move |arena: &mut Arena| metrics.measure(since.elapsed(), || work(arena));
        let put = self.queue.put(principal, job(deadline, answer, work));
        if put == Err(HashError::QueueFull) {
            self.metrics.count_refused();
        }
        put?;
        match timeout_at(deadline, answered).await {
            Ok(Ok(Err(HashError::QueueFull))) => {
                self.metrics.count_refused();
                Err(HashError::QueueFull)
            }
            Ok(Ok(done)) => done,
            Ok(Err(_dropped)) => Err(HashError::Stopped),
            Err(_elapsed) => Err(HashError::DeadlineExceeded),
        }
    }
}

/// `work` with a span, if its call is traced. The span begins now, says how long the work waited, and ends with the work.
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

/// Work with its deadline, and who waits for it.
struct HashJob<T, F> {
    deadline: Instant,
    answer: oneshot::Sender<Result<T, HashError>>,
    work: F,
}

/// `work` with its deadline. It is skipped if the caller has gone.
fn job<T: Send + 'static>(
    deadline: Instant,
    answer: oneshot::Sender<Result<T, HashError>>,
    work: impl FnOnce(&mut Arena) -> T + Send + 'static,
) -> Job {
    Box::new(HashJob {
        deadline,
        answer,
        work,
    })
}

impl<T: Send, F: FnOnce(&mut Arena) -> T + Send> Work for HashJob<T, F> {
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn run(self: Box<Self>, arena: &mut Arena) {
        let Self {
            deadline,
            answer,
            work,
        } = *self;
        if answer.is_closed() {
            return;
        }
        let done = if Instant::now() < deadline {
            Ok(work(arena))
        } else {
            Err(HashError::DeadlineExceeded)
        };
        let _caller_gone = answer.send(done);
    }

    fn refuse(self: Box<Self>) {
        let _caller_gone = self.answer.send(Err(HashError::QueueFull));
    }
}

/// Starts threads that work until the queue is closed and empty. Nothing waits for their end, because they have nothing to
/// lose.
fn start_threads(
    settings: &HashSettings,
    like: &StoredHash,
    jobs: &QueueReceiver,
) -> io::Result<Vec<thread::JoinHandle<()>>> {
    let start = |number| {
        let (jobs, like) = (jobs.clone(), like.clone());
        thread::Builder::new()
            .name(format!("argon2-{number}"))
            .spawn(move || {
                let mut arena = Arena::new(&like);
                for taken in jobs {
                    taken.run(&mut arena);
                }
            })
    };
    (0..settings.threads).map(start).collect()
}

#[cfg(test)]
mod tests;
