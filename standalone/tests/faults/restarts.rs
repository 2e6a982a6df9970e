//! Every process is restarted again and again under load, and no call fails.

use auth_service::SCHEMA as AUTH;
use task_service::SCHEMA as TASK;
use testing::Database;

use crate::{
    cluster::{RestartableProcess, ServiceKind, auth, gateway, port, task},
    load::Load,
};

/// How often each process is restarted: twice, or as often as `TEST_RESTARTS` says.
fn restarts() -> usize {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests are configured only by their environment"
    )]
    std::env::var("TEST_RESTARTS").map_or(2, |number| number.parse().unwrap())
}

/// Longer than a gRPC client waits before it connects to a lost replica again (1 s ± 20 %). So it is connected to the restarted
/// replica before the other one stops.
const PAUSE: &str = "2s";

fn with_pause(
    variable: &'static str,
    mut variables: Vec<(&'static str, String)>,
) -> Vec<(&'static str, String)> {
    variables.push((variable, PAUSE.to_owned()));
    variables
}

async fn start_two(
    kind: ServiceKind,
    variables: &[(&'static str, String)],
) -> [RestartableProcess; 2] {
    let one = || RestartableProcess::start(kind, port(), variables.to_vec());
    [one().await, one().await]
}

fn addresses(replicas: &[RestartableProcess; 2]) -> [String; 2] {
    replicas.each_ref().map(|replica| replica.address.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the figures of the full form")]
async fn no_call_fails_and_no_write_is_lost_while_every_process_is_restarted() {
    let database = Database::with(&[AUTH, TASK]).await;
    let variables = with_pause("TANDEM_AUTH__SERVER__PAUSE", auth(database.url()));
    let mut auths = start_two(ServiceKind::Auth, &variables).await;
    let auth_addresses = addresses(&auths);
    let variables = task(database.url(), &auth_addresses);
    let variables = with_pause("TANDEM_TASK__SERVER__PAUSE", variables);
    let mut tasks = start_two(ServiceKind::Task, &variables).await;
    let task_addresses = addresses(&tasks);
    let mut gateways = start_two(
        ServiceKind::Gateway,
        &gateway(&auth_addresses, &task_addresses),
    )
    .await;
    let load = Load::start(&auth_addresses, &task_addresses, &addresses(&gateways)).await;

    for kind in ServiceKind::ALL {
        let replicas = match kind {
            ServiceKind::Auth => &mut auths,
            ServiceKind::Task => &mut tasks,
            ServiceKind::Gateway => &mut gateways,
        };
        for number in 0..2 * restarts() {
            replicas[number % 2].restart().await;
        }
    }

    let report = load.end().await;
    println!("{report:#}");
    assert_eq!(report["failed"], 0, "{report:#}");
    assert_eq!(
        (&report["lost"], &report["twice"]),
        (&0.into(), &0.into()),
        "{report:#}"
    );
    assert!(report["acknowledged"].as_u64().unwrap() > 100, "{report:#}");
}
