//! The actions of a client, a thief and an operator.

use proptest::prelude::*;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// The client refreshes and gets the response.
    Refresh,
    /// The client refreshes, but the response is lost.
    Lose,
    /// Eight tabs of the client refresh at once.
    Tabs,
    /// A thief copies the client's token.
    Steal,
    /// The thief refreshes its copy.
    Thieve,
    /// A tab of the client falls asleep with a copy of the token.
    Sleep,
    /// The tab wakes and refreshes its copy.
    Wake,
    /// The client is replaced by a newer version, which sends a tag.
    Upgrade,
    /// The browser erases the client's tag and keeps its token, as Safari does; the client makes a new tag.
    Erase,
    /// The operator takes a backup.
    Backup,
    /// The operator restores it.
    Restore,
    Wait(u64),
}

/// Which tags the parties send.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tags {
    pub(crate) client: Option<u8>,
    pub(crate) thief: Option<u8>,
    /// Whether the client declares its tag when it signs up.
    pub(crate) from_birth: bool,
}

impl Tags {
    pub(crate) fn upgrade(&mut self) {
        self.client.get_or_insert(1);
    }

    /// A client that sends a tag makes another one, which nobody has sent before. The thief's is 2.
    pub(crate) fn erase(&mut self) {
        self.client = self.client.map(|tag| tag.max(2) + 1);
    }
}

/// The tag as it is sent.
pub(crate) fn bytes(tag: Option<u8>) -> Vec<u8> {
    tag.map_or_else(Vec::new, |byte| vec![byte; 32])
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Refresh),
        3 => Just(Step::Lose),
        1 => Just(Step::Tabs),
        2 => Just(Step::Steal),
        2 => Just(Step::Thieve),
        1 => Just(Step::Sleep),
        2 => Just(Step::Wake),
        1 => Just(Step::Upgrade),
        2 => Just(Step::Erase),
        1 => Just(Step::Backup),
        1 => Just(Step::Restore),
        3 => prop_oneof![Just(1), Just(4), Just(6), Just(7_200)].prop_map(Step::Wait),
    ]
}

pub(crate) fn tags() -> impl Strategy<Value = Tags> {
    let thief = prop::option::of(Just(2));
    let client = prop::option::weighted(0.7, Just(1));
    (client, thief, any::<bool>()).prop_map(|(client, thief, from_birth)| Tags {
        client,
        thief,
        from_birth,
    })
}
