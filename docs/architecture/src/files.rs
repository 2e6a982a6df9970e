//! Which files of a crate import which, from the paths in their code.
//!
//! A path that begins with `crate`, `self` or `super` leads to the file of the longest module that it names. A module that
//! exports an item of another file again counts as the home of that item. Code for tests alone is left out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use petgraph::{algo::tarjan_scc, graphmap::DiGraphMap};
use syn::{
    Attribute, Item, ItemMod, UseTree,
    visit::{self, Visit},
};

/// A module by its path from the root of its crate; the root itself is empty.
type Module = Vec<String>;

/// The files of one crate.
#[derive(Debug)]
pub struct Files {
    source: PathBuf,
    modules: BTreeMap<Module, PathBuf>,
}

impl Files {
    /// The files under the folder `source` of a crate.
    ///
    /// # Panics
    /// A folder cannot be read.
    #[must_use]
    pub fn of(source: &Path) -> Self {
        let mut modules = BTreeMap::new();
        gather(source, &[], &mut modules);
        Self {
            source: source.to_owned(),
            modules,
        }
    }

    /// The circles of imports that go through more than one folder, each as its files, relative to the source folder.
    ///
    /// # Panics
    /// A file is not Rust.
    #[must_use]
    pub fn circles(&self) -> Vec<Vec<PathBuf>> {
        let edges = self.edges();
        let mut graph = DiGraphMap::<&Path, ()>::new();
        for (from, to) in &edges {
            graph.add_edge(from, to, ());
        }
        let circles = tarjan_scc(&graph);
        circles
            .into_iter()
            .filter(|files| {
                let folders: BTreeSet<PathBuf> =
                    files.iter().map(|file| self.folder(file)).collect();
                folders.len() > 1
            })
            .map(|files| files.into_iter().map(|file| self.shown(file)).collect())
            .collect()
    }

    /// Every import, from file to file.
    fn edges(&self) -> BTreeSet<(PathBuf, PathBuf)> {
        let mut edges = BTreeSet::new();
        for (module, file) in &self.modules {
            let text = fs::read_to_string(file).expect("a file that was listed can be read");
            let parsed = syn::parse_file(&text)
                .unwrap_or_else(|error| panic!("{} is not Rust: {error}", file.display()));
            let mut paths = Paths {
                module: module.clone(),
                found: BTreeSet::new(),
            };
            paths.visit_file(&parsed);
            let targets = paths.found.iter().filter_map(|path| self.file_of(path));
            edges.extend(
                targets
                    .filter(|to| *to != file)
                    .map(|to| (file.clone(), to.clone())),
            );
        }
        edges
    }

    /// The file of the longest module that begins `path`. The root of the crate is nobody's target: it only declares.
    fn file_of(&self, path: &Module) -> Option<&PathBuf> {
        let mut lengths = (1..=path.len()).rev();
        lengths.find_map(|length| self.modules.get(&path[..length]))
    }

    /// The folder that a file belongs to: the one it opens for modules of its own (`a/mod.rs`, or `a.rs` beside `a/`), else the one it
    /// stands in. A folder with nothing but tests does not count.
    fn folder(&self, file: &Path) -> PathBuf {
        let own = file.with_extension("");
        let opens = |other: &PathBuf| {
            let below = other.strip_prefix(&own);
            below.is_ok_and(|below| !below.starts_with("tests") && below != Path::new("tests.rs"))
        };
        if self.modules.values().any(opens) {
            return own;
        }
        file.parent().unwrap_or(&self.source).to_owned()
    }

    fn shown(&self, file: &Path) -> PathBuf {
        file.strip_prefix(&self.source).unwrap_or(file).to_owned()
    }
}

fn gather(folder: &Path, module: &[String], modules: &mut BTreeMap<Module, PathBuf>) {
    for entry in fs::read_dir(folder).expect("a source folder can be read") {
        let path = entry.expect("an entry can be read").path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let stem = stem.unwrap_or_default().to_owned();
        if path.is_dir() {
            gather(&path, &[module, &[stem]].concat(), modules);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let named = !matches!(stem.as_str(), "lib" | "main" | "mod");
            let own = if named { vec![stem] } else { Vec::new() };
            modules.insert([module, &own].concat(), path);
        }
    }
}

/// Gathers the paths of a file, each from the root of the crate.
struct Paths {
    module: Module,
    found: BTreeSet<Module>,
}

impl Paths {
    fn note(&mut self, path: &[String]) {
        let mut base = self.module.clone();
        let mut rest = path;
        match rest.split_first() {
            Some((first, after)) if first == "crate" => {
                base.clear();
                rest = after;
            }
            Some((first, after)) if first == "self" => rest = after,
            Some((first, _)) if first == "super" => {}
            _ => return,
        }
        while let Some((first, after)) = rest.split_first()
            && first == "super"
        {
            base.pop();
            rest = after;
        }
        base.extend(rest.iter().cloned());
        self.found.insert(base);
    }

    fn note_use(&mut self, before: &[String], tree: &UseTree) {
        match tree {
            UseTree::Path(path) => {
                let before = [before, &[path.ident.to_string()]].concat();
                self.note_use(&before, &path.tree);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.note_use(before, tree);
                }
            }
            UseTree::Name(name) => self.note(&[before, &[name.ident.to_string()]].concat()),
            UseTree::Rename(name) => self.note(&[before, &[name.ident.to_string()]].concat()),
            UseTree::Glob(_) => self.note(before),
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Mod(one) => &one.attrs,
            Item::Use(one) => &one.attrs,
            Item::Fn(one) => &one.attrs,
            Item::Impl(one) => &one.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !attributes.iter().any(is_for_tests) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        self.module.push(module.ident.to_string());
        visit::visit_item_mod(self, module);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.note_use(&[], &item.tree);
    }

    /// `pub(super)` names a module without importing from it.
    fn visit_visibility(&mut self, _visibility: &'ast syn::Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter().map(|one| one.ident.to_string());
        self.note(&segments.collect::<Vec<_>>());
        visit::visit_path(self, path);
    }
}

fn is_for_tests(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute
            .parse_args::<syn::Path>()
            .is_ok_and(|condition| condition.is_ident("test"))
}
