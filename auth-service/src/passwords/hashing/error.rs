//! Why a password was not hashed or verified.

/// Why a password was not hashed or verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The queue is full.
    #[error("the queue of password hashing is full")]
    QueueFull,
    /// The call's deadline passed before its turn or its end.
    #[error("the deadline passed before the password was hashed")]
    DeadlineExceeded,
    /// The stored hash is not an Argon2id hash, or exceeds the limits.
    #[error("a stored password hash is malformed")]
    Malformed,
    /// The stored hash was made with a pepper that the configuration does not have.
    #[error("a stored password hash has a pepper that is not configured")]
    PepperUnknown,
    /// The threads have ended.
    #[error("password hashing has ended")]
    Stopped,
}
