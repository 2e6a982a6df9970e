//! The labels whose values are ours to choose, each as an enum, so that a value cannot be misspelt or made up.

use contract::reason::Reason;

/// A label with all its values.
pub trait Label: Copy + 'static {
    /// As OpenTelemetry calls it; Prometheus has `_` for each dot.
    const NAME: &'static str;
    /// Every value there is, in the order of [`Label::number`].
    const VALUES: &'static [&'static str];

    /// The place of this value in [`Label::VALUES`].
    fn number(self) -> usize;
}

/// Defines labels: an enum for each.
#[macro_export]
macro_rules! metric_labels {
    ($(
        $(#[$meta:meta])*
        $label:ident = $name:literal { $( $(#[$value_meta:meta])* $value:ident = $text:literal, )+ }
    )+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $label { $( $(#[$value_meta])* $value, )+ }

        impl $crate::metrics::labels::Label for $label {
            const NAME: &'static str = $name;
            const VALUES: &'static [&'static str] = &[ $( $text, )+ ];

            fn number(self) -> usize {
                self as usize
            }
        }
    )+};
}

/// The values of `tandem.reason`, in the order of [`Reason::ALL`].
const REASONS: [&str; Reason::ALL.len()] = {
    let mut texts = [""; Reason::ALL.len()];
    let mut at = 0;
    while at < texts.len() {
        texts[at] = Reason::ALL[at].as_str();
        at += 1;
    }
    texts
};

impl Label for Reason {
    const NAME: &'static str = "reason";
    const VALUES: &'static [&'static str] = &REASONS;

    fn number(self) -> usize {
        self as usize
    }
}
