//! Calls of the generator as an arm.

use std::{sync::Arc, time::Duration};

use futures_util::future::LocalBoxFuture;

use crate::{
    generator::{self, Calls, Target},
    rounds::{Arm, Work},
};

/// Some calls to one server.
pub(crate) struct CallArm<C> {
    pub(crate) name: String,
    pub(crate) calls: Arc<C>,
    pub(crate) target: Target,
}

impl<C: Calls> Arm for CallArm<C> {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn block(&mut self, length: Duration) -> LocalBoxFuture<'_, anyhow::Result<Work>> {
        Box::pin(generator::run(&self.calls, self.target, length))
    }
}
