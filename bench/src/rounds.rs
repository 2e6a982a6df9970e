//! Measures arms in turn, in short blocks, so that what changes on the machine in the meantime changes all of them.
//!
//! In each round every arm has one block. The first arm is what the others are compared with: it has a second block at the other
//! end of the round, and the two are the A/A pair. The next round goes in the opposite order.

use std::{ops::Range, time::Duration};

use futures_util::future::LocalBoxFuture;

use crate::{cpu::Meter, statistics::Spread};

/// How much the A/A pair may differ. With more, the measurement is void.
pub(crate) const MAX_DIFFERENCE: f64 = 0.05;

/// Something that is measured in blocks.
pub(crate) trait Arm {
    /// What it is called in tables.
    fn name(&self) -> String;

    /// Works for about this long. Fails when any answer is wrong.
    fn block(&mut self, length: Duration) -> LocalBoxFuture<'_, anyhow::Result<Work>>;
}

/// What an arm did in a block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Work {
    /// Calls that were answered, and answered right.
    pub(crate) calls: u64,
    /// How long that took, in seconds.
    pub(crate) seconds: f64,
}

impl Work {
    /// Calls a second.
    pub(crate) fn rate(&self) -> f64 {
        count(self.calls) / self.seconds
    }
}

/// One block of one arm.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) work: Work,
    /// The CPU time of each meter.
    pub(crate) cpu: Vec<Duration>,
}

impl Block {
    /// The CPU time of a meter per call, in µs.
    fn cpu(&self, meter: usize) -> f64 {
        self.cpu[meter].as_secs_f64() * 1e6 / count(self.work.calls)
    }
}

/// All blocks of an arm.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) blocks: Vec<Block>,
}

impl Series {
    /// Calls a second.
    pub(crate) fn rate(&self) -> Spread {
        let rates = self.blocks.iter().map(|block| block.work.rate());
        Spread::of(rates).expect("at least one round is measured")
    }

    /// The CPU time of a meter per call, in µs: the median of the blocks.
    pub(crate) fn cpu(&self, meter: usize) -> f64 {
        let each = self.blocks.iter().map(|block| block.cpu(meter));
        let spread = Spread::of(each).expect("at least one round is measured");
        spread.median
    }
}

/// The results of all rounds.
#[derive(Debug)]
pub(crate) struct Rounds {
    /// The names of what [`Block::cpu`] has.
    pub(crate) meters: Vec<&'static str>,
    /// The arms, in their order.
    pub(crate) series: Vec<Series>,
    /// The second blocks of the first arm.
    pub(crate) again: Series,
}

impl Rounds {
    /// The rates of an arm ÷ those of the first one in the same round.
    pub(crate) fn ratio(&self, arm: usize) -> Spread {
        let rounds = self.series[arm].blocks.iter().enumerate();
        let ratios = rounds.map(|(round, block)| block.work.rate() / self.figure(0, round));
        Spread::of(ratios).expect("at least one round is measured")
    }

    /// The best of some arms ÷ the best of some others, in the same round. The best one is the one with the highest median.
    pub(crate) fn best_ratio(&self, ours: Range<usize>, theirs: Range<usize>) -> Spread {
        let (ours, theirs) = (self.best(ours), self.best(theirs));
        let ratios = (0..self.again.blocks.len())
            .map(|round| self.figure(ours, round) / self.figure(theirs, round));
        Spread::of(ratios).expect("at least one round is measured")
    }

    /// The CPU time per call of an arm by a meter ÷ that of the first arm by another meter, in the same round.
    pub(crate) fn cpu_ratio(&self, ours: (usize, usize), theirs: (usize, usize)) -> Spread {
        let rounds = 0..self.again.blocks.len();
        let ratios = rounds.map(|round| {
            let cpu = |(arm, meter): (usize, usize)| match arm {
                0 => f64::midpoint(
                    self.series[0].blocks[round].cpu(meter),
                    self.again.blocks[round].cpu(meter),
                ),
                _ => self.series[arm].blocks[round].cpu(meter),
            };
            cpu(ours) / cpu(theirs)
        });
        Spread::of(ratios).expect("at least one round is measured")
    }

    /// The CPU time per call of the second block of the first arm ÷ that of its first one.
    pub(crate) fn cpu_difference(&self, meter: usize) -> Spread {
        let pairs = self.again.blocks.iter().zip(&self.series[0].blocks);
        let ratios = pairs.map(|(again, first)| again.cpu(meter) / first.cpu(meter));
        Spread::of(ratios).expect("at least one round is measured")
    }

    fn best(&self, arms: Range<usize>) -> usize {
        let median = |arm: &usize| self.series[*arm].rate().median;
        let best = arms.max_by(|one, other| median(one).total_cmp(&median(other)));
        best.expect("there is an arm")
    }

    /// The second block of the first arm ÷ its first.
    pub(crate) fn difference(&self) -> Spread {
        let pairs = self.again.blocks.iter().zip(&self.series[0].blocks);
        let ratios = pairs.map(|(again, first)| again.work.rate() / first.work.rate());
        Spread::of(ratios).expect("at least one round is measured")
    }

    /// Whether the A/A pair differs by no more than [`MAX_DIFFERENCE`].
    pub(crate) fn is_valid(&self) -> bool {
        self.difference().distance_from_one() <= MAX_DIFFERENCE
    }

    /// The rate of an arm in a round. The first arm has two blocks.
    fn figure(&self, arm: usize, round: usize) -> f64 {
        let rate = |series: &Series| series.blocks[round].work.rate();
        match arm {
            0 => f64::midpoint(rate(&self.series[0]), rate(&self.again)),
            _ => rate(&self.series[arm]),
        }
    }
}

/// How often and how long to measure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) block: Duration,
}

/// Measures the arms, after one block of each that is not counted. Writes its progress to standard error.
pub(crate) async fn measure(
    title: &str,
    arms: &mut [Box<dyn Arm>],
    meters: &[Meter],
    plan: Plan,
) -> anyhow::Result<Rounds> {
    for arm in &mut *arms {
        eprintln!("{title}: warming up, {}", arm.name());
        arm.block(plan.block / 2).await?;
    }
    let series = |name| Series {
        name,
        blocks: Vec::new(),
    };
    let mut rounds = Rounds {
        meters: meters.iter().map(|meter| meter.name).collect(),
        series: arms.iter().map(|arm| series(arm.name())).collect(),
        again: series(format!("{}, again", arms[0].name())),
    };
    for round in 0..plan.rounds {
        eprintln!("{title}: round {} of {}", round + 1, plan.rounds);
        for place in order(round, arms.len()) {
            let block = block(&mut arms[place % arms.len()], meters, plan.block).await?;
            let series = rounds.series.get_mut(place).unwrap_or(&mut rounds.again);
            series.blocks.push(block);
        }
    }
    Ok(rounds)
}

/// The order of a round. The last place stands for the second block of the first arm.
fn order(round: usize, arms: usize) -> Vec<usize> {
    let forward = 0..=arms;
    if round.is_multiple_of(2) {
        forward.collect()
    } else {
        forward.rev().collect()
    }
}

async fn block(
    arm: &mut Box<dyn Arm>,
    meters: &[Meter],
    length: Duration,
) -> anyhow::Result<Block> {
    let read = || {
        meters
            .iter()
            .map(Meter::read)
            .collect::<Result<Vec<_>, _>>()
    };
    let before = read()?;
    let work = arm.block(length).await?;
    let after = read()?;
    let used = |(after, before): (Duration, Duration)| after.saturating_sub(before);
    Ok(Block {
        work,
        cpu: after.into_iter().zip(before).map(used).collect(),
    })
}

/// A count as a figure to compute with.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(crate) fn count(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An arm that needs no time: its rate is a figure of a list, one after the other.
    struct Listed(&'static str, Vec<u64>);

    impl Arm for Listed {
        fn name(&self) -> String {
            self.0.to_owned()
        }

        fn block(&mut self, _length: Duration) -> LocalBoxFuture<'_, anyhow::Result<Work>> {
            let calls = self.1.remove(0);
            let work = Work {
                calls,
                seconds: 2.0,
            };
            Box::pin(async move { Ok(work) })
        }
    }

    async fn rounds(first: Vec<u64>, second: Vec<u64>) -> Rounds {
        let mut arms: [Box<dyn Arm>; 2] = [
            Box::new(Listed("one", first)),
            Box::new(Listed("two", second)),
        ];
        let plan = Plan {
            rounds: 2,
            block: Duration::ZERO,
        };
        measure("test", &mut arms, &[], plan).await.unwrap()
    }

    #[tokio::test]
    async fn a_ratio_is_that_of_the_same_round_and_the_warm_up_is_not_counted() {
        // The second round is in the opposite order: the second block of the first arm comes first.
        let rounds = rounds(vec![1, 100, 300, 500, 300], vec![1, 100, 800]).await;
        let ratio = rounds.ratio(1);
        assert_eq!((ratio.least, ratio.most), (0.5, 2.0));
        let difference = rounds.difference();
        assert_eq!((difference.least, difference.most), (500.0 / 300.0, 3.0));
        assert!((rounds.series[1].rate().most - 400.0).abs() < 1e-9);
    }

    #[tokio::test]
    async fn a_measurement_is_void_when_the_pair_of_equal_blocks_differs() {
        let same = rounds(vec![1, 100, 104, 104, 100], vec![1, 1, 1]).await;
        assert!(same.is_valid());
        let differs = rounds(vec![1, 100, 110, 110, 100], vec![1, 1, 1]).await;
        assert!(!differs.is_valid());
    }

    #[test]
    fn every_other_round_goes_backwards() {
        assert_eq!(order(0, 2), [0, 1, 2]);
        assert_eq!(order(1, 2), [2, 1, 0]);
    }
}
