//! The types of settings, and the messages for a text that is not a value of the type.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::lookup::quoted;

/// The units of durations with a fixed length, in nanoseconds, largest first.
const UNITS: [(u128, &str); 7] = [
    (86_400_000_000_000, "d"),
    (3_600_000_000_000, "h"),
    (60_000_000_000, "m"),
    (1_000_000_000, "s"),
    (1_000_000, "ms"),
    (1_000, "us"),
    (1, "ns"),
];

/// A value that can be read from the text of a setting.
pub trait Setting: Sized {
    /// The form of the text, in a few words for the reference page: `duration`.
    fn form() -> String;

    /// Reads the text.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence that begins with the text: `is not a whole number`.
    fn parse(text: &str) -> Result<Self, String>;
}

/// A value with an order, whose bounds can be shown to a person.
pub trait Bounded: Setting + PartialOrd {
    /// The value as it is written in a setting.
    fn shown(&self) -> String;
}

impl Setting for bool {
    fn form() -> String {
        "true or false".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err("is neither true nor false".to_owned()),
        }
    }
}

macro_rules! whole_numbers {
    ($($number:ty),*) => {$(
        impl Setting for $number {
            fn form() -> String {
                "whole number".to_owned()
            }

            fn parse(text: &str) -> Result<Self, String> {
                text.parse().map_err(|_: std::num::ParseIntError| {
                    format!("is not a whole number from {} to {}", Self::MIN, Self::MAX)
                })
            }
        }

        impl Bounded for $number {
            fn shown(&self) -> String {
                self.to_string()
            }
        }
    )*};
}
whole_numbers!(u8, u16, u32, u64, usize);

impl Setting for Duration {
    fn form() -> String {
        "duration".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        humantime::parse_duration(text)
            .map_err(|error| format!("is not a duration such as 30s or 5m: {error}"))
    }
}

impl Bounded for Duration {
    /// In the largest unit that divides it: `365d`, `90m`, `1500ms`.
    fn shown(&self) -> String {
        let nanos = self.as_nanos();
        let (size, unit) = UNITS
            .into_iter()
            .find(|(size, _)| nanos.is_multiple_of(*size))
            .expect("a nanosecond divides every duration");
        if nanos == 0 {
            "0s".to_owned()
        } else {
            format!("{}{unit}", nanos / size)
        }
    }
}

impl Setting for SocketAddr {
    fn form() -> String {
        "address and port".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_: std::net::AddrParseError| {
            "is not an address such as 127.0.0.1:50051".to_owned()
        })
    }
}

/// Any text that is not empty.
impl Setting for String {
    fn form() -> String {
        "text".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            Err("is empty".to_owned())
        } else {
            Ok(text.to_owned())
        }
    }
}

impl Setting for PathBuf {
    fn form() -> String {
        "path".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            Err("is not a path".to_owned())
        } else {
            Ok(Self::from(text))
        }
    }
}

/// Values separated by commas; the empty text is the empty list.
impl<T: Setting> Setting for Vec<T> {
    fn form() -> String {
        format!("list, each: {}", T::form())
    }

    fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::new());
        }
        let item = |item: &str| {
            T::parse(item.trim())
                .map_err(|reason| format!("has an item {} that {reason}", quoted(item.trim())))
        };
        text.split(',').map(item).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_its_own_message_for_a_wrong_text() {
        assert_eq!(bool::parse("yes").unwrap_err(), "is neither true nor false");
        assert_eq!(
            u16::parse("65536").unwrap_err(),
            "is not a whole number from 0 to 65535"
        );
        assert!(
            Duration::parse("5 minuts")
                .unwrap_err()
                .starts_with("is not a duration such as 30s or 5m")
        );
        assert_eq!(
            SocketAddr::parse("50051").unwrap_err(),
            "is not an address such as 127.0.0.1:50051"
        );
        assert_eq!(String::parse("  ").unwrap_err(), "is empty");
        assert_eq!(PathBuf::parse("").unwrap_err(), "is not a path");
    }

    #[test]
    fn a_duration_is_shown_in_one_unit_as_it_is_written_in_a_setting() {
        for text in [
            "0s", "7d", "365d", "3650d", "36h", "90m", "45s", "1500ms", "3us", "1ns",
        ] {
            assert_eq!(Duration::parse(text).unwrap().shown(), text);
        }
        assert_eq!(Duration::parse("3600s").unwrap().shown(), "1h");
    }

    #[test]
    fn a_list_names_its_wrong_item_and_may_be_empty() {
        assert_eq!(Vec::<u8>::parse("").unwrap(), Vec::<u8>::new());
        assert_eq!(Vec::<u8>::parse("1, 2").unwrap(), [1, 2]);
        assert_eq!(
            Vec::<u8>::parse("1,x").unwrap_err(),
            "has an item \"x\" that is not a whole number from 0 to 255"
        );
    }
}
