//! The contract in code: the generated messages, clients and servers, the registry of reasons, and the one way from an
//! error to a `Status`.
//!
//! | module | what it is |
//! |---|---|
//! | [`proto`] | generated code, and the descriptors of every service |
//! | [`reason`] | what `google.rpc.ErrorInfo.reason` can be, and the status code of each |
//! | [`refusal`] | from an error to a `Status` with its details |
//! | [`violations`] | all that is wrong with the fields of one request |
//! | [`code`] | the names of the status codes |

pub mod code;
pub mod proto;
pub mod reason;
pub mod refusal;
pub mod violations;
