//! Calls that begin at fixed times, as an arm: only useful answers count.

use std::{sync::Arc, time::Duration};

use futures_util::future::LocalBoxFuture;

use crate::{
    generator::{self, Calls, Offer},
    rounds::{Arm, Work},
};

/// An offered load.
pub(crate) struct OfferedArm<C> {
    pub(crate) name: String,
    pub(crate) calls: Arc<C>,
    pub(crate) offer: Offer,
}

impl<C: Calls> Arm for OfferedArm<C> {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn block(&mut self, length: Duration) -> LocalBoxFuture<'_, anyhow::Result<Work>> {
        Box::pin(async move {
            let outcome = generator::offer(&self.calls, self.offer, length).await?;
            Ok(outcome.work())
        })
    }
}
