//! A door and a call as an arm.

use std::{sync::Arc, time::Duration};

use clap::ValueEnum;
use futures_util::future::LocalBoxFuture;

use super::DoorArguments;
use crate::{
    calls::{Protocol, Question, Reads},
    deployment::Deployment,
    generator::{self, Target, Wire},
    rounds::{Arm, Work},
};

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
    pub(super) fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// Direct gRPC is always measured.
    pub(super) fn is_wanted(self, only: &[Self]) -> bool {
        only.is_empty() || self == Self::Direct || only.contains(&self)
    }

    pub(super) fn name(self) -> &'static str {
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

    pub(super) fn arm(
        self,
        question: Question,
        deployment: &Deployment,
        arguments: &DoorArguments,
    ) -> anyhow::Result<DoorArm> {
        let address = match self {
            Self::Direct => deployment.task,
            _ => deployment.gateway,
        };
        let calls = Reads::new(self.protocol(), question, address, deployment)?;
        Ok(DoorArm {
            door: self,
            calls: Arc::new(calls),
            target: Target {
                address,
                wire: self.wire(),
                callers: usize::try_from(arguments.concurrency)?,
                streams: usize::try_from(arguments.streams)?,
                threads: usize::try_from(arguments.threads)?,
            },
        })
    }
}

/// One call through one door.
pub(super) struct DoorArm {
    door: Door,
    calls: Arc<Reads>,
    target: Target,
}

impl Arm for DoorArm {
    fn name(&self) -> String {
        self.door.name().to_owned()
    }

    fn block(&mut self, length: Duration) -> LocalBoxFuture<'_, anyhow::Result<Work>> {
        Box::pin(generator::run(&self.calls, self.target, length))
    }
}
