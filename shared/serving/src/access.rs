//! Who may call which RPC, read from the method option `(tandem.common.v1.access)` of the descriptors.
//!
//! Default deny: [`AccessPolicy::read`] fails when a served RPC does not declare its access, so a server with a forgotten
//! option does not start.

use std::collections::HashMap;

use contract::proto::common::{Access as AccessOption, AccessLevel};
use prost::Message as _;
use prost_reflect::{DescriptorPool, MethodDescriptor, Value};
use prost_types::method_options::IdempotencyLevel;
use verifier::{Purpose, Scope};

/// The credential that an RPC requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// None.
    Public,
    /// An access token that holds the scope.
    Token(Scope),
    /// The secret of a service.
    Service,
}

/// The properties of an RPC that the layer around the calls uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rpc {
    /// The credential that it requires.
    pub access: Access,
    /// Read if it declares `idempotency_level = NO_SIDE_EFFECTS`, write otherwise.
    pub purpose: Purpose,
    /// Whether the client or the server streams. The maximum deadline of a server applies only to unary calls.
    pub streaming: bool,
    /// Whether the client streams, so that its messages may come at any time.
    pub client_streaming: bool,
    /// Whether it belongs to the infrastructure (health, reflection): then it is not logged, and the limit of calls in flight
    /// does not apply.
    pub infrastructure: bool,
    /// Its position in [`AccessPolicy::methods`].
    pub number: usize,
}

/// Why a server must not start.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The compiled descriptors do not contain a service that is served.
    #[error("service {0} has no descriptor")]
    UnknownService(String),
    /// An RPC does not declare who may call it.
    #[error("{0} does not declare (tandem.common.v1.access)")]
    Undeclared(String),
    /// An RPC requires a credential that this server cannot check.
    #[error("{0} declares an access that cannot be enforced")]
    Unenforceable(String),
    /// An RPC is for services, and the server has no secret to check them with.
    #[error("{0} is for services, and no service secret is configured")]
    NoServiceSecret(String),
}

/// The access of every served RPC, by path (`/package.Service/Method`).
#[derive(Debug, Default)]
pub struct AccessPolicy {
    rpcs: HashMap<String, Rpc>,
    /// Full names, each at the index that is the number of its RPC.
    methods: Vec<String>,
}

impl AccessPolicy {
    /// Reads the policy of the named services.
    ///
    /// # Errors
    /// A service has no descriptor, or an RPC declares no access or one that cannot be enforced.
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

    /// Fails when an RPC is for services. For a server without service secrets.
    ///
    /// # Errors
    /// The first such RPC.
    pub fn require_no_service_rpcs(&self) -> Result<(), PolicyError> {
        let mut rpcs = self.rpcs.iter();
        match rpcs.find(|(_, rpc)| rpc.access == Access::Service) {
            Some((path, _)) => Err(PolicyError::NoServiceSecret(path.clone())),
            None => Ok(()),
        }
    }

    /// The RPC at `path`; `None` if it is not served.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<Rpc> {
        self.rpcs.get(path).copied()
    }

    /// The full names of all RPCs (`package.Service/Method`), in the order of their numbers.
    pub fn methods(&self) -> impl Iterator<Item = &str> {
        self.methods.iter().map(String::as_str)
    }
}

fn rpc(method: &MethodDescriptor, number: usize) -> Result<Rpc, PolicyError> {
    let infrastructure = method.full_name().starts_with("grpc.");
    let access = if infrastructure {
        Access::Public
    } else {
        declared_access(method)?
    };
    Ok(Rpc {
        access,
        purpose: purpose(method),
        client_streaming: method.is_client_streaming(),
        streaming: method.is_client_streaming() || method.is_server_streaming(),
        infrastructure,
        number,
    })
}

/// The purpose that the standard option declares. Without that option a method may change data.
fn purpose(method: &MethodDescriptor) -> Purpose {
    let options = method.options();
    let level = options.get_field_by_name("idempotency_level");
    match level.as_deref().and_then(Value::as_enum_number) {
        Some(level) if level == IdempotencyLevel::NoSideEffects as i32 => Purpose::Read,
        _ => Purpose::Write,
    }
}

fn declared_access(method: &MethodDescriptor) -> Result<Access, PolicyError> {
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
        AccessOption::decode(&*message.encode_to_vec()).map_err(|_undecodable| undeclared())?;
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
