//! The rows of a deleted account, followed to the last one in both schemas: over an outage, a restart, a restore, and a write that
//! was under way.

use std::time::Duration;

use crate::{
    outage::until_serving,
    services::{AUTH_TABLES, RECORDED, Services, late_write, rows},
};

#[tokio::test]
async fn a_deleted_account_leaves_no_row_in_either_schema_over_an_outage_and_a_restart() {
    let services = Services::start().await;
    let first = services.task_process().await;
    until_serving(&first.channel).await;
    let ada = services.sign_up("ada@example.com").await;
    let bob = services.sign_up("bob@example.com").await;
    first.write(&ada).await;
    first.write(&bob).await;
    services.task_rows(&ada, 7).await;

    // The deletion is made while the two services cannot reach each other, and a process is replaced meanwhile.
    services.network.disconnect();
    services.delete_account(&ada).await;
    services.becomes(&rows(&AUTH_TABLES, &ada.id), 0).await;
    drop(first);
    let second = services.task_process().await;
    services.task_rows(&ada, 7).await;
    services.network.forward();
    services.task_rows(&ada, 0).await;
    services.task_rows(&bob, 7).await;
    until_serving(&second.channel).await;
    second.is_refused(&ada).await;

    // A call that was under way writes afterwards. Its row is found later.
    services.execute(&late_write(&ada)).await;
    services.clock.advance(Duration::from_mins(11));
    drop(second);
    let third = services.task_process().await;
    services.task_rows(&ada, 0).await;

    // When no token of the account can be valid any more, nothing is left of it but the record of its deletion.
    services.clock.advance(Duration::from_hours(2));
    drop(third);
    let _fourth = services.task_process().await;
    services.becomes(RECORDED, 0).await;
    services
        .becomes("select count(*) from auth.account_deletion", 1)
        .await;
    services.task_rows(&bob, 7).await;
}

/// The auth service loses the end of its history and gives sequences again that were read here before.
#[tokio::test]
async fn deletions_are_found_after_a_restore_of_the_auth_service() {
    let services = Services::start().await;
    let process = services.task_process().await;
    until_serving(&process.channel).await;
    let ada = services.sign_up("ada@example.com").await;
    let bob = services.sign_up("bob@example.com").await;
    process.write(&bob).await;
    services.delete_account(&ada).await;
    services.becomes(RECORDED, 1).await;
    drop(process);
    services
        .execute(
            "delete from tasks.deleted_account; delete from auth.account_deletion;
             delete from auth.account_deletion_head;
             update tasks.deletions_read set incarnation = 'before the restore', sequence = 1000",
        )
        .await;
    services.delete_account(&bob).await;
    let _process = services.task_process().await;
    services.task_rows(&bob, 0).await;
}

/// Rows of an account are back that was deleted long ago.
#[tokio::test]
async fn deletions_are_found_again_after_a_restore_of_the_task_service() {
    let services = Services::start().await;
    let process = services.task_process().await;
    until_serving(&process.channel).await;
    let ada = services.sign_up("ada@example.com").await;
    let bob = services.sign_up("bob@example.com").await;
    services.delete_account(&ada).await;
    services.delete_account(&bob).await;
    let purged = "select count(*) from tasks.deleted_account where purge_time is not null";
    services.becomes(purged, 2).await;
    drop(process);
    services.execute(&late_write(&bob)).await;
    services
        .execute(
            "delete from tasks.deletions_read; delete from tasks.deleted_account;
             update auth.account_deletion set delete_time = delete_time - interval '3 years'",
        )
        .await;
    let _process = services.task_process().await;
    services.task_rows(&bob, 0).await;
    // An old deletion of an account without rows needs no work.
    services.becomes(RECORDED, 1).await;
    services
        .becomes("select sequence from tasks.deletions_read", 2)
        .await;
}

#[tokio::test]
async fn an_account_whose_rows_cannot_be_removed_keeps_no_other_account_waiting() {
    let services = Services::start().await;
    let process = services.task_process().await;
    let replica = services.task_process().await;
    until_serving(&process.channel).await;
    let ada = services.sign_up("ada@example.com").await;
    let bob = services.sign_up("bob@example.com").await;
    process.write(&ada).await;
    process.write(&bob).await;
    let refuse = format!(
        "create function tasks.refuse() returns trigger language plpgsql as $$
         begin raise exception 'this row stays'; end $$;
         create trigger refuse before delete on tasks.task
         for each row when (old.user_id = '{}') execute function tasks.refuse()",
        ada.id
    );
    services.execute(&refuse).await;
    services.delete_account(&ada).await;
    services.becomes(RECORDED, 1).await;
    services.delete_account(&bob).await;
    services.task_rows(&bob, 0).await;
    services.task_rows(&ada, 7).await;
    services.execute("drop trigger refuse on tasks.task").await;
    drop((process, replica));
    let _process = services.task_process().await;
    services.task_rows(&ada, 0).await;
}
