//! What is removed after its time, by a running service.

use std::time::Duration;

use crate::world::World;

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn an_owner_whose_tasks_cannot_be_removed_keeps_no_other_user_waiting() {
    let world = World::new().await;
    let (poisoned, one, other) = (world.user(), world.user(), world.user());
    for user in [&poisoned, &one, &other] {
        let task = user.task("t").await;
        user.delete(&task.id).await.unwrap();
        world.clock.advance(Duration::from_secs(1));
    }
    let refuse = format!(
        "create function tasks.refuse() returns trigger language plpgsql as $$
         begin raise exception 'this row stays'; end $$;
         create trigger refuse before delete on tasks.task
         for each row when (old.user_id = '{}') execute function tasks.refuse()",
        poisoned.id
    );
    world.execute(&refuse).await;
    world.clock.advance(31 * DAY);
    let world = world.restart().await;
    world.becomes("select count(*) from tasks.task", 1).await;

    // A process that starts later tries again, and the others' rows are not waited for either.
    let later = world.user();
    let task = later.task("t").await;
    later.delete(&task.id).await.unwrap();
    world.clock.advance(31 * DAY);
    let world = world.restart().await;
    world.becomes("select count(*) from tasks.task", 1).await;
    world.execute("drop trigger refuse on tasks.task").await;
    let world = world.restart().await;
    world.becomes("select count(*) from tasks.task", 0).await;
}
