//! What the others do.

use std::{sync::Arc, time::Duration};

use clap::ValueEnum;
use tokio::{task::JoinSet, time::sleep};

use super::greedy::Greedy;
use crate::stack::BenchStack;

/// An attacker that was refused waits this long, so that the attack is on shares and not on the processor that all run on.
pub(super) const PAUSE: Duration = Duration::from_millis(20);
/// The streams of a connection: a little less than a server allows.
const STREAMS: usize = 175;

/// A kind of abuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Attack {
    /// 1,050 calls without a message, on 6 connections to the auth service.
    Headers,
    /// 4,200 calls to the gateway on 24 connections, whose answers are never read.
    UnreadWeb,
    /// 20 calls of Health.Watch with names of almost 4 MiB.
    Health,
    /// 20 lists of 200 long tasks that are never read.
    UnreadLists,
    /// 16 text searches of one user at a time.
    Searches,
    /// 64 writes of one user at a time.
    Writes,
    /// 10 sign-ins to one account at a time, with the right password.
    SignIns,
}

impl Attack {
    pub(super) fn all() -> Vec<Self> {
        Self::value_variants().to_vec()
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Headers => "headers",
            Self::UnreadWeb => "unread-web",
            Self::Health => "health",
            Self::UnreadLists => "unread-lists",
            Self::Searches => "searches",
            Self::Writes => "writes",
            Self::SignIns => "sign-ins",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Headers => "1,050 calls without a message",
            Self::UnreadWeb => "4,200 answers of the gateway unread",
            Self::Health => "20 Health.Watch with names of 4 MiB",
            Self::UnreadLists => "20 lists unread",
            Self::Searches => "16 text searches of one user",
            Self::Writes => "64 writes of one user",
            Self::SignIns => "10 sign-ins of one account; the honest user signs in too",
        }
    }

    /// Whether the honest user signs in while it goes on.
    pub(super) fn hurts_sign_ins(self) -> bool {
        self == Self::SignIns
    }

    /// The streams that it keeps open, so that each costs memory.
    pub(super) fn open_streams(self) -> u64 {
        let (connections, calls) = self.strength();
        match self {
            Self::Headers | Self::UnreadWeb | Self::UnreadLists => (connections * calls) as u64,
            Self::Health | Self::Searches | Self::Writes | Self::SignIns => 0,
        }
    }

    /// How many attackers there are, each with a connection of its own if it makes raw calls, and the calls of each at a time.
    fn strength(self) -> (usize, usize) {
        match self {
            Self::Headers => (6, STREAMS),
            Self::UnreadWeb => (24, STREAMS),
            Self::Health | Self::UnreadLists => (1, 20),
            Self::Searches => (1, 16),
            Self::Writes => (1, 64),
            Self::SignIns => (1, 10),
        }
    }
}

/// Those who attack, prepared.
pub(super) struct Attackers {
    attack: Attack,
    greedy: Arc<Greedy>,
}

/// An attack in progress. It ends when this is dropped.
pub(super) struct Attacking {
    connections: JoinSet<()>,
}

impl Attacking {
    pub(super) async fn end(mut self) {
        self.connections.shutdown().await;
    }
}

impl Attackers {
    pub(super) async fn new(attack: Attack, stack: &BenchStack) -> anyhow::Result<Self> {
        let greedy = Arc::new(Greedy::new(stack).await?);
        Ok(Self { attack, greedy })
    }

    pub(super) fn begin(&self) -> Attacking {
        let (connections, calls) = self.attack.strength();
        let attack = self.attack;
        let connections = (0..connections)
            .map(|_| {
                let greedy = Arc::clone(&self.greedy);
                async move {
                    loop {
                        if let Err(error) = greedy.attack(attack, calls).await {
                            eprintln!("{}: {error:#}", attack.name());
                        }
                        sleep(PAUSE).await;
                    }
                }
            })
            .collect();
        Attacking { connections }
    }

    /// How many calls of the attackers were answered or reset.
    pub(super) fn answers(&self) -> u64 {
        self.greedy.answers()
    }
}
