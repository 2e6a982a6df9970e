//! Delays between attempts: they double, and are random, so that verifiers that lost the same server do not reconnect at the same
//! moment.

use std::time::Duration;

const FIRST_DELAY: Duration = Duration::from_millis(100);
const MAX_DELAY: Duration = Duration::from_secs(1);

/// The next delay is between half of this and all of it: 50 ms to 1 s.
#[derive(Debug)]
pub(super) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(FIRST_DELAY)
    }
}

impl Backoff {
    pub(super) fn next(&mut self) -> Duration {
        let mut random = [0];
        aws_lc_rs::rand::fill(&mut random).expect("the operating system gives random bytes");
        let half = self.0 / 2;
        self.0 = (self.0 * 2).min(MAX_DELAY);
        half + half * u32::from(random[0]) / u32::from(u8::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_from_50_ms_to_1_s_and_no_further() {
        let mut backoff = Backoff::default();
        let first = backoff.next();
        assert!(
            (FIRST_DELAY / 2..=FIRST_DELAY).contains(&first),
            "{first:?}"
        );
        let later: Vec<_> = (0..20).map(|_| backoff.next()).collect();
        assert!(
            later[10..]
                .iter()
                .all(|delay| (MAX_DELAY / 2..=MAX_DELAY).contains(delay))
        );
        assert!(
            later[10..].windows(2).any(|pair| pair[0] != pair[1]),
            "no jitter"
        );
    }
}
