//! P11: how soon a process is ready, and its memory.

use super::{
    chapter::{Chapter, Stand},
    goal::{Bound, Goal, Measured},
};
use crate::{memory::kibibytes, rounds::count, start::start, statistics::Spread};

const TEXT: &str = "Each process is started on a migrated database and asked for its health every millisecond. Its memory is read when it has been \
    idle for two seconds: the part that is its own (anonymous), without the code, which the system can drop and share. Memory under load is that of \
    the task service and the gateway after everything above.";
const PROGRAMS: [&str; 3] = ["auth-service", "task-service", "gateway"];

pub(crate) async fn chapter(stand: &Stand) -> anyhow::Result<Chapter> {
    let starts = if stand.quick { 3 } else { 10 };
    let upstream = format!("http://{}", stand.deployment.auth);
    let mut goals = Vec::new();
    for program in PROGRAMS {
        let (mut ready, mut memory) = (Vec::new(), Vec::new());
        for _ in 0..starts {
            let (time, used) = start(&stand.deployment.programs, &upstream, program).await?;
            ready.push(time.as_secs_f64() * 1e3);
            memory.push(mebibytes(used.private));
        }
        goals.push(figure(
            format!("{program}: start to ready, ms"),
            50.0,
            ready,
        ));
        goals.push(figure(
            format!("{program}: idle memory of its own, MiB"),
            5.0,
            memory,
        ));
    }
    let [_, task, gateway] = &stand.deployment.servers;
    for (program, server) in [("task-service", task), ("gateway", gateway)] {
        let used = mebibytes(kibibytes(server.id(), "RssAnon:")?);
        let text = format!("{program}: memory of its own under load, MiB");
        goals.push(figure(text, 32.0, vec![used]));
    }
    Ok(Chapter {
        title: "Starting, and memory",
        text: TEXT,
        goals,
        ..Chapter::default()
    })
}

fn figure(text: String, most: f64, figures: Vec<f64>) -> Goal {
    Goal {
        number: "P11",
        text,
        target: Bound::AtMost(most),
        measured: Measured::Figure(Spread::of(figures).expect("a program was started")),
    }
}

fn mebibytes(kibibytes: u64) -> f64 {
    count(kibibytes) / 1024.0
}
