//! A part of the measurement: some arms that are measured together, and the goals that they answer.

use std::{net::SocketAddr, time::Duration};

use testing::Folder;

use super::goal::Goal;
use crate::{
    deployment::Deployment,
    generator::{Target, Wire},
    page::Curve,
    rounds::{Arm, Plan, Rounds, measure},
};

/// What all chapters work with.
pub(crate) struct Stand {
    pub(crate) deployment: Deployment,
    pub(crate) plan: Plan,
    /// Threads that make calls.
    pub(crate) threads: usize,
    /// For the scripts of pgbench.
    pub(crate) folder: Folder,
    /// Whether the run is a short one.
    pub(crate) quick: bool,
}

impl Stand {
    /// Callers of an HTTP/2 server, 16 on each connection.
    pub(crate) fn target(&self, address: SocketAddr, callers: usize) -> Target {
        Target {
            address,
            wire: Wire::Http2,
            callers,
            streams: 16,
            threads: self.threads,
        }
    }

    /// Measures arms in turn.
    pub(crate) async fn measure(
        &self,
        title: &str,
        mut arms: Vec<Box<dyn Arm>>,
    ) -> anyhow::Result<Rounds> {
        measure(title, &mut arms, &self.deployment.meters, self.plan).await
    }

    /// The plan with longer blocks, for arms that do little in a second.
    pub(crate) fn slow_plan(&self) -> Plan {
        Plan {
            block: self.plan.block.max(Duration::from_secs(3)),
            ..self.plan
        }
    }
}

/// The results of a part.
#[derive(Debug, Default)]
pub(crate) struct Chapter {
    pub(crate) title: &'static str,
    /// What was measured and how, as the page says it.
    pub(crate) text: &'static str,
    pub(crate) rounds: Vec<(String, Rounds)>,
    pub(crate) curves: Vec<Curve>,
    pub(crate) goals: Vec<Goal>,
}
