//! What the statements over tasks have in common.

/// The parts that several statements have in common. `tasks!` puts them in place of their names.
macro_rules! fragment {
    // The columns of a `Task`.
    (COLUMNS $($then:tt)*) => {
        $crate::tasks::sql::tasks!(@append r#"user_id, id, title, description, status as "status: _", priority as "priority: _", labels, due_time, create_time, update_time, complete_time, delete_time, purge_time, revision"# $($then)*)
    };
    // A task that is not deleted.
    (LIVE $($then:tt)*) => { $crate::tasks::sql::tasks!(@append "delete_time is null" $($then)*) };
    // A task that still exists at the time that follows: it is live, or deleted and to be purged later.
    (PURGED_AFTER $($then:tt)*) => { $crate::tasks::sql::tasks!(@append "coalesce(purge_time, 'infinity') > " $($then)*) };
    // The task $2 of the owner $1, at the revision $3 if one is given.
    (TARGET $($then:tt)*) => {
        $crate::tasks::sql::tasks!(@append "user_id = $1 and id = $2 and ($3::bigint is null or revision = $3)" $($then)*)
    };
}

/// `query_as!` of tasks: the texts and fragments of the statement, then its arguments.
macro_rules! tasks {
    (@append $text:literal) => { $text };
    (@append $text:literal [$($before:literal)*] $($rest:tt)*) => { $crate::tasks::sql::tasks!(@read [$($before)* $text] $($rest)*) };
    (@read [$first:literal $($more:literal)*], $($argument:expr),+ $(,)?) => {
        sqlx::query_as!($crate::tasks::domain::Task, $first $(+ $more)*, $($argument),+)
    };
    (@read [$($before:literal)*] $text:literal $($rest:tt)*) => { $crate::tasks::sql::tasks!(@read [$($before)* $text] $($rest)*) };
    (@read [$($before:literal)*] $name:ident $($rest:tt)*) => { $crate::tasks::sql::fragment!($name [$($before)*] $($rest)*) };
    ($($statement:tt)+) => { $crate::tasks::sql::tasks!(@read [] $($statement)+) };
}

pub(crate) use {fragment, tasks};

/// The columns of a task, for a statement that is built at run time.
pub(crate) const COLUMNS: &str = fragment!(COLUMNS);
/// The predicate of a live task.
pub(crate) const LIVE: &str = fragment!(LIVE);
/// The predicate of a task that is not purged yet at the time that is bound next.
pub(crate) const PURGED_AFTER: &str = fragment!(PURGED_AFTER);
/// The predicate of the task that a change is about.
#[cfg(test)]
pub(crate) const TARGET: &str = fragment!(TARGET);
