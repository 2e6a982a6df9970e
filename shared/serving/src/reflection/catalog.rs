//! Lookups in the descriptors, and the stream of one client.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use contract::proto::reflection_v1::{
    ErrorResponse, ExtensionNumberResponse, ExtensionRequest, FileDescriptorResponse,
    ListServiceResponse, ServerReflectionRequest, ServerReflectionResponse, ServiceResponse,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};
use prost_reflect::{DescriptorPool, ExtensionDescriptor, FileDescriptor, MessageDescriptor};
use tonic::Code;

/// The descriptors of a server, indexed for the lookups of clients.
#[derive(Debug)]
pub(super) struct Catalog {
    pool: DescriptorPool,
    /// The file that declares each full name.
    symbols: HashMap<String, FileDescriptor>,
    /// The full names of the services served, sorted.
    services: Vec<String>,
}

impl Catalog {
    pub(super) fn new(pool: DescriptorPool, services: impl Iterator<Item = String>) -> Self {
        let mut services: Vec<_> = services.collect();
        services.sort_unstable();
        services.dedup();
        let symbols = symbols(&pool);
        Self {
            pool,
            symbols,
            services,
        }
    }

    fn file(&self, name: &str) -> Result<FileDescriptor, ErrorResponse> {
        self.pool
            .get_file_by_name(name)
            .ok_or_else(|| error(Code::NotFound, "no such file"))
    }

    fn file_of_symbol(&self, symbol: &str) -> Result<FileDescriptor, ErrorResponse> {
        self.symbols
            .get(symbol)
            .cloned()
            .ok_or_else(|| error(Code::NotFound, "no such symbol"))
    }

    fn file_of_extension(
        &self,
        request: &ExtensionRequest,
    ) -> Result<FileDescriptor, ErrorResponse> {
        let extended = self.message(&request.containing_type)?;
        u32::try_from(request.extension_number)
            .ok()
            .and_then(|number| extended.get_extension(number))
            .map(|extension| extension.parent_file())
            .ok_or_else(|| error(Code::NotFound, "no such extension"))
    }

    fn extension_numbers(&self, name: &str) -> Result<ExtensionNumberResponse, ErrorResponse> {
        let mut extension_number: Vec<_> = self
            .message(name)?
            .extensions()
            .map(|e| number(&e))
            .collect();
        extension_number.sort_unstable();
        Ok(ExtensionNumberResponse {
            base_type_name: name.to_owned(),
            extension_number,
        })
    }

    fn message(&self, name: &str) -> Result<MessageDescriptor, ErrorResponse> {
        self.pool
            .get_message_by_name(name)
            .ok_or_else(|| error(Code::NotFound, "no such message type"))
    }

    fn list_services(&self) -> ListServiceResponse {
        let services = self.services.iter().cloned();
        ListServiceResponse {
            service: services.map(|name| ServiceResponse { name }).collect(),
        }
    }
}

/// One stream. It remembers which files were sent to its client.
pub(super) struct ReflectionStream {
    catalog: Arc<Catalog>,
    /// The indexes of those files in the pool.
    sent: HashSet<usize>,
}

impl ReflectionStream {
    pub(super) fn new(catalog: Arc<Catalog>) -> Self {
        Self {
            catalog,
            sent: HashSet::new(),
        }
    }

    pub(super) fn answer(&mut self, request: ServerReflectionRequest) -> ServerReflectionResponse {
        let answer = match &request.message_request {
            Some(lookup) => self.look_up(lookup),
            None => Err(error(Code::InvalidArgument, "the request is empty")),
        };
        ServerReflectionResponse {
            valid_host: request.host.clone(),
            original_request: Some(request),
            message_response: Some(answer.unwrap_or_else(MessageResponse::ErrorResponse)),
        }
    }

    fn look_up(&mut self, lookup: &MessageRequest) -> Result<MessageResponse, ErrorResponse> {
        let catalog = &self.catalog;
        let file = match lookup {
            MessageRequest::FileByFilename(name) => catalog.file(name)?,
            MessageRequest::FileContainingSymbol(symbol) => catalog.file_of_symbol(symbol)?,
            MessageRequest::FileContainingExtension(extension) => {
                catalog.file_of_extension(extension)?
            }
            MessageRequest::AllExtensionNumbersOfType(name) => {
                let numbers = catalog.extension_numbers(name)?;
                return Ok(MessageResponse::AllExtensionNumbersResponse(numbers));
            }
            MessageRequest::ListServices(_) => {
                let services = catalog.list_services();
                return Ok(MessageResponse::ListServicesResponse(services));
            }
        };
        let files = self.with_dependencies(file);
        Ok(MessageResponse::FileDescriptorResponse(files))
    }

    /// The requested file, then the files that it imports, directly or not, and that were not sent on this stream yet. grpc-go
    /// answers in the same way. A client has all it needs after one request.
    fn with_dependencies(&mut self, file: FileDescriptor) -> FileDescriptorResponse {
        let mut encoded = Vec::new();
        let mut queue = VecDeque::from([file]);
        while let Some(file) = queue.pop_front() {
            if self.sent.insert(file.index()) {
                queue.extend(file.dependencies());
            } else if !encoded.is_empty() {
                continue;
            }
            encoded.push(file.encode_to_vec());
        }
        FileDescriptorResponse {
            file_descriptor_proto: encoded,
        }
    }
}

/// The file of every name that is declared, at any depth.
fn symbols(pool: &DescriptorPool) -> HashMap<String, FileDescriptor> {
    let mut symbols = HashMap::new();
    let mut declare = |name: &str, file: &FileDescriptor| {
        symbols.insert(name.to_owned(), file.clone());
    };
    for message in pool.all_messages() {
        let file = message.parent_file();
        declare(message.full_name(), &file);
        message.fields().for_each(|f| declare(f.full_name(), &file));
        message.oneofs().for_each(|o| declare(o.full_name(), &file));
    }
    for kind in pool.all_enums() {
        let file = kind.parent_file();
        declare(kind.full_name(), &file);
        kind.values().for_each(|v| declare(v.full_name(), &file));
    }
    for extension in pool.all_extensions() {
        declare(extension.full_name(), &extension.parent_file());
    }
    for service in pool.services() {
        let file = service.parent_file();
        declare(service.full_name(), &file);
        service
            .methods()
            .for_each(|m| declare(m.full_name(), &file));
    }
    symbols
}

fn number(extension: &ExtensionDescriptor) -> i32 {
    i32::try_from(extension.number()).expect("field numbers are below 2^29")
}

/// An error as an answer within the stream. The stream goes on.
fn error(code: Code, message: &str) -> ErrorResponse {
    ErrorResponse {
        error_code: code.into(),
        error_message: message.to_owned(),
    }
}
