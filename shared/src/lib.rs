//! What both services use.
