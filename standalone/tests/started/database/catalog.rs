//! The columns of both schemas, from the catalog of the database, and the files of migrations.

use std::fs;

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::tools::workspace;

/// The folders of `migrations/`, by schema.
pub(crate) const SCHEMAS: [&str; 2] = ["auth", "tasks"];

/// A column, with what matters to programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub(crate) struct Column {
    /// The table, with its schema.
    pub(crate) table: String,
    pub(crate) name: String,
    #[serde(rename = "type")]
    #[sqlx(rename = "type")]
    pub(crate) kind: String,
    /// Whether it can be null.
    pub(crate) nullable: bool,
    /// Whether an insert can leave it out.
    pub(crate) optional: bool,
}

/// Every column of both schemas, in a stable order.
pub(crate) async fn columns(connection: &mut PgConnection) -> Vec<Column> {
    let select = "select n.nspname || '.' || c.relname as table, a.attname::text as name,
                         format_type(a.atttypid, a.atttypmod) as type, not a.attnotnull as nullable,
                         not a.attnotnull or a.atthasdef or a.attidentity <> '' as optional
                  from pg_attribute a
                  join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p')
                  join pg_namespace n on n.oid = c.relnamespace and n.nspname in ('auth', 'tasks')
                  where a.attnum > 0 and not a.attisdropped and c.relname <> '_sqlx_migrations'
                  order by 1, a.attnum";
    sqlx::query_as(select).fetch_all(connection).await.unwrap()
}

/// The path below `migrations/` and the text of each migration, in order.
pub(crate) fn files() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for schema in SCHEMAS {
        let folder = workspace().join("migrations").join(schema);
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let text = fs::read_to_string(&path).unwrap();
            files.push((format!("{schema}/{name}"), text));
        }
    }
    files.sort();
    files
}

/// Whether the files of a release are to be written instead of compared.
pub(crate) fn writes() -> bool {
    std::env::var_os("TEST_WRITE").is_some()
}
