//! The places of calls in flight, and the bytes that calls may make the server hold.

use contract::refusal::refuse_with_reason;
use tonic::Status;

use crate::{
    access::{Access, Rpc},
    shares::{ArrivingShares, CallKind, CallShare, CallShares, Principal, Shares},
};

/// What all calls of a server share. Calls of services, health checks, and the streams of health and reflection have places of
/// their own, so that no user can take them.
#[derive(Debug)]
pub(crate) struct CallPlaces {
    calls: CallShares,
    services: CallShares,
    checks: CallShares,
    infrastructure_streams: CallShares,
    pub(super) arriving: ArrivingShares,
}

impl CallPlaces {
    /// `max_in_flight` places and `max_unsent` bytes of answers of each kind, of which one principal may have `percent`.
    pub(crate) fn new(max_in_flight: usize, max_unsent: usize, percent: u8) -> Self {
        let places = || CallShares {
            places: Shares::new(max_in_flight, percent),
            unsent: Shares::new(max_unsent, percent),
        };
        Self {
            calls: places(),
            services: places(),
            checks: places(),
            infrastructure_streams: places(),
            arriving: ArrivingShares::new(max_in_flight, percent),
        }
    }

    /// The calls in flight, without those of health and reflection.
    pub(crate) fn in_flight(&self) -> usize {
        self.calls.places.in_use() + self.services.places.in_use()
    }

    /// A place for a call whose message is complete.
    pub(super) fn take(&self, rpc: Option<Rpc>, principal: Principal) -> Result<CallShare, Status> {
        let places = match rpc {
            Some(rpc) if rpc.infrastructure && rpc.streaming => &self.infrastructure_streams,
            Some(rpc) if rpc.infrastructure => &self.checks,
            Some(rpc) if rpc.access == Access::Service => &self.services,
            Some(_) | None => &self.calls,
        };
        let kind = CallKind(rpc.map_or(u64::MAX, |rpc| rpc.number as u64));
        places.take(principal, kind).map_err(refuse_with_reason)
    }
}
