//! The field types of the contract: from a message to a value, and back.

use chrono::{DateTime, Utc};
use contract::{
    proto::task::{TaskPriority, TaskStatus},
    refusal::Problem,
};

use super::values::{Due, Priority, Status};

/// Unspecified is pending.
pub(super) fn parse_status(number: i32) -> Result<Status, Problem> {
    match TaskStatus::try_from(number) {
        Ok(TaskStatus::Unspecified | TaskStatus::Pending) => Ok(Status::Pending),
        Ok(TaskStatus::InProgress) => Ok(Status::InProgress),
        Ok(TaskStatus::Completed) => Ok(Status::Completed),
        Err(_unknown) => Err(unknown_value(number)),
    }
}

impl From<Status> for TaskStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::InProgress => Self::InProgress,
            Status::Completed => Self::Completed,
        }
    }
}

/// Unspecified is normal.
pub(super) fn parse_priority(number: i32) -> Result<Priority, Problem> {
    match TaskPriority::try_from(number) {
        Ok(TaskPriority::Unspecified | TaskPriority::Normal) => Ok(Priority::Normal),
        Ok(TaskPriority::Low) => Ok(Priority::Low),
        Ok(TaskPriority::High) => Ok(Priority::High),
        Err(_unknown) => Err(unknown_value(number)),
    }
}

impl From<Priority> for TaskPriority {
    fn from(priority: Priority) -> Self {
        match priority {
            Priority::Low => Self::Low,
            Priority::Normal => Self::Normal,
            Priority::High => Self::High,
        }
    }
}

fn unknown_value(number: i32) -> Problem {
    let description = format!("{number} is not a value of this enumeration");
    Problem::new("UNKNOWN_VALUE", description)
}

pub(super) fn parse_due(raw: Option<prost_types::Timestamp>) -> Result<Due, Problem> {
    raw.map_or(Ok(Due::default()), |raw| Due::parse(raw.seconds, raw.nanos))
}

pub(super) fn to_timestamp(time: DateTime<Utc>) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: time.timestamp(),
        nanos: i32::try_from(time.timestamp_subsec_nanos())
            .expect("a fraction of a second has fewer nanoseconds than an i32 holds"),
    }
}

/// The time of a timestamp that this service made; the beginning of 1970 for any other that is not valid.
pub(super) fn from_timestamp(timestamp: prost_types::Timestamp) -> DateTime<Utc> {
    let nanos = u32::try_from(timestamp.nanos).unwrap_or_default();
    DateTime::from_timestamp(timestamp.seconds, nanos).unwrap_or(DateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_and_priority_has_the_name_and_the_number_of_the_contract() {
        for status in Status::ALL {
            let message = TaskStatus::from(status);
            assert_eq!(message as i32, status as i32);
            assert_eq!(
                message.as_str_name(),
                format!("TASK_STATUS_{}", status.name())
            );
            assert_eq!(parse_status(message.into()), Ok(status));
        }
        for priority in Priority::ALL {
            let message = TaskPriority::from(priority);
            assert_eq!(message as i32, priority as i32);
            assert_eq!(
                message.as_str_name(),
                format!("TASK_PRIORITY_{}", priority.name())
            );
            assert_eq!(parse_priority(message.into()), Ok(priority));
        }
    }
}
