//! A database, its lanes, and calls that wait for them.

use contract::refusal::Refusal as _;

use super::*;

/// One call.
#[derive(Debug, Clone)]
pub(super) enum Call {
    Get(Get),
    Create(Box<Create>),
    Update(Box<Update>),
    Delete(Delete),
    Undelete(Undelete),
}

impl Call {
    /// Its answer, in a form that can be compared.
    pub(super) async fn run(self, lanes: &Lanes) -> String {
        let deadline = Instant::now() + Duration::from_mins(1);
        let result = match self {
            Self::Get(unit) => lanes.join(share_of(unit.owner), deadline, unit).await,
            Self::Create(unit) => lanes.join(share_of(unit.owner), deadline, *unit).await,
            Self::Update(unit) => lanes.join(share_of(unit.owner), deadline, *unit).await,
            Self::Delete(unit) => lanes.join(share_of(unit.owner), deadline, unit).await,
            Self::Undelete(unit) => lanes.join(share_of(unit.owner), deadline, unit).await,
        };
        match result {
            Ok(task) => format!("{task:?}"),
            Err(error) => format!("{:?}: {error}", error.reason()),
        }
    }
}

/// A database, and lanes to it.
pub(super) struct Side {
    database: Database,
    pub(super) lanes: Lanes,
    metrics: Metrics,
}

impl Side {
    pub(super) async fn new(lanes: usize, largest_batch: usize) -> Self {
        let database = testing_database().await;
        let settings = Settings {
            url: SecretString::from(database.url()),
            lanes,
            largest_batch,
            ..Settings::default()
        };
        let metrics = Metrics::of_service("tasks", "1");
        let lanes = Lanes::counted(settings, &metrics, "calls").unwrap();
        Self {
            database,
            lanes,
            metrics,
        }
    }

    /// A connection that is no lane.
    pub(super) async fn connect(&self) -> PgConnection {
        self.database.connect().await
    }

    /// The only lane is busy until it is released.
    pub(super) async fn occupied(&self) -> OccupiedLane {
        OccupiedLane::of(&self.lanes, Principal::Internal("gate")).await
    }

    /// The answers to calls that all wait when the lanes become free.
    pub(super) async fn answers(&self, calls: Vec<Call>) -> Vec<String> {
        let gate = self.occupied().await;
        let mut answers: Vec<BoxFuture<'_, String>> = calls
            .into_iter()
            .map(|call| call.run(&self.lanes).boxed())
            .collect();
        for answer in &mut answers {
            assert!(answer.now_or_never().is_none());
        }
        gate.release().await;
        join_all(answers).await
    }

    /// How many statements ran for at least two calls, how many calls they answered, and how many such statements failed.
    pub(super) fn joined(&self) -> (u64, u64, u64) {
        let text = self.metrics.text();
        let value = |name: &str| {
            let start = format!("tandem_database_batch_{name}");
            let mut lines = text.lines().filter_map(|line| line.strip_prefix(&start));
            lines.next().unwrap().trim().parse::<u64>().unwrap()
        };
        let single = value("size_bucket{lanes=\"calls\",le=\"1\"}");
        let calls =
            value("size_sum{lanes=\"calls\"}") - single - value("left_total{lanes=\"calls\"}");
        let splits = value("splits_total{lanes=\"calls\"}");
        (value("size_count{lanes=\"calls\"}") - single, calls, splits)
    }
}

/// Every row, as text.
pub(super) async fn rows(conn: &mut PgConnection) -> Vec<String> {
    let mut rows = Vec::new();
    for table in ["owner", "task"] {
        let sql = format!("select t::text from tasks.{table} t order by 1");
        let found = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut *conn).await;
        rows.extend(found.unwrap().iter().map(|row| row.get::<String, _>(0)));
    }
    rows
}
