//! Generates the messages and clients of the crate `connectrpc` from `proto/`, as a user of that crate does.

use std::{env, error::Error, fs, path::PathBuf};

const ROOT: &str = "../../proto";

/// The services that are called; what they import is generated too.
const SERVICES: [&str; 2] = [
    "tandem/auth/v1/auth_service.proto",
    "tandem/task/v1/task_service.proto",
];

/// The crate `buffa-types` has these.
const WELL_KNOWN: &str = "google/protobuf/";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={ROOT}");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let descriptors = out.join("descriptors.bin");

    let mut compiler = protox::Compiler::new([ROOT])?;
    compiler.include_imports(true).open_files(SERVICES)?;
    fs::write(&descriptors, compiler.encode_file_descriptor_set())?;
    let set = compiler.file_descriptor_set();
    let names = set.file.iter().filter_map(|file| file.name.as_deref());
    let files: Vec<_> = names.filter(|name| !name.starts_with(WELL_KNOWN)).collect();
    connectrpc_build::Config::new()
        .descriptor_set(descriptors)
        .files(&files)
        .include_file("_connectrpc.rs")
        .emit_rerun_directives(false)
        .compile()?;
    Ok(())
}
