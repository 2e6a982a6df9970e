//! The metrics of database lanes.

use telemetry::metrics::definitions::{LabelDefinition, exposed_by};

/// The label that names the lanes.
pub const LANES: &str = "lanes";

const BY_LANES: LabelDefinition = LabelDefinition::free(
    LANES,
    "`calls`; in the auth service also `feed`, the one that publishes revocations; in the task service also `scans`, those for lists that read many rows",
);

telemetry::metric_labels! {
    /// Why a database connection was dropped.
    Drop = "cause" {
        /// It was old enough to be replaced.
        Recycled = "recycled",
        /// The server ended it, or it broke.
        Broken = "broken",
        /// A unit of work ran too long.
        Overran = "overran",
        /// A unit of work panicked.
        Panicked = "panicked",
        /// A unit of work left a transaction open.
        Unfinished = "unfinished",
        /// It did not answer while idle.
        Silent = "silent",
    }
}

telemetry::metric_labels! {
    /// Why a unit of work was refused before it began.
    Refused = "cause" {
        /// The queue was full.
        Queue = "queue",
        /// Its principal had its share of the queue.
        Share = "share",
        /// Its deadline or the longest wait passed in the queue, or its caller had gone.
        Over = "over",
    }
}

telemetry::metric_definitions! {
    DATABASE_UP = Gauge "tandem.database.up" [""] { BY_LANES } by exposed_by::SERVICES =>
        "1 while the database can be used, else 0.";
    DATABASE_LANES = Gauge "tandem.database.lanes" ["{connection}"] { BY_LANES } by exposed_by::SERVICES =>
        "Connections to the database that should be there.";
    DATABASE_CONNECTED = Gauge "tandem.database.connected" ["{connection}"] { BY_LANES } by exposed_by::SERVICES =>
        "Connections to the database that are there.";
    DATABASE_BUSY = Gauge "tandem.database.busy" ["{connection}"] { BY_LANES } by exposed_by::SERVICES =>
        "Connections to the database that run a unit of work.";
    DATABASE_QUEUED = Gauge "tandem.database.queued" ["{unit}"] { BY_LANES } by exposed_by::SERVICES =>
        "Units of work that wait for a connection.";
    DATABASE_REFUSED = Counter "tandem.database.refused" ["{unit}"] { BY_LANES, LabelDefinition::of::<Refused>() } by exposed_by::SERVICES =>
        "Units of work that were refused before they began.";
    DATABASE_WAIT = Histogram "tandem.database.wait" ["s"] { BY_LANES } by exposed_by::SERVICES =>
        "Time a unit of work waited for a connection.";
    DATABASE_UNIT = Histogram "tandem.database.unit.duration" ["s"] { BY_LANES } by exposed_by::SERVICES =>
        "Time a unit of work took on its connection. Units that were joined took as long as their statement.";
    DATABASE_BATCH = Histogram "tandem.database.batch.size" ["{unit}"] { BY_LANES } by exposed_by::SERVICES =>
        "Units of work that were run as one statement; units that cannot be joined are not counted.";
    DATABASE_SPLITS = Counter "tandem.database.batch.splits" ["{batch}"] { BY_LANES } by exposed_by::SERVICES =>
        "Statements for several units of work that failed, so that each unit was run alone.";
    DATABASE_LEFT = Counter "tandem.database.batch.left" ["{unit}"] { BY_LANES } by exposed_by::SERVICES =>
        "Units of work that a statement for several units left without a result, so that they were run alone.";
    DATABASE_OPENED = Counter "tandem.database.connections.opened" ["{connection}"] { BY_LANES } by exposed_by::SERVICES =>
        "Connections to the database that were made.";
    DATABASE_FAILED = Counter "tandem.database.connections.failed" ["{connection}"] { BY_LANES } by exposed_by::SERVICES =>
        "Attempts to connect to the database that failed.";
    DATABASE_DROPPED = Counter "tandem.database.connections.dropped" ["{connection}"] { BY_LANES, LabelDefinition::of::<Drop>() } by exposed_by::SERVICES =>
        "Connections to the database that were given up.";
}
