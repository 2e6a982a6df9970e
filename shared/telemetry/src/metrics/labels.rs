//! The labels whose values this project chooses. Each is an enum, so that a value cannot be misspelt.

use contract::reason::Reason;

/// A label with all its values.
pub trait Label: Copy + 'static {
    /// The name in OpenTelemetry; in Prometheus each dot is a `_`.
    const NAME: &'static str;
    /// Every value, in the order of [`Label::number`].
    const VALUES: &'static [&'static str];

    /// The index of this value in [`Label::VALUES`].
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
    let mut index = 0;
    while index < texts.len() {
        texts[index] = Reason::ALL[index].as_str();
        index += 1;
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
