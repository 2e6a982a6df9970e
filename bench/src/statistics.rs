//! What is computed from measured figures.

use std::fmt;

/// The median of some figures, the smallest and the largest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// `None` without a figure.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let end = sorted.len() - 1;
        let median = f64::midpoint(sorted[end / 2], sorted[end.div_ceil(2)]);
        Some(Self {
            median,
            least,
            most,
        })
    }

    /// A single figure.
    pub(crate) fn of_one(figure: f64) -> Self {
        Self {
            median: figure,
            least: figure,
            most: figure,
        }
    }

    /// How far the median is from 1.
    pub(crate) fn distance_from_one(&self) -> f64 {
        (self.median - 1.0).abs()
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            median,
            least,
            most,
        } = self;
        write!(f, "{median:.2} ({least:.2} to {most:.2})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(figures: &[f64]) -> (f64, f64, f64) {
        let spread = Spread::of(figures.iter().copied()).unwrap();
        (spread.median, spread.least, spread.most)
    }

    #[test]
    fn the_median_of_an_odd_number_is_the_middle_one() {
        assert_eq!(spread(&[9.0, 1.0, 2.0]), (2.0, 1.0, 9.0));
        assert_eq!(spread(&[4.0]), (4.0, 4.0, 4.0));
    }

    #[test]
    fn the_median_of_an_even_number_is_between_the_two_in_the_middle() {
        assert_eq!(spread(&[8.0, 1.0, 2.0, 4.0]), (3.0, 1.0, 8.0));
    }

    #[test]
    fn nothing_has_no_median() {
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn the_distance_counts_in_both_directions() {
        let distance = |median| Spread::of([median]).unwrap().distance_from_one();
        assert!((distance(0.9) - 0.1).abs() < 1e-9);
        assert!((distance(1.1) - 0.1).abs() < 1e-9);
    }
}
