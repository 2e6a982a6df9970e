//! Random calls of a few users.

use super::*;
use crate::tasks::values::{Description, Due, Labels, Status, Title};

/// Pseudo-random numbers, the same in every run (splitmix64).
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let end = u64::try_from(end).unwrap();
        usize::try_from((z ^ (z >> 31)) % end).unwrap()
    }

    /// True once in `times`.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

pub(super) struct World {
    pub(super) now: DateTime<Utc>,
    owners: Vec<UserId>,
    /// Tasks of all owners, with a revision that each had at some time.
    known: Vec<(Key, i64)>,
}

impl World {
    pub(super) fn new(random: &mut Random) -> Self {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let owners = (0..5 + random.below(3)).map(|_| UserId::at(now)).collect();
        let known = Vec::new();
        Self { now, owners, known }
    }

    /// Removes tasks some time after their purge time.
    pub(super) async fn purge(&self, conn: &mut PgConnection) {
        let purged = sqlx::query("delete from tasks.task where purge_time < $1");
        let purged = purged.bind(self.now - TimeDelta::hours(2));
        purged.execute(&mut *conn).await.unwrap();
        let counted = "update tasks.owner o set stored_count = (select count(*) from tasks.task t where t.user_id = o.user_id)
                       where stored_count is not null";
        sqlx::query(counted).execute(conn).await.unwrap();
    }

    /// The counters as an older release leaves them.
    pub(super) async fn forget_counts(conn: &mut PgConnection) {
        let forgotten = sqlx::query("update tasks.owner set stored_count = null");
        forgotten.execute(conn).await.unwrap();
    }

    /// Reads what there is now.
    pub(super) async fn learn(&mut self, conn: &mut PgConnection) {
        let rows = sqlx::query("select user_id, id, revision from tasks.task order by user_id, id");
        let rows = rows.fetch_all(conn).await.unwrap();
        let known = rows
            .iter()
            .map(|row| ((row.get(0), row.get(1)), row.get(2)));
        self.known = known.collect();
    }

    pub(super) fn calls(&self, random: &mut Random) -> Vec<Call> {
        // Some users send many calls, and in some rounds all calls are about few rows.
        let few = self.owners[..=random.below(self.owners.len())].to_vec();
        let rows = 1 + random.below(40);
        let calls = 1 + random.below(40);
        (0..calls).map(|_| self.call(random, &few, rows)).collect()
    }

    fn call(&self, random: &mut Random, owners: &[UserId], rows: usize) -> Call {
        let owner = *random.of(owners);
        let now = self.now + TimeDelta::seconds(random.below(1000).try_into().unwrap());
        let kind = random.below(20);
        if (6..10).contains(&kind) || self.known.is_empty() {
            return Call::Create(Box::new(self.create(random, owner, now)));
        }
        let (id, current) = self.target(random, owner, rows);
        let revision = match random.below(6) {
            0 => Some(current),
            1 => Some(current - 1),
            _ => None,
        };
        match kind {
            0..6 => Call::Get(Get { owner, id, now }),
            10..15 => update((owner, id), revision, changes(random), now),
            15..18 => {
                let hours = 1 + i64::try_from(random.below(20)).unwrap();
                delete((owner, id), revision, now + TimeDelta::hours(hours), now)
            }
            _ => undelete((owner, id), revision, now),
        }
    }

    /// A task of the owner, one of the first `rows`; or somebody else's, or nobody's.
    fn target(&self, random: &mut Random, owner: UserId, rows: usize) -> (TaskId, i64) {
        let own = self.known.iter().filter(|((of, _), _)| *of == owner);
        let own: Vec<_> = own.take(rows).collect();
        if own.is_empty() || random.once_in(12) {
            let ((_, foreign), revision) = *random.of(&self.known);
            let nobodys = TaskId::at(self.now);
            return (if random.once_in(2) { foreign } else { nobodys }, revision);
        }
        let ((_, id), revision) = **random.of(&own);
        (id, revision)
    }

    fn create(&self, random: &mut Random, owner: UserId, now: DateTime<Utc>) -> Create {
        let mut draft = Draft::for_test(&format!("title {}", random.below(100)), "");
        draft.status = *random.of(&Status::ALL);
        draft.labels = labels(random);
        draft.due = due(random);
        let mut task = draft.into_task(owner, now);
        match random.below(40) {
            // Values that only this test can give: the types of a request refuse them.
            0 => "a\0b".clone_into(&mut task.title),
            1 => task.title = "x".repeat(201),
            2 => task.description = "x".repeat(2001),
            // An id that is there already.
            3 if !self.known.is_empty() => {
                let ((_, id), _) = *random.of(&self.known);
                task.id = id;
            }
            _ => {}
        }
        Create {
            owner,
            task,
            quota: QUOTA,
        }
    }
}

fn labels(random: &mut Random) -> Labels {
    let raw: Vec<String> = (0..random.below(4))
        .map(|label| format!("label, \"{label}\""))
        .collect();
    Labels::parse(
        &raw,
        "labels",
        &mut contract::refusal::Violations::default(),
    )
    .unwrap()
}

fn due(random: &mut Random) -> Due {
    let seconds = i64::try_from(random.below(1_000_000)).unwrap();
    if random.once_in(2) {
        Due::parse(seconds, 0).unwrap()
    } else {
        Due::default()
    }
}

/// At least one change.
fn changes(random: &mut Random) -> Changes {
    let mut changes = Changes::default();
    while changes.is_empty() {
        match random.below(6) {
            0 => changes.title = Some(Title::parse(&format!("new {}", random.below(10))).unwrap()),
            1 => changes.description = Some(Description::parse("some, 'text'\n").unwrap()),
            2 => changes.status = Some(*random.of(&Status::ALL)),
            3 => changes.labels = Some(labels(random)),
            4 => changes.due = Some(due(random)),
            _ => changes.priority = Some(*random.of(&crate::tasks::values::Priority::ALL)),
        }
    }
    changes
}

pub(super) fn update(
    (owner, id): Key,
    revision: Option<i64>,
    changes: Changes,
    now: DateTime<Utc>,
) -> Call {
    let command = UpdateTask {
        id,
        revision,
        changes,
        key: None,
    };
    Call::Update(Box::new(Update {
        owner,
        command,
        now,
    }))
}

fn delete(
    (owner, id): Key,
    revision: Option<i64>,
    purge_time: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Call {
    let command = DeleteTask {
        id,
        revision,
        allow_missing: false,
    };
    Call::Delete(Delete {
        owner,
        command,
        purge_time,
        now,
    })
}

fn undelete((owner, id): Key, revision: Option<i64>, now: DateTime<Utc>) -> Call {
    let command = UndeleteTask { id, revision };
    let limit = QUOTA.live;
    Call::Undelete(Undelete {
        owner,
        command,
        limit,
        now,
    })
}
