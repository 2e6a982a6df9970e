//! Pauses between attempts: they double, and verifiers that lost the same server do not come back in step.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(1);

/// The next pause is between half of this and all of it: 50 ms to 1 s.
#[derive(Debug)]
pub(super) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Backoff {
    pub(super) fn next(&mut self) -> Duration {
        let mut random = [0];
        aws_lc_rs::rand::fill(&mut random).expect("the operating system gives random bytes");
        let half = self.0 / 2;
        self.0 = (self.0 * 2).min(LONGEST);
        half + half * u32::from(random[0]) / u32::from(u8::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_from_50_ms_to_1_s_and_no_further() {
        let mut backoff = Backoff::default();
        let first = backoff.next();
        assert!((FIRST / 2..=FIRST).contains(&first), "{first:?}");
        let later: Vec<_> = (0..20).map(|_| backoff.next()).collect();
        assert!(
            later[10..]
                .iter()
                .all(|pause| (LONGEST / 2..=LONGEST).contains(pause))
        );
        assert!(
            later[10..].windows(2).any(|pair| pair[0] != pair[1]),
            "no jitter"
        );
    }
}
