//! Every process is restarted again and again under load, and no call fails for it.

use auth_service::SCHEMA as AUTH;
use task_service::SCHEMA as TASK;
use testing::Database;

use crate::{
    cluster::{Part, Replica, auth, gateway, port, task},
    load::Load,
};

/// Restarts of each process: so many in the suite, as many as `TEST_RESTARTS` says otherwise.
fn restarts() -> usize {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests have no configuration but their environment"
    )]
    std::env::var("TEST_RESTARTS").map_or(2, |number| number.parse().unwrap())
}

/// Longer than a client of gRPC waits before it looks again for a replica that it has lost (1 s, 20 % more or less), so that it
/// has found the one that was restarted before the other one stops.
const PAUSE: &str = "2s";

fn pausing(
    variable: &'static str,
    mut variables: Vec<(&'static str, String)>,
) -> Vec<(&'static str, String)> {
    variables.push((variable, PAUSE.to_owned()));
    variables
}

async fn two(part: Part, variables: &[(&'static str, String)]) -> [Replica; 2] {
    let one = || Replica::start(part, port(), variables.to_vec());
    [one().await, one().await]
}

fn addresses(replicas: &[Replica; 2]) -> [String; 2] {
    replicas.each_ref().map(|replica| replica.address.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the figures of the full form")]
async fn no_call_fails_and_no_write_is_lost_while_every_process_is_restarted() {
    let database = Database::with(&[AUTH, TASK]).await;
    let variables = pausing("TANDEM_AUTH__SERVER__PAUSE", auth(database.url()));
    let mut auths = two(Part::Auth, &variables).await;
    let auths_at = addresses(&auths);
    let variables = task(database.url(), &auths_at);
    let variables = pausing("TANDEM_TASK__SERVER__PAUSE", variables);
    let mut tasks = two(Part::Task, &variables).await;
    let tasks_at = addresses(&tasks);
    let mut gateways = two(Part::Gateway, &gateway(&auths_at, &tasks_at)).await;
    let load = Load::start(&auths_at, &tasks_at, &addresses(&gateways)).await;

    for part in Part::ALL {
        let replicas = match part {
            Part::Auth => &mut auths,
            Part::Task => &mut tasks,
            Part::Gateway => &mut gateways,
        };
        for number in 0..2 * restarts() {
            replicas[number % 2].restart().await;
        }
    }

    let told = load.end().await;
    println!("{told:#}");
    assert_eq!(told["failed"], 0, "{told:#}");
    assert_eq!(
        (&told["lost"], &told["twice"]),
        (&0.into(), &0.into()),
        "{told:#}"
    );
    assert!(told["acknowledged"].as_u64().unwrap() > 100, "{told:#}");
}
