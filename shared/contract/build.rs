//! Generates messages, clients and servers from `proto/`, and the descriptor set for reflection and the access policy. The compiler
//! is protox, so that no `protoc` has to be installed.

use std::{env, error::Error, fs, path::PathBuf};

const ROOT: &str = "../../proto";

const FILES: [&str; 11] = [
    "google/rpc/error_details.proto",
    "google/rpc/status.proto",
    "grpc/health/v1/health.proto",
    "grpc/reflection/v1/reflection.proto",
    "grpc/reflection/v1alpha/reflection.proto",
    "tandem/auth/v1/account_service.proto",
    "tandem/auth/v1/admin_service.proto",
    "tandem/auth/v1/auth_service.proto",
    "tandem/auth/v1/verifier_service.proto",
    "tandem/common/v1/access.proto",
    "tandem/task/v1/task_service.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={ROOT}");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);

    let mut compiler = protox::Compiler::new([ROOT])?;
    compiler
        .include_imports(true)
        .include_source_info(true)
        .open_files(FILES)?;
    // The compiler encodes it: prost-types would drop the access options.
    fs::write(
        out.join("descriptors.bin"),
        compiler.encode_file_descriptor_set(),
    )?;
    tonic_prost_build::configure()
        .emit_rerun_if_changed(false)
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
