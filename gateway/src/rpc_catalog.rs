//! The RPCs of the protos: which services there are, what each method takes and gives, and how it may be called.

use std::collections::HashMap;

use prost_reflect::{DescriptorPool, MessageDescriptor, MethodDescriptor, Value};
use prost_types::method_options::IdempotencyLevel;

use crate::routes::is_own_service;

/// Read once from the descriptors that the services are built from, so that a new RPC needs no change here.
#[derive(Debug)]
pub(crate) struct RpcCatalog {
    pool: DescriptorPool,
    services: Vec<String>,
    rpcs: HashMap<String, Rpc>,
}

/// An RPC.
#[derive(Debug, Clone)]
pub(crate) struct Rpc {
    /// `/package.Service/Method`.
    pub(crate) path: String,
    pub(crate) input: MessageDescriptor,
    pub(crate) output: MessageDescriptor,
    /// Whether it answers with a stream, which may last longer than the deadline of unary calls.
    pub(crate) streaming: bool,
    /// Whether it is declared `NO_SIDE_EFFECTS`, so that it is safe to call it again.
    pub(crate) no_side_effects: bool,
}

impl Rpc {
    pub(crate) fn new(method: &MethodDescriptor) -> Self {
        let service = method.parent_service().full_name();
        let options = method.options();
        let level = options.get_field_by_name("idempotency_level");
        let level = level.as_deref().and_then(Value::as_enum_number);
        Self {
            path: format!("/{service}/{}", method.name()),
            input: method.input(),
            output: method.output(),
            streaming: method.is_server_streaming(),
            no_side_effects: level == Some(IdempotencyLevel::NoSideEffects as i32),
        }
    }
}

impl RpcCatalog {
    pub(crate) fn from_descriptors() -> Self {
        let pool = DescriptorPool::decode(contract::proto::FILE_DESCRIPTOR_SET)
            .expect("the descriptor set was encoded by the build");
        let methods = pool
            .services()
            .flat_map(|service| service.methods().collect::<Vec<_>>());
        let rpcs = methods.map(|method| Rpc::new(&method));
        let rpcs = rpcs.map(|rpc| (rpc.path.clone(), rpc)).collect();
        let names = pool
            .services()
            .map(|service| service.full_name().to_owned());
        let mut services: Vec<_> = names.filter(|name| is_own_service(name)).collect();
        services.sort();
        Self {
            pool,
            services,
            rpcs,
        }
    }

    /// The types of all messages.
    pub(crate) fn pool(&self) -> &DescriptorPool {
        &self.pool
    }

    /// The RPC at this path.
    pub(crate) fn find(&self, path: &str) -> Option<&Rpc> {
        self.rpcs.get(path)
    }

    /// Full names of the services behind this gateway, sorted.
    pub(crate) fn services(&self) -> &[String] {
        &self.services
    }

    /// The full name of the RPC at this path, `_OTHER` if there is none. An unknown path is text of the client, so it never
    /// becomes a label.
    pub(crate) fn method(&self, path: &str) -> &str {
        self.name(path).unwrap_or("_OTHER")
    }

    /// The full name of the RPC at this path.
    pub(crate) fn name(&self, path: &str) -> Option<&str> {
        let known = self.find(path)?;
        Some(known.path.trim_start_matches('/'))
    }

    /// Whether the RPC at this path answers with a stream, which may last longer than the deadline of unary calls.
    pub(crate) fn is_streaming(&self, path: &str) -> bool {
        self.find(path).is_some_and(|rpc| rpc.streaming)
    }

    /// Whether the RPC at this path is declared `NO_SIDE_EFFECTS`, so that it is safe to call it again.
    pub(crate) fn has_no_side_effects(&self, path: &str) -> bool {
        self.find(path).is_some_and(|rpc| rpc.no_side_effects)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_streaming_methods_are_streaming() {
        let catalog = RpcCatalog::from_descriptors();
        assert!(catalog.is_streaming("/grpc.health.v1.Health/Watch"));
        assert!(!catalog.is_streaming("/grpc.health.v1.Health/Check"));
        assert!(!catalog.is_streaming("/tandem.task.v1.TaskService/GetTask"));
    }

    #[test]
    fn only_methods_declared_so_have_no_side_effects() {
        let catalog = RpcCatalog::from_descriptors();
        assert!(catalog.has_no_side_effects("/tandem.task.v1.TaskService/GetTask"));
        assert!(!catalog.has_no_side_effects("/tandem.task.v1.TaskService/CreateTask"));
        assert!(!catalog.has_no_side_effects("/tandem.auth.v1.AuthService/RefreshTokens"));
    }
}
