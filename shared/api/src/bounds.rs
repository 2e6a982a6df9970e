//! The bounds of values that more than one part of Tandem checks or describes. The contract has them in its comments.

use std::ops::RangeInclusive;

/// Code points of the title of a task.
pub const TITLE: RangeInclusive<usize> = 1..=200;
/// Code points of the description of a task.
pub const DESCRIPTION: RangeInclusive<usize> = 0..=2000;
/// Bytes of an attempt tag.
pub const ATTEMPT_TAG: RangeInclusive<usize> = 16..=64;
