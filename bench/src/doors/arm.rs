//! A door and a call as an arm.

use std::sync::Arc;

use clap::ValueEnum;

use crate::{
    arms::CallArm,
    calls::{Protocol, Question, Reads},
    deployment::Deployment,
    generator::{Target, Wire},
};

/// How many callers there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loop {
    pub(crate) callers: usize,
    /// Callers of one HTTP/2 connection.
    pub(crate) streams: usize,
    /// Threads that make the calls.
    pub(crate) threads: usize,
}

/// A way to the task service. The first is what the others are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Door {
    Direct,
    GrpcWeb,
    GrpcWebHttp1,
    ConnectProto,
    ConnectJson,
    Rest,
}

impl Door {
    pub(crate) fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// Direct gRPC is always measured.
    pub(crate) fn is_wanted(self, only: &[Self]) -> bool {
        only.is_empty() || self == Self::Direct || only.contains(&self)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "gRPC, direct",
            Self::GrpcWeb => "gRPC-web, HTTP/2",
            Self::GrpcWebHttp1 => "gRPC-web, HTTP/1.1",
            Self::ConnectProto => "Connect, protobuf, HTTP/2",
            Self::ConnectJson => "Connect, JSON, HTTP/2",
            Self::Rest => "REST, HTTP/2",
        }
    }

    fn protocol(self) -> Protocol {
        match self {
            Self::Direct => Protocol::Grpc,
            Self::GrpcWeb | Self::GrpcWebHttp1 => Protocol::GrpcWeb,
            Self::ConnectProto => Protocol::ConnectProto,
            Self::ConnectJson => Protocol::ConnectJson,
            Self::Rest => Protocol::Rest,
        }
    }

    fn wire(self) -> Wire {
        match self {
            Self::GrpcWebHttp1 => Wire::Http1,
            _ => Wire::Http2,
        }
    }

    pub(crate) fn arm(
        self,
        question: Question,
        deployment: &Deployment,
        callers: Loop,
    ) -> anyhow::Result<CallArm<Reads>> {
        let address = match self {
            Self::Direct => deployment.task,
            _ => deployment.gateway,
        };
        let calls = Reads::new(self.protocol(), question, address, deployment)?;
        Ok(CallArm {
            name: self.name().to_owned(),
            calls: Arc::new(calls),
            target: Target {
                address,
                wire: self.wire(),
                callers: callers.callers,
                streams: callers.streams,
                threads: callers.threads,
            },
        })
    }
}
