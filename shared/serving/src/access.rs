//! Who may call what: read from the method option `(tandem.common.v1.access)` of the served descriptors.
//!
//! Default deny: [`AccessPolicy::read`] refuses when a served RPC declares nothing, so a server with a forgotten option
//! does not start.

use std::collections::HashMap;

use prost::Message as _;
use prost_reflect::{DescriptorPool, MethodDescriptor, Value};
use prost_types::method_options::IdempotencyLevel;

use contract::proto::common::{Access as AccessOption, AccessLevel};
use verifier::{Purpose, Scope};

/// The credential one RPC asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// None.
    Public,
    /// An access token that holds the scope.
    Token(Scope),
    /// The secret of a service.
    Service,
}

/// What the road needs to know of one RPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rpc {
    /// The credential it asks for.
    pub access: Access,
    /// Whether it declares that it only reads (`idempotency_level = NO_SIDE_EFFECTS`).
    pub purpose: Purpose,
    /// Whether either side streams; the server's maximum deadline is for unary calls only.
    pub streaming: bool,
    /// Whether it belongs to the infrastructure (health, reflection): not logged, not counted against the limit.
    pub infrastructure: bool,
    /// Its place in [`AccessPolicy::methods`].
    pub number: usize,
}

/// Why a server must not start.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A service is served whose descriptor is not among the compiled ones.
    #[error("service {0} has no descriptor")]
    UnknownService(String),
    /// An RPC does not declare who may call it.
    #[error("{0} does not declare (tandem.common.v1.access)")]
    Undeclared(String),
    /// An RPC asks for a credential that this server cannot check.
    #[error("{0} declares an access that cannot be enforced")]
    Unenforceable(String),
    /// An RPC is for services, and the server was given no secret to know them by.
    #[error("{0} is for services, and no service secret is configured")]
    NoServiceSecret(String),
}

/// The access of every served RPC, by path (`/package.Service/Method`).
#[derive(Debug, Default)]
pub struct AccessPolicy {
    rpcs: HashMap<String, Rpc>,
    /// Full names, each at the number of its RPC.
    methods: Vec<String>,
}

impl AccessPolicy {
    /// The policy of the named services.
    pub fn read<'a>(
        pool: &DescriptorPool,
        services: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, PolicyError> {
        let mut policy = Self::default();
        for name in services {
            let service = pool
                .get_service_by_name(name)
                .ok_or_else(|| PolicyError::UnknownService(name.to_owned()))?;
            for method in service.methods() {
                let full = format!("{name}/{}", method.name());
                let rpc = rpc(&method, policy.methods.len())?;
                policy.rpcs.insert(format!("/{full}"), rpc);
                policy.methods.push(full);
            }
        }
        Ok(policy)
    }

    /// Refuses when an RPC is for services: for a server that has no secret to know them by.
    pub fn refuse_services(&self) -> Result<(), PolicyError> {
        let mut rpcs = self.rpcs.iter();
        match rpcs.find(|(_, rpc)| rpc.access == Access::Service) {
            Some((path, _)) => Err(PolicyError::NoServiceSecret(path.clone())),
            None => Ok(()),
        }
    }

    /// What is known of the RPC at `path`; `None` when no such RPC is served.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<Rpc> {
        self.rpcs.get(path).copied()
    }

    /// The full names of all RPCs (`package.Service/Method`), each at its number.
    pub fn methods(&self) -> impl Iterator<Item = &str> {
        self.methods.iter().map(String::as_str)
    }
}

fn rpc(method: &MethodDescriptor, number: usize) -> Result<Rpc, PolicyError> {
    let infrastructure = method.full_name().starts_with("grpc.");
    let access = if infrastructure {
        Access::Public
    } else {
        declared(method)?
    };
    Ok(Rpc {
        access,
        purpose: purpose(method),
        streaming: method.is_client_streaming() || method.is_server_streaming(),
        infrastructure,
        number,
    })
}

/// What the standard option says; a method that says nothing may change something.
fn purpose(method: &MethodDescriptor) -> Purpose {
    let options = method.options();
    let level = options.get_field_by_name("idempotency_level");
    match level.as_deref().and_then(Value::as_enum_number) {
        Some(level) if level == IdempotencyLevel::NoSideEffects as i32 => Purpose::Read,
        _ => Purpose::Write,
    }
}

fn declared(method: &MethodDescriptor) -> Result<Access, PolicyError> {
    let undeclared = || PolicyError::Undeclared(method.full_name().to_owned());
    let unenforceable = || PolicyError::Unenforceable(method.full_name().to_owned());
    let extension = method
        .parent_pool()
        .get_extension_by_name("tandem.common.v1.access")
        .ok_or_else(undeclared)?;
    let options = method.options();
    if !options.has_extension(&extension) {
        return Err(undeclared());
    }
    let Value::Message(message) = &*options.get_extension(&extension) else {
        return Err(undeclared());
    };
    let option =
        AccessOption::decode(&*message.encode_to_vec()).map_err(|_not_the_message| undeclared())?;
    match option.level() {
        AccessLevel::Public if option.scope.is_empty() => Ok(Access::Public),
        AccessLevel::User => match Scope::parse(&option.scope) {
            Some(scope) if scope != Scope::Admin => Ok(Access::Token(scope)),
            _ => Err(unenforceable()),
        },
        AccessLevel::Admin if option.scope.is_empty() => Ok(Access::Token(Scope::Admin)),
        AccessLevel::Service if option.scope.is_empty() => Ok(Access::Service),
        AccessLevel::Unspecified => Err(undeclared()),
        AccessLevel::Public | AccessLevel::Admin | AccessLevel::Service => Err(unenforceable()),
    }
}
