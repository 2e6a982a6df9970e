//! The access policy: default deny.

use contract::proto::FILE_DESCRIPTOR_SET;
use prost_reflect::DescriptorPool;
use prost_types::{
    DescriptorProto, FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto,
    ServiceDescriptorProto,
};
use serving::access::{Access, AccessPolicy, PolicyError};
use verifier::{Purpose, Scope};

fn pool() -> DescriptorPool {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap()
}

#[test]
fn every_rpc_of_the_contract_declares_its_access() {
    let pool = pool();
    let services: Vec<_> = pool
        .services()
        .map(|service| service.full_name().to_owned())
        .collect();
    assert!(
        services
            .iter()
            .any(|name| name == "tandem.task.v1.TaskService")
    );

    let policy = AccessPolicy::read(&pool, services.iter().map(String::as_str)).unwrap();

    let reads = policy.find("/tandem.task.v1.TaskService/GetTask").unwrap();
    assert_eq!(reads.access, Access::Token(Scope::TasksRead));
    assert_eq!(reads.purpose, Purpose::Read);
    let writes = policy
        .find("/tandem.task.v1.TaskService/DeleteTask")
        .unwrap();
    assert_eq!(writes.access, Access::Token(Scope::TasksWrite));
    assert_eq!(writes.purpose, Purpose::Write);
    let account = policy
        .find("/tandem.auth.v1.AccountService/DeleteAccount")
        .unwrap();
    assert_eq!(account.access, Access::Token(Scope::Account));
    assert_eq!(
        policy
            .find("/tandem.auth.v1.AuthService/SignIn")
            .unwrap()
            .access,
        Access::Public
    );
    let feed = policy
        .find("/tandem.auth.v1.VerifierService/WatchRevocations")
        .unwrap();
    assert_eq!(feed.access, Access::Service);
    assert!(feed.streaming);
    assert_eq!(policy.find("/tandem.auth.v1.AuthService/Nothing"), None);
}

#[test]
fn a_policy_with_an_rpc_for_services_can_be_refused() {
    let pool = pool();
    let without = AccessPolicy::read(&pool, ["tandem.task.v1.TaskService"]).unwrap();
    assert_eq!(without.require_no_service_rpcs(), Ok(()));
    let with = AccessPolicy::read(&pool, ["tandem.auth.v1.VerifierService"]).unwrap();
    assert!(matches!(
        with.require_no_service_rpcs(),
        Err(PolicyError::NoServiceSecret(path)) if path.starts_with("/tandem.auth.v1.VerifierService/")
    ));
}

#[test]
fn a_server_with_an_undeclared_rpc_does_not_start() {
    let message = DescriptorProto {
        name: Some("M".to_owned()),
        ..DescriptorProto::default()
    };
    let method = MethodDescriptorProto {
        name: Some("Do".to_owned()),
        input_type: Some(".x.M".to_owned()),
        output_type: Some(".x.M".to_owned()),
        ..MethodDescriptorProto::default()
    };
    let service = ServiceDescriptorProto {
        name: Some("S".to_owned()),
        method: vec![method],
        ..ServiceDescriptorProto::default()
    };
    let file = FileDescriptorProto {
        name: Some("x.proto".to_owned()),
        package: Some("x".to_owned()),
        message_type: vec![message],
        service: vec![service],
        syntax: Some("proto3".to_owned()),
        ..FileDescriptorProto::default()
    };
    let mut pool = pool();
    pool.add_file_descriptor_set(FileDescriptorSet { file: vec![file] })
        .unwrap();

    let refused = AccessPolicy::read(&pool, ["x.S"]).unwrap_err();

    assert_eq!(refused, PolicyError::Undeclared("x.S.Do".to_owned()));
    assert_eq!(
        AccessPolicy::read(&pool, ["x.Missing"]).unwrap_err(),
        PolicyError::UnknownService("x.Missing".to_owned())
    );
}
