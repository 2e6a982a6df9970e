//! Pages of the lists that administrators read.

use std::sync::Arc;

use api::paging::{self, Binding, PageTokens};
use contract::refusal::{Problem, Violations};
use serving::caller::Caller;
use uuid::Uuid;

use crate::{context::Context, key_ring::KeyRing};

/// What the key of page tokens is derived for.
const PURPOSE: &[u8] = b"tandem administration page token\0";

/// A request for a page of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageRequest {
    /// Most entries.
    size: usize,
    /// The id of the last entry on the page before.
    after: Option<Uuid>,
    /// What the token of the next page is bound to.
    binding: Binding,
}

impl PageRequest {
    /// Ids of the page are below this one.
    pub(crate) fn before(&self) -> Uuid {
        self.after.unwrap_or(Uuid::max())
    }

    /// One more than the page holds, to see whether there is another page.
    pub(crate) fn limit(&self) -> i64 {
        i64::try_from(self.size + 1).expect("a page has at most 200 entries")
    }
}

/// A page of a list.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) entries: Vec<T>,
    /// Empty on the last page.
    pub(crate) next_page_token: String,
}

/// Reads and makes page tokens. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Pages {
    context: Context,
    tokens: Arc<PageTokens>,
}

impl Pages {
    pub(crate) fn new(context: Context, ring: &KeyRing) -> Self {
        Self {
            context,
            tokens: Arc::new(PageTokens::new(&ring.derive(PURPOSE))),
        }
    }

    /// Parses the fields `page_size` and `page_token` of a message.
    pub(crate) fn parse(
        &self,
        size: i32,
        token: &str,
        binding: Binding,
        violations: &mut Violations,
    ) -> Option<PageRequest> {
        let size = violations.take("page_size", paging::size(size));
        let opened = self.tokens.open(token, binding, self.context.now());
        let after = violations.take("page_token", opened);
        Some(PageRequest {
            size: size?,
            after: after?,
            binding,
        })
    }

    /// The page that `found` begins with. `id` is the id by which the list is ordered.
    pub(crate) fn page<T>(
        &self,
        mut found: Vec<T>,
        request: PageRequest,
        id: fn(&T) -> Uuid,
    ) -> Page<T> {
        let more = found.len() > request.size;
        found.truncate(request.size);
        let last = found.last().filter(|_| more).map(id);
        let next_page_token = last.map_or_else(String::new, |last| {
            let now = self.context.now();
            self.tokens.seal(request.binding, last, now)
        });
        Page {
            entries: found,
            next_page_token,
        }
    }
}

/// Binds a page token to the list, its filter and the caller.
pub(crate) fn binding(list: &[u8], caller: Caller, filter: &str) -> Binding {
    Binding::of(&[list, caller.user_id.uuid().as_bytes(), filter.as_bytes()])
}

/// A filter that may be empty.
pub(crate) fn optional<T>(
    text: &str,
    parse: fn(&str) -> Result<T, Problem>,
) -> Result<Option<T>, Problem> {
    match text {
        "" => Ok(None),
        text => parse(text).map(Some),
    }
}
