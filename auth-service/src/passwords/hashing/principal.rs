//! Who a password is hashed for: what has a share of the hashing threads.

use std::net::{IpAddr, Ipv4Addr};

use api::ids::UserId;
use transport::network::CustomerBlock;

use crate::digest::sha256;

/// The line that a call waits in. While neither is empty, the threads take from both in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Callers with a session and known devices.
    Known,
    /// Everyone else.
    Anyone,
}

/// Whose turn a hash takes: that of a client address, within it that of an account, and within that the one of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashingPrincipal {
    pub(super) line: Line,
    pub(super) address: CustomerBlock,
    pub(super) account: [u8; 32],
    pub(super) device: [u8; 32],
}

impl HashingPrincipal {
    /// Someone who is not known, and tries a password or signs up for the email address with this hash, with or without an account.
    #[must_use]
    pub fn anyone(email_hash: [u8; 32], address: Option<IpAddr>) -> Self {
        Self {
            line: Line::Anyone,
            address: block(address),
            account: email_hash,
            device: [0; 32],
        }
    }

    /// A known device of an account, under the key that its failures are counted under.
    #[must_use]
    pub fn known(account_id: UserId, device: [u8; 32], address: Option<IpAddr>) -> Self {
        Self {
            line: Line::Known,
            address: block(address),
            account: sha256(account_id.uuid().as_bytes()),
            device,
        }
    }

    /// Distinguishes the account in this line.
    pub(crate) fn account_key(&self) -> [u8; 32] {
        match self.line {
            Line::Known => sha256(&self.account),
            Line::Anyone => self.account,
        }
    }
}

/// The largest block of an address, because whoever has it has all addresses in it. Calls without a known address share one.
fn block(address: Option<IpAddr>) -> CustomerBlock {
    let address = address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let largest = CustomerBlock::of(address).last();
    largest.expect("an address is in a block")
}
