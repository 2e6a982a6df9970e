//! What the gateway knows of the protos: which services it names at `/`, and which methods stream.

use std::collections::HashSet;

use prost::Message;
use prost_types::{FileDescriptorSet, MethodDescriptorProto};

/// Read once from the descriptors the services are built from, so that a new RPC needs no change here.
#[derive(Debug)]
pub(crate) struct Contract {
    services: Vec<String>,
    methods: HashSet<String>,
    streaming: HashSet<String>,
}

impl Contract {
    pub(crate) fn read() -> Self {
        let files = FileDescriptorSet::decode(shared::proto::FILE_DESCRIPTOR_SET)
            .expect("the descriptor set was encoded by the build");
        let mut contract = Self {
            services: Vec::new(),
            methods: HashSet::new(),
            streaming: HashSet::new(),
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
        let path = |method: &MethodDescriptorProto| format!("/{name}/{}", method.name());
        self.methods.extend(service.method.iter().map(path));
        let streaming = service
            .method
            .iter()
            .filter(|method| method.server_streaming());
        self.streaming.extend(streaming.map(path));
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
}
