//! How much is stored for one user.

/// The most that is stored for one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Live tasks.
    pub live: i32,
    /// Live tasks, and deleted ones that are not purged yet.
    pub stored: i32,
    /// Requests that are remembered.
    pub requests: i32,
}

impl Quota {
    /// Which tasks are as many as allowed; `None` when another one can be created.
    pub(crate) const fn full(self, counts: Counts) -> Option<Full> {
        if counts.live >= self.live {
            Some(Full::Live { limit: self.live })
        } else if counts.stored >= self.stored {
            Some(Full::Stored { limit: self.stored })
        } else {
            None
        }
    }
}

/// How many tasks one user has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) live: i32,
    /// Deleted tasks included.
    pub(crate) stored: i32,
}

/// Why no task can be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Full {
    /// By the live tasks alone.
    #[error("the account has {limit} tasks, which is the maximum")]
    Live {
        /// The largest number of live tasks.
        limit: i32,
    },
    /// By the live and the deleted tasks together.
    #[error(
        "the account has {limit} live and deleted tasks together, which is the maximum; a deleted task counts until its purge_time"
    )]
    Stored {
        /// The largest number of tasks.
        limit: i32,
    },
}

impl Full {
    pub(crate) const fn limit(self) -> i32 {
        let (Self::Live { limit } | Self::Stored { limit }) = self;
        limit
    }

    /// What is counted, in one word.
    pub(crate) const fn counted(self) -> &'static str {
        match self {
            Self::Live { .. } => "live",
            Self::Stored { .. } => "stored",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_full_by_live_tasks_or_by_all_tasks() {
        let quota = Quota {
            live: 2,
            stored: 3,
            requests: 1,
        };
        let full = |live, stored| quota.full(Counts { live, stored });
        assert_eq!(full(0, 0), None);
        assert_eq!(full(1, 2), None);
        assert_eq!(full(2, 2), Some(Full::Live { limit: 2 }));
        assert_eq!(full(2, 3), Some(Full::Live { limit: 2 }));
        assert_eq!(full(0, 3), Some(Full::Stored { limit: 3 }));
        assert_eq!(full(0, 4), Some(Full::Stored { limit: 3 }));
    }
}
