//! The RPCs of the protos: which services there are, which methods stream, and which have no side effects.

use std::collections::HashSet;

use prost::Message;
use prost_types::{FileDescriptorSet, method_options::IdempotencyLevel};

use crate::routes::is_own_service;

/// Read once from the descriptors that the services are built from, so that a new RPC needs no change here.
#[derive(Debug)]
pub(crate) struct RpcCatalog {
    services: Vec<String>,
    methods: HashSet<String>,
    streaming: HashSet<String>,
    without_side_effects: HashSet<String>,
}

impl RpcCatalog {
    pub(crate) fn from_descriptors() -> Self {
        let files = FileDescriptorSet::decode(contract::proto::FILE_DESCRIPTOR_SET)
            .expect("the descriptor set was encoded by the build");
        let mut catalog = Self {
            services: Vec::new(),
            methods: HashSet::new(),
            streaming: HashSet::new(),
            without_side_effects: HashSet::new(),
        };
        for file in &files.file {
            let package = file.package();
            for service in &file.service {
                catalog.add(&format!("{package}.{}", service.name()), service);
            }
        }
        catalog.services.sort();
        catalog
    }

    fn add(&mut self, name: &str, service: &prost_types::ServiceDescriptorProto) {
        for method in &service.method {
            let path = format!("/{name}/{}", method.name());
            let options = method.options.as_ref();
            if options.is_some_and(|o| o.idempotency_level() == IdempotencyLevel::NoSideEffects) {
                self.without_side_effects.insert(path.clone());
            }
            if method.server_streaming() {
                self.streaming.insert(path.clone());
            }
            self.methods.insert(path);
        }
        if is_own_service(name) {
            self.services.push(name.to_owned());
        }
    }

    /// Full names of the services behind this gateway, sorted.
    pub(crate) fn services(&self) -> &[String] {
        &self.services
    }

    /// The full name of the RPC at this path, `_OTHER` if there is none. An unknown path is text of the client, so it never
    /// becomes a label.
    pub(crate) fn method(&self, path: &str) -> &str {
        self.find(path).unwrap_or("_OTHER")
    }

    /// The full name of the RPC at this path.
    pub(crate) fn find(&self, path: &str) -> Option<&str> {
        let known = self.methods.get(path)?;
        Some(known.trim_start_matches('/'))
    }

    /// Whether the RPC at this path answers with a stream, which may last longer than the deadline of unary calls.
    pub(crate) fn is_streaming(&self, path: &str) -> bool {
        self.streaming.contains(path)
    }

    /// Whether the RPC at this path is declared `NO_SIDE_EFFECTS`, so that it is safe to call it again.
    pub(crate) fn has_no_side_effects(&self, path: &str) -> bool {
        self.without_side_effects.contains(path)
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
