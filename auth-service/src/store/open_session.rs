//! The sessions of an account that are open, as it may see them.

use chrono::{DateTime, Utc};
use shared::{caller::Caller, database, ids::SessionId};
use sqlx::PgConnection;

use super::ACTIVE;

/// Most sessions that one list shows.
const MOST_LISTED: i64 = 500;

/// A session, as its account may see it.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) id: SessionId,
    pub(crate) device_label: String,
    pub(crate) user_agent: String,
    pub(crate) ip: Option<String>,
    pub(crate) create_time: DateTime<Utc>,
    pub(crate) rotate_time: DateTime<Utc>,
    pub(crate) idle_deadline: DateTime<Utc>,
}

/// The open sessions of a caller whose own is live, the newest first; empty when it is not, since it would be listed.
pub(crate) async fn list(
    connection: &mut PgConnection,
    caller: &Caller,
    now: DateTime<Utc>,
) -> Result<Vec<Listed>, database::Error> {
    let listed = sqlx::query_as!(
        Listed,
        r#"select s.id as "id: SessionId", s.device_label, s.user_agent, s.ip, s.create_time, s.rotate_time, s.idle_deadline
           from auth.session own
           join auth.account a on a.id = own.account_id
           join auth.session s on s.account_id = own.account_id
           where own.id = $1 and own.account_id = $2 and a.epoch = $3 and a.state = $4
             and own.revoke_time is null and own.idle_deadline > $5 and own.absolute_deadline > $5
             and s.revoke_time is null and s.idle_deadline > $5 and s.absolute_deadline > $5
           order by s.create_time desc, s.id desc
           limit $6"#,
        caller.session_id.uuid(),
        caller.user_id.uuid(),
        caller.epoch,
        ACTIVE,
        now,
        MOST_LISTED,
    )
    .fetch_all(connection)
    .await?;
    Ok(listed)
}
