//! Reads the meaning of each setting from the comments in the `default.toml` files. The form of its value comes from the code.

use std::collections::{BTreeMap, BTreeSet};

use settings::SettingFacts;

/// A table of a `default.toml`. `#[*.name]` has the meanings for the table `name` of every binary.
#[derive(Debug, Clone, Default)]
struct Table {
    name: String,
    groups: Vec<Group>,
}

/// Settings with one comment above them.
#[derive(Debug, Clone, Default)]
struct Group {
    comment: Vec<String>,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    name: String,
    /// The text after the `=` of a setting without a default.
    example: String,
}

/// A table as the documents show it.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) name: String,
    pub(crate) rows: Vec<Row>,
}

/// Settings with one meaning.
#[derive(Debug)]
pub(crate) struct Row {
    /// The lines of the meaning.
    pub(crate) meaning: Vec<String>,
    /// Each setting with an example for one that has no default.
    pub(crate) settings: Vec<(SettingFacts, String)>,
}

/// The settings that the code reads, and the differences between them and the documents.
#[derive(Debug)]
pub(crate) struct Reference {
    known: BTreeMap<String, SettingFacts>,
    /// Meanings that several binaries share.
    shared: Vec<Table>,
    shown: BTreeSet<String>,
    used: BTreeSet<String>,
    problems: Vec<String>,
}

impl Reference {
    /// With the shared meanings in the texts `common`. Several texts may describe parts of one table.
    pub(crate) fn new(settings: Vec<SettingFacts>, common: &[&str]) -> Self {
        let mut shared: Vec<Table> = Vec::new();
        for Table { name, groups } in common.iter().flat_map(|text| tables(text)) {
            match shared.iter_mut().find(|table| table.name == name) {
                Some(table) => table.groups.extend(groups),
                None => shared.push(Table { name, groups }),
            }
        }
        Self {
            known: settings
                .into_iter()
                .map(|setting| (setting.key.clone(), setting))
                .collect(),
            shared,
            shown: BTreeSet::new(),
            used: BTreeSet::new(),
            problems: Vec::new(),
        }
    }

    /// The tables of one `default.toml`. With `top`, also those tables of `top` that have only shared meanings.
    pub(crate) fn sections(&mut self, text: &str, top: Option<&str>) -> Vec<Section> {
        let mut own = tables(text);
        own.retain(|table| !table.name.starts_with('*'));
        let shared = self.shared.iter().filter_map(|table| {
            let name = table.name.replacen('*', top?, 1);
            let known = own.iter().any(|own| own.name == name);
            (!known).then(|| Table {
                name,
                ..Table::default()
            })
        });
        let all: Vec<Table> = own.iter().cloned().chain(shared).collect();
        let sections = all.into_iter().map(|table| self.section(table, top));
        let sections: Vec<_> = sections.collect();
        sections
            .into_iter()
            .filter(|s| !s.rows.is_empty())
            .collect()
    }

    fn section(&mut self, table: Table, top: Option<&str>) -> Section {
        let Table { name, groups } = table;
        let pattern = top.and_then(|top| Some(format!("*{}", name.strip_prefix(top)?)));
        let same = |shared: &&Table| Some(&shared.name) == pattern.as_ref();
        let shared = self.shared.iter().find(same).cloned().unwrap_or_default();
        let (own, bare): (Vec<Group>, Vec<Group>) = groups
            .into_iter()
            .partition(|group| !group.comment.is_empty());
        let mut rows: Vec<Row> = own
            .into_iter()
            .map(|group| self.row(&name, group))
            .collect();
        for mut group in shared.groups {
            group.entries.retain(|entry| {
                let key = format!("{name}.{}", entry.name);
                let wanted = self.known.contains_key(&key) && !self.shown.contains(&key);
                if wanted {
                    self.used.insert(format!("{}.{}", shared.name, entry.name));
                }
                wanted
            });
            rows.push(self.row(&name, group));
        }
        rows.retain(|row| !row.settings.is_empty());
        for entry in bare.into_iter().flat_map(|group| group.entries) {
            let key = format!("{name}.{}", entry.name);
            if !self.shown.contains(&key) {
                self.problems.push(format!("{key} has no comment"));
            }
        }
        Section { name, rows }
    }

    fn row(&mut self, table: &str, group: Group) -> Row {
        let mut settings = Vec::new();
        for Entry { name, example } in group.entries {
            let key = format!("{table}.{name}");
            match self.known.get(&key) {
                Some(setting) => settings.push((setting.clone(), example)),
                None => self
                    .problems
                    .push(format!("{key} is documented and never read")),
            }
            if !self.shown.insert(key.clone()) {
                self.problems.push(format!("{key} is documented twice"));
            }
        }
        Row {
            meaning: group.comment,
            settings,
        }
    }

    /// Settings without a meaning, and meanings without a setting. To be called after all sections.
    pub(crate) fn problems(self) -> Vec<String> {
        let Self {
            known,
            shared,
            shown,
            used,
            mut problems,
        } = self;
        let undocumented = known.keys().filter(|key| !shown.contains(*key));
        problems.extend(undocumented.map(|key| format!("{key} is read and not documented")));
        for table in shared {
            let entries = table.groups.into_iter().flat_map(|group| group.entries);
            let keys = entries.map(|entry| format!("{}.{}", table.name, entry.name));
            let unused = keys.filter(|key| !used.contains(key));
            problems.extend(unused.map(|key| format!("{key} is documented and never read")));
        }
        problems.sort();
        problems.dedup();
        problems
    }
}

/// The tables of a text, in their order.
fn tables(text: &str) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    let mut comment: Vec<String> = Vec::new();
    let mut fresh = true;
    for line in text.lines().map(str::trim_end) {
        if let Some(words) = prose(line) {
            comment.push(words.to_owned());
        } else if line.is_empty() {
            comment.clear();
            fresh = true;
        } else if let Some(name) = header(line) {
            tables.push(Table {
                name: name.to_owned(),
                ..Table::default()
            });
            fresh = true;
        } else {
            let entry = entry(line).unwrap_or_else(|| panic!("what does {line:?} mean?"));
            let table = tables.last_mut().expect("settings are in a table");
            if fresh || !comment.is_empty() {
                let comment = std::mem::take(&mut comment);
                table.groups.push(Group {
                    comment,
                    ..Group::default()
                });
            }
            fresh = false;
            let group = table.groups.last_mut().expect("one was just added");
            group.entries.push(entry);
        }
    }
    tables
}

fn prose(line: &str) -> Option<&str> {
    (line == "#")
        .then_some("")
        .or_else(|| line.strip_prefix("# "))
}

fn header(line: &str) -> Option<&str> {
    let line = line.strip_prefix('#').unwrap_or(line);
    line.strip_prefix('[')?.strip_suffix(']')
}

fn entry(line: &str) -> Option<Entry> {
    let (name, value) = line.split_once(" = ")?;
    let example = name.starts_with('#').then(|| value.trim_matches('"'));
    Some(Entry {
        name: name.trim_start_matches('#').to_owned(),
        example: example.unwrap_or_default().to_owned(),
    })
}
