//! What the gateway knows of the protos: which services it names at `/`, which methods stream, and which change nothing.

use std::collections::HashSet;

use prost::Message;
use prost_types::{FileDescriptorSet, method_options::IdempotencyLevel};

/// Read once from the descriptors the services are built from, so that a new RPC needs no change here.
#[derive(Debug)]
pub(crate) struct Contract {
    services: Vec<String>,
    methods: HashSet<String>,
    streaming: HashSet<String>,
    harmless: HashSet<String>,
}

impl Contract {
    pub(crate) fn read() -> Self {
        let files = FileDescriptorSet::decode(shared::proto::FILE_DESCRIPTOR_SET)
            .expect("the descriptor set was encoded by the build");
        let mut contract = Self {
            services: Vec::new(),
            methods: HashSet::new(),
            streaming: HashSet::new(),
            harmless: HashSet::new(),
        };
        for file in &files.file {
            let package = file.package();
            for service in &file.service {
                contract.add(&format!("{package}.{}", service.name()), service);
            }
        }
        contract.services.sort();
        contract
    }

    fn add(&mut self, name: &str, service: &prost_types::ServiceDescriptorProto) {
        for method in &service.method {
            let path = format!("/{name}/{}", method.name());
            let options = method.options.as_ref();
            if options.is_some_and(|o| o.idempotency_level() == IdempotencyLevel::NoSideEffects) {
                self.harmless.insert(path.clone());
            }
            if method.server_streaming() {
                self.streaming.insert(path.clone());
            }
            self.methods.insert(path);
        }
        if name.starts_with("tandem.") {
            self.services.push(name.to_owned());
        }
    }

    /// Full names of the services behind this gateway, sorted.
    pub(crate) fn services(&self) -> &[String] {
        &self.services
    }

    /// The full name of the RPC at this path. An unknown path is the client's text, so it does not become a label.
    pub(crate) fn method(&self, path: &str) -> &str {
        let known = self.methods.get(path);
        known.map_or("_OTHER", |path| path.trim_start_matches('/'))
    }

    /// Whether the RPC at this path answers with a stream, which may outlive the deadline of unary calls.
    pub(crate) fn is_streaming(&self, path: &str) -> bool {
        self.streaming.contains(path)
    }

    /// Whether the RPC at this path changes nothing (`NO_SIDE_EFFECTS`), so that it may be called again without harm.
    pub(crate) fn is_harmless(&self, path: &str) -> bool {
        self.harmless.contains(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_that_stream_are_told_from_those_that_do_not() {
        let contract = Contract::read();
        assert!(contract.is_streaming("/grpc.health.v1.Health/Watch"));
        assert!(!contract.is_streaming("/grpc.health.v1.Health/Check"));
        assert!(!contract.is_streaming("/tandem.task.v1.TaskService/GetTask"));
    }

    #[test]
    fn methods_that_change_nothing_are_told_from_those_that_do() {
        let contract = Contract::read();
        assert!(contract.is_harmless("/tandem.task.v1.TaskService/GetTask"));
        assert!(!contract.is_harmless("/tandem.task.v1.TaskService/CreateTask"));
        assert!(!contract.is_harmless("/tandem.auth.v1.AuthService/RefreshTokens"));
    }
}
