//! An arm while something else is offered to another service.

use std::{sync::Arc, time::Duration};

use futures_util::future::LocalBoxFuture;

use crate::{
    generator::{self, Calls, Offer},
    rounds::{Arm, Work},
};

/// The work of the arm counts; the flood does not.
pub(crate) struct FloodedArm<A, C> {
    pub(crate) arm: A,
    pub(crate) flood: Arc<C>,
    pub(crate) offer: Offer,
}

impl<A: Arm, C: Calls> Arm for FloodedArm<A, C> {
    fn name(&self) -> String {
        format!("{}, with the flood", self.arm.name())
    }

    fn block(&mut self, length: Duration) -> LocalBoxFuture<'_, anyhow::Result<Work>> {
        Box::pin(async move {
            let flood = generator::offer(&self.flood, self.offer, length);
            let (work, flood) = tokio::join!(self.arm.block(length), flood);
            flood?;
            work
        })
    }
}
