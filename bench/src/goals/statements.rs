//! The scripts of pgbench. Each computes its keys from a random number, as `population` makes them.

use crate::population::{FIRST, Population, TASK_PREFIX, USER_PREFIX, sql_id};

/// The columns that the services read.
const COLUMNS: &str = "user_id, id, title, description, status, priority, labels, due_time, create_time, update_time, complete_time, \
    delete_time, purge_time, revision";

/// Chooses a task: its owner is `:u`, its id `:t`.
fn choose(population: Population) -> String {
    let Population { users, tasks } = population;
    format!(
        "\\set n random(0, {})\n\\set u {FIRST} + :n % {users}\n\\set t {FIRST} + :n\n",
        tasks - 1
    )
}

fn owner() -> String {
    format!("('{USER_PREFIX}' || (:u)::text)::uuid")
}

fn key() -> String {
    let owner = owner();
    format!("user_id = {owner} and id = ('{TASK_PREFIX}' || (:t)::text)::uuid")
}

/// The statement of `GetTask`.
pub(crate) fn get(population: Population) -> String {
    format!(
        "{}select {COLUMNS} from tasks.task where {} and coalesce(purge_time, 'infinity') > now();\n",
        choose(population),
        key()
    )
}

/// A plain insert of one row.
pub(crate) fn insert(population: Population) -> String {
    format!(
        "{}insert into tasks.task
            (user_id, id, title, description, status, priority, labels, create_time, update_time, revision)
         values ({}, gen_random_uuid(), 'Changed, number 1', '', 1, 2, '{{}}', date_trunc('milliseconds', now()), now(), 1)
         returning {COLUMNS};\n",
        choose(population),
        owner()
    )
    .replace("\n ", " ")
}

/// A plain update of one row.
pub(crate) fn update(population: Population) -> String {
    format!(
        "{}update tasks.task set title = 'Changed, number ' || (:n)::text, update_time = now(), revision = revision + 1 where {}
         returning {COLUMNS};\n",
        choose(population),
        key()
    )
    .replace("\n ", " ")
}

/// The first digits of the ids of sessions that pgbench refreshes.
const SESSION_PREFIX: &str = "019b76da84007002";

/// Adds a session of each user for pgbench, as the service opens them.
pub(crate) fn sessions(population: Population) -> Vec<String> {
    let columns = "generation, secret_hash, attempt_tag, declares_tag, device_label, user_agent, ip, create_time, rotate_time, \
        idle_deadline, absolute_deadline, epoch";
    let insert = format!(
        "insert into auth.session (id, account_id, {columns})
         select {}, {}, {columns} from (select * from auth.session limit 1) one, generate_series(0, {}) n",
        sql_id(SESSION_PREFIX, "n"),
        sql_id(USER_PREFIX, "n"),
        population.users - 1
    );
    vec![insert, "vacuum analyze auth.session".to_owned()]
}

/// The update of `RefreshTokens`, of any generation.
pub(crate) fn refresh(population: Population) -> String {
    let Population { users, .. } = population;
    format!(
        "\\set s {FIRST} + random(0, {})\n\
         update auth.session s set generation = s.generation + 1, attempt_tag = null, \
         declares_tag = s.declares_tag or null::bytea is not null, user_agent = '', ip = '127.0.0.1', rotate_time = now(), \
         idle_deadline = least(now() + interval '14 days', s.absolute_deadline) from auth.account a \
         where s.id = ('{SESSION_PREFIX}' || (:s)::text)::uuid and s.generation >= 0 and s.secret_hash is not null \
         and s.revoke_time is null and coalesce(s.epoch, 0) >= a.session_epoch and s.idle_deadline > now() \
         and s.absolute_deadline > now() and a.id = s.account_id and a.state = 1 \
         returning s.id, s.account_id, a.role, a.epoch, s.generation, s.rotate_time, s.idle_deadline, s.absolute_deadline;\n",
        users - 1
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_one_line_after_the_three_that_choose_its_row() {
        let population = Population {
            users: 10,
            tasks: 100,
        };
        for script in [get(population), insert(population), update(population)] {
            assert_eq!(script.lines().count(), 4, "{script}");
            assert!(
                script.starts_with("\\set n random(0, 99)\n\\set u 8000000000000000 + :n % 10\n")
            );
        }
    }
}
