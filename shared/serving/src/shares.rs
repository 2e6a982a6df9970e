//! Fair shares of what is bounded: a bound for all callers together, and beside it one for each principal, so that nobody's greed
//! is another caller's refusal.

mod arriving;
mod held_body;

use std::{
    collections::{HashMap, hash_map::Entry},
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use api::ids::UserId;
use contract::reason::Reason;
use transport::network::CustomerBlock;

pub use self::{
    arriving::ArrivingShares,
    held_body::{CallShare, CallShares, HeldBody},
};

/// Bytes of each request that need no share while the request arrives. Most requests are shorter, and so none of them is refused
/// because of long ones.
const FREE_BYTES: usize = 1024;

/// Whom a share belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Principal {
    /// The account of a verified access token.
    User(UserId),
    /// The address of a client without one. An IPv6 /64 counts as one address; a /56 may have twice as much, a /48 three times.
    Address(IpAddr),
    /// A service that has shown its secret: only the bound for all applies.
    Service,
}

impl Principal {
    /// The principal of a call without a verified user. Clients without a known address count as one.
    #[must_use]
    pub fn of_address(address: Option<IpAddr>) -> Self {
        Self::Address(address.unwrap_or(Ipv4Addr::UNSPECIFIED.into()))
    }

    /// The keys that it is counted by, each with how many times the share of a principal it may have.
    fn keys(self) -> impl Iterator<Item = (ShareKey, usize)> {
        let (user, address) = match self {
            Self::User(user) => (Some(user), None),
            Self::Address(address) => (None, Some(address)),
            Self::Service => (None, None),
        };
        let user = user.map(|user| (ShareKey::User(user), 1));
        let blocks = address.into_iter().flat_map(CustomerBlock::of);
        let blocks = blocks.map(|block| (ShareKey::Block(block), block.share() as usize));
        user.into_iter().chain(blocks)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum ShareKey {
    User(UserId),
    Block(CustomerBlock),
}

/// Something that is bounded, in units such as calls or bytes. It stores only principals that hold some of it.
#[derive(Debug)]
pub struct Shares {
    total: usize,
    each: usize,
    held: Mutex<HeldUnits>,
}

/// Calls that have answers of about the same length, such as those of one RPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallKind(pub u64);

#[derive(Debug, Default)]
struct HeldUnits {
    all: usize,
    by_key: HashMap<ShareKey, Holding>,
}

/// What a principal holds.
#[derive(Debug, Default)]
struct Holding {
    units: usize,
    /// The last call whose answer did not fit, and the units that this answer needed.
    did_not_fit: Option<(CallKind, usize)>,
}

impl HeldUnits {
    fn add(&mut self, principal: Principal, units: usize) {
        self.all += units;
        for (key, _) in principal.keys() {
            self.by_key.entry(key).or_default().units += units;
        }
    }

    /// Whether the principal has its share, in which `units` more do not fit.
    fn is_share_full(&self, principal: Principal, units: usize, each: usize) -> bool {
        principal.keys().any(|(key, times)| {
            let now = self.by_key.get(&key).map_or(0, |holding| holding.units);
            now.saturating_add(units) > each.saturating_mul(times)
        })
    }

    /// Whether the principal holds nothing but these units.
    fn is_first(&self, principal: Principal, own: usize) -> bool {
        principal.keys().all(|(key, _)| {
            let held = self.by_key.get(&key).map_or(0, |holding| holding.units);
            held <= own
        })
    }

    /// Notes that the answer of a call did not fit. It is forgotten when the principal holds nothing.
    fn note(&mut self, principal: Principal, kind: CallKind, units: usize) {
        for (key, _) in principal.keys() {
            if let Some(holding) = self.by_key.get_mut(&key) {
                holding.did_not_fit = Some((kind, units));
            }
        }
    }

    /// The units that the answer of such a call is likely to need: those that did not fit the last time, else one.
    fn likely(&self, principal: Principal, kind: CallKind) -> usize {
        let known = principal.keys().filter_map(|(key, _)| {
            let (last, units) = self.by_key.get(&key)?.did_not_fit?;
            (last == kind).then_some(units)
        });
        known.max().unwrap_or(1)
    }
}

impl Shares {
    /// `total` units, of which one principal may hold `percent`, at least one unit.
    #[must_use]
    pub fn new(total: usize, percent: u8) -> Arc<Self> {
        let each = total.saturating_mul(usize::from(percent)) / 100;
        Arc::new(Self {
            total,
            each: each.max(1),
            held: Mutex::default(),
        })
    }

    /// A share that holds nothing yet.
    pub fn share(self: &Arc<Self>, principal: Principal) -> Share {
        Share {
            shares: Arc::clone(self),
            principal,
            units: 0,
        }
    }

    /// One unit for `principal`.
    ///
    /// # Errors
    /// As [`Share::add`].
    pub fn take(self: &Arc<Self>, principal: Principal) -> Result<Share, Reason> {
        let mut share = self.share(principal);
        share.add(1)?;
        Ok(share)
    }

    /// The units that all principals hold now.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.held().all
    }

    fn held(&self) -> MutexGuard<'_, HeldUnits> {
        // A panic while it was locked leaves nothing half-done: the code that holds the lock only counts.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one call of a principal holds. It is given back when dropped.
#[derive(Debug)]
#[must_use]
pub struct Share {
    shares: Arc<Shares>,
    principal: Principal,
    units: usize,
}

impl Share {
    /// Holds this many units more.
    ///
    /// # Errors
    /// [`Reason::Overloaded`] when there would be more than the total; [`Reason::RateLimited`] when the principal would hold more than
    /// its share. Then nothing was added.
    pub fn add(&mut self, units: usize) -> Result<(), Reason> {
        let mut held = self.shares.held();
        self.check(&held, units)?;
        held.add(self.principal, units);
        drop(held);
        self.units += units;
        Ok(())
    }

    fn check(&self, held: &HeldUnits, units: usize) -> Result<(), Reason> {
        if held.all.saturating_add(units) > self.shares.total {
            return Err(Reason::Overloaded);
        }
        if held.is_share_full(self.principal, units, self.shares.each) {
            return Err(Reason::RateLimited);
        }
        Ok(())
    }

    /// Whether there is room for the answer of a call, before it is known: for as much as the last answer to such a call needed, if
    /// that did not fit, else for one unit. So a call is not made in vain again and again.
    ///
    /// # Errors
    /// As [`Share::add`].
    pub fn expect(&self, kind: CallKind) -> Result<(), Reason> {
        let held = self.shares.held();
        if held.all < self.shares.total && held.is_first(self.principal, self.units) {
            return Ok(());
        }
        self.check(&held, held.likely(self.principal, kind))
    }

    /// Holds this many units more for the answer of a call, as [`Share::add`], but even above the bounds if its principal holds nothing
    /// else: so nothing is too large for everyone, also if it comes in parts. [`Share::expect`] learns from what does not fit.
    ///
    /// # Errors
    /// As [`Share::add`].
    pub fn add_or_be_first(&mut self, units: usize, kind: CallKind) -> Result<(), Reason> {
        let mut held = self.shares.held();
        if !held.is_first(self.principal, self.units)
            && let Err(reason) = self.check(&held, units)
        {
            held.note(self.principal, kind, units);
            return Err(reason);
        }
        held.add(self.principal, units);
        drop(held);
        self.units += units;
        Ok(())
    }

    /// Holds this many units more, even above the bounds.
    pub fn add_always(&mut self, units: usize) {
        if units == 0 {
            return;
        }
        self.shares.held().add(self.principal, units);
        self.units += units;
    }

    /// The units that it holds.
    #[must_use]
    pub fn units(&self) -> usize {
        self.units
    }

    /// Holds the bytes of a request of which this many have arrived, without the first kilobyte.
    ///
    /// # Errors
    /// As [`Share::add`].
    pub fn hold_arrived(&mut self, bytes: usize) -> Result<(), Reason> {
        let needed = bytes.saturating_sub(FREE_BYTES);
        match needed.checked_sub(self.units) {
            Some(more @ 1..) => self.add(more),
            _ => Ok(()),
        }
    }

    /// Gives back this many of its units.
    pub fn give_back(&mut self, units: usize) {
        let units = units.min(self.units);
        if units == 0 {
            return;
        }
        self.units -= units;
        let mut held = self.shares.held();
        held.all -= units;
        for (key, _) in self.principal.keys() {
            if let Entry::Occupied(mut holding) = held.by_key.entry(key) {
                holding.get_mut().units -= units;
                if holding.get().units == 0 {
                    holding.remove();
                }
            }
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back(self.units);
    }
}

#[cfg(test)]
mod tests;
