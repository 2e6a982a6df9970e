//! Column lists and predicates that stand in more than one statement, each written once.
//!
//! `sql!(query_as Row, ["text " fragment " text"], argument, …)` is `sqlx::query_as!` with the fragments below in its text, so
//! the compiler checks the whole statement. The types named in a list of columns must be in scope where the list is used.
//!
//! Aliases are the same in all statements: `s` is a session, `a` its account, `k` an API key. `caller(caller, now)` as the first
//! argument stands for the parameters `$1` to `$5` of `caller_is_live`.

/// A checked statement: see the module.
macro_rules! sql {
    // The columns of an `Account`.
    (@ $head:tt [$($text:tt)*] [account_columns $($rest:tt)*] $arguments:tt) => {
        sql!(@ $head [$($text)* r#"a.id as "id: UserId", a.email as "email: Email", a.display_name as "display_name: DisplayName",
             a.role as "role: Role", a.state as "state: AccountState", a.epoch, a.revision, a.create_time, a.update_time"#]
            [$($rest)*] $arguments)
    };
    // The columns of a `SessionState`.
    (@ $head:tt [$($text:tt)*] [session_state_columns $($rest:tt)*] $arguments:tt) => {
        sql!(@ $head [$($text)* r#"s.id as "session_id: SessionId", s.account_id as "account_id: UserId", a.role as "role: Role",
             a.epoch, s.generation, s.rotate_time, s.idle_deadline, s.absolute_deadline"#]
            [$($rest)*] $arguments)
    };
    // The columns of a `RecordedEvent`.
    (@ $head:tt [$($text:tt)*] [audit_event_columns $($rest:tt)*] $arguments:tt) => {
        sql!(@ $head [$($text)*
            r#"id, time, kind, account_id as "account_id: UserId", actor, session_id, ip, user_agent"#]
            [$($rest)*] $arguments)
    };
    // The beginning of a statement that records an event of an account.
    (@ $head:tt [$($text:tt)*] [insert_audit_event $($rest:tt)*] $arguments:tt) => {
        sql!(@ $head [$($text)*
            "insert into auth.audit_event (id, time, kind, account_id, session_id, ip, user_agent)"]
            [$($rest)*] $arguments)
    };
    // The beginning of a statement that revokes tokens.
    (@ $head:tt [$($text:tt)*] [insert_revocation $($rest:tt)*] $arguments:tt) => {
        sql!(@ $head [$($text)*
            "insert into auth.revocation (kind, subject, min_epoch, create_time, expire_time)"]
            [$($rest)*] $arguments)
    };
    // The session `s` of the account `a` can be used at the time of this parameter.
    (@ $head:tt [$($text:tt)*] [session_is_live($now:literal) $($rest:tt)*] $arguments:tt) => {
        sql!(@ $head [$($text)*
            "s.revoke_time is null and coalesce(s.epoch, 0) >= a.session_epoch and s.idle_deadline > " $now
            " and s.absolute_deadline > " $now]
            [$($rest)*] $arguments)
    };
    // The API key `k` can be used at the time of this parameter.
    (@ $head:tt [$($text:tt)*] [key_is_live($now:literal) $($rest:tt)*] $arguments:tt) => {
        sql!(@ $head [$($text)* "k.revoke_time is null and k.expire_time > " $now] [$($rest)*] $arguments)
    };
    // The access token of a caller is still valid: `s` is its session and live, `a` its account, active and of its epoch,
    // unless only the other sessions have ended since.
    (@ $head:tt [$($text:tt)*] [caller_is_live $($rest:tt)*] $arguments:tt) => {
        sql!(@ $head [$($text)* "s.id = $1 and s.account_id = $2 and (a.epoch = $3 or s.token_epoch <= $3) and a.state = $4 and "]
            [session_is_live("$5") $($rest)*] $arguments)
    };
    (@ $head:tt [$($text:tt)*] [$next:literal $($rest:tt)*] $arguments:tt) => {
        sql!(@ $head [$($text)* $next] [$($rest)*] $arguments)
    };
    (@ ($query:ident $($row:ident)?) [$first:tt $($text:tt)*] [] ($($argument:expr),*)) => {
        sqlx::$query!($($row,)? $first $(+ $text)* $(, $argument)*)
    };
    ($query:ident $($row:ident)?, [$($text:tt)*], caller($caller:expr, $now:expr) $(, $argument:expr)* $(,)?) => {
        sql!(@ ($query $($row)?) [] [$($text)*] (
            $caller.session_id.uuid(),
            $caller.user_id.uuid(),
            $caller.epoch,
            $crate::accounts::domain::AccountState::Active as i16,
            $now
            $(, $argument)*
        ))
    };
    ($query:ident $($row:ident)?, [$($text:tt)*] $(, $argument:expr)* $(,)?) => {
        sql!(@ ($query $($row)?) [] [$($text)*] ($($argument),*))
    };
}

pub(crate) use sql;
