//! The files of the console, as the build of the gateway found them.

/// A file of the console.
#[derive(Debug, Clone, Copy)]
pub struct ConsoleFile {
    /// Its path below `/app/`.
    pub name: &'static str,
    /// Differs for other contents: visible ASCII without quotes.
    pub tag: &'static str,
    /// Its contents.
    pub plain: &'static [u8],
    /// The same, compressed (RFC 1952).
    pub gzip: Option<&'static [u8]>,
}

/// The console that a gateway serves.
#[derive(Debug, Clone, Copy)]
pub struct ConsoleFiles(&'static [ConsoleFile]);

impl ConsoleFiles {
    /// The console that was there when the gateway was built: empty if there was none.
    #[must_use]
    pub fn embedded() -> Self {
        Self(include!(concat!(env!("OUT_DIR"), "/console_files.rs")))
    }

    /// A console of these files. Without any, the gateway says how to build one.
    #[must_use]
    pub fn of(files: &'static [ConsoleFile]) -> Self {
        Self(files)
    }

    /// The file of this name.
    pub(crate) fn find(self, name: &str) -> Option<&'static ConsoleFile> {
        self.0.iter().find(|file| file.name == name)
    }
}
