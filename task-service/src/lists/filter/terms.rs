//! The texts of a filter. Each exists only if PostgreSQL can compare it with a stored text.

use api::text;
use contract::refusal::Problem;

/// Text to search for in titles and descriptions, in NFC, without control characters but newline and tab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextTerm(String);

impl TextTerm {
    /// Parses a string of a filter.
    pub(super) fn parse(raw: &str) -> Result<Self, Problem> {
        text::searched(raw).map(Self)
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A label to look for, in the form in which labels are stored: NFC, without white space at its ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LabelTerm(String);

impl LabelTerm {
    /// Parses a string of a filter.
    pub(super) fn parse(raw: &str) -> Result<Self, Problem> {
        let text = text::searched(raw)?;
        Ok(Self(text::trimmed(&text).to_owned()))
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}
