//! The answers to each kind of lookup.

use contract::proto::reflection_v1::{
    ExtensionNumberResponse, ExtensionRequest,
    server_reflection_request::MessageRequest::{
        AllExtensionNumbersOfType, FileByFilename, FileContainingExtension, ListServices,
    },
    server_reflection_response::MessageResponse,
};
use tonic::Code;

use crate::client::{
    SERVICE, TASK_FILE, TASK_SERVICE_FILE, ask, file_names, files, refused, symbol,
};

#[tokio::test]
async fn only_the_services_served_are_listed() {
    let [answer] = ask([ListServices(String::new())]).await;
    let MessageResponse::ListServicesResponse(list) = answer else {
        panic!("the answer has no list: {answer:?}");
    };
    let names: Vec<_> = list.service.into_iter().map(|s| s.name).collect();
    let expected = [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        SERVICE,
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn every_listed_service_can_be_described() {
    let [_, answers @ ..] = ask([
        ListServices(String::new()),
        symbol(SERVICE),
        symbol("grpc.health.v1.Health"),
        symbol("grpc.reflection.v1.ServerReflection"),
        symbol("grpc.reflection.v1alpha.ServerReflection"),
    ])
    .await;
    for answer in answers {
        assert!(!file_names(&answer).is_empty());
    }
}

#[tokio::test]
async fn the_access_option_is_part_of_the_description() {
    let [answer] = ask([symbol(SERVICE)]).await;
    let pool = files(&answer);
    let access = pool
        .get_extension_by_name("tandem.common.v1.access")
        .unwrap();
    assert_eq!(access.number(), 50610);
    let service = pool.get_service_by_name(SERVICE).unwrap();
    let create = service
        .methods()
        .find(|method| method.name() == "CreateTask")
        .unwrap();
    let options = create.options();
    assert!(options.has_extension(&access));
    let value = options.get_extension(&access);
    let declared = value.as_message().unwrap();
    let scope = declared.get_field_by_name("scope").unwrap();
    assert_eq!(scope.as_str(), Some("tasks.write"));
}

#[tokio::test]
async fn comments_are_part_of_the_description() {
    let [answer] = ask([symbol("tandem.task.v1.TaskService.CreateTask")]).await;
    let file = files(&answer).get_file_by_name(TASK_SERVICE_FILE).unwrap();
    let source = file.file_descriptor_proto().source_code_info.as_ref();
    let create_task = [6, 0, 2, 0]; // service 0, method 0
    let location = source
        .unwrap()
        .location
        .iter()
        .find(|location| location.path == create_task)
        .unwrap();
    assert!(location.leading_comments().starts_with(" Makes a task.\n"));
}

#[tokio::test]
async fn every_kind_of_symbol_is_found_in_its_file() {
    for (name, file) in [
        (SERVICE, TASK_SERVICE_FILE),
        ("tandem.task.v1.TaskService.GetTask", TASK_SERVICE_FILE),
        ("tandem.task.v1.Task", TASK_FILE),
        ("tandem.task.v1.Task.title", TASK_FILE),
        ("tandem.task.v1.TaskStatus", TASK_FILE),
        ("tandem.task.v1.TASK_STATUS_PENDING", TASK_FILE),
        ("tandem.common.v1.access", "tandem/common/v1/access.proto"),
        (
            "google.rpc.BadRequest.FieldViolation",
            "google/rpc/error_details.proto",
        ),
        (
            "grpc.health.v1.HealthCheckResponse.ServingStatus",
            "grpc/health/v1/health.proto",
        ),
        (
            "grpc.health.v1.HealthCheckResponse.SERVICE_UNKNOWN",
            "grpc/health/v1/health.proto",
        ),
        (
            "grpc.reflection.v1.ServerReflectionRequest.message_request",
            "grpc/reflection/v1/reflection.proto",
        ),
    ] {
        let [answer] = ask([symbol(name)]).await;
        assert_eq!(file_names(&answer)[0], file, "{name}");
    }
}

#[tokio::test]
async fn a_file_is_sent_with_all_its_imports() {
    let [answer] = ask([FileByFilename(TASK_SERVICE_FILE.to_owned())]).await;
    let mut names = file_names(&answer);
    assert_eq!(names[0], TASK_SERVICE_FILE);
    names.sort_unstable();
    let expected = [
        "google/protobuf/descriptor.proto",
        "google/protobuf/field_mask.proto",
        "google/protobuf/timestamp.proto",
        "tandem/common/v1/access.proto",
        TASK_FILE,
        TASK_SERVICE_FILE,
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn extensions_are_found_by_type_and_number() {
    let options = "google.protobuf.MethodOptions";
    let extension = |containing_type: &str, extension_number| {
        FileContainingExtension(ExtensionRequest {
            containing_type: containing_type.to_owned(),
            extension_number,
        })
    };
    let [
        file,
        other_number,
        negative,
        other_type,
        numbers,
        none,
        unknown,
    ] = ask([
        extension(options, 50610),
        extension(options, 50611),
        extension(options, -1),
        extension("tandem.task.v1.Nothing", 50610),
        AllExtensionNumbersOfType(options.to_owned()),
        AllExtensionNumbersOfType("tandem.task.v1.Task".to_owned()),
        AllExtensionNumbersOfType("tandem.task.v1.Nothing".to_owned()),
    ])
    .await;
    assert_eq!(file_names(&file)[0], "tandem/common/v1/access.proto");
    assert!(refused(&other_number, Code::NotFound, "no such extension"));
    assert!(refused(&negative, Code::NotFound, "no such extension"));
    assert!(refused(&other_type, Code::NotFound, "no such message type"));
    let expected = |base: &str, numbers| {
        MessageResponse::AllExtensionNumbersResponse(ExtensionNumberResponse {
            base_type_name: base.to_owned(),
            extension_number: numbers,
        })
    };
    assert_eq!(numbers, expected(options, vec![50610]));
    assert_eq!(none, expected("tandem.task.v1.Task", vec![]));
    assert!(refused(&unknown, Code::NotFound, "no such message type"));
}
