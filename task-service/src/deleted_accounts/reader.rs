//! Reads the list of deleted accounts from the auth service.

use std::{sync::Arc, time::Duration};

use api::{ids::UserId, time::moment};
use chrono::{DateTime, Utc};
use contract::proto::auth::{
    AccountDeletion, ListAccountDeletionsRequest, ListAccountDeletionsResponse,
    verifier_service_client::VerifierServiceClient,
};
use database::Principal;
use futures_util::FutureExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use telemetry::metrics::Metrics;
use tls::Upstream;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, error::Elapsed, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue, errors::InvalidMetadataValue},
    transport::{self, Channel},
};

use super::{Deletion, Place, metrics::ReadMetrics, record, store};
use crate::{context::Context, error::Error};

/// The largest number of deletions that are read and recorded at once.
const PAGE_SIZE: i32 = 500;
/// The longest time of a call, and of a connection attempt.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest time of a transaction that records a page, the wait for a lane included.
const RECORD_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest pause after a failure, before the next replica is asked.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(5);

/// Whose share of the lanes it takes.
const PRINCIPAL: Principal = Principal::Internal("reader of deletions");

/// Why the list could not be read.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("the service secret cannot be sent")]
    Secret(#[from] InvalidMetadataValue),
    #[error("the auth service cannot be reached: {0}")]
    Unreachable(#[from] transport::Error),
    #[error("the auth service does not answer")]
    Silent(#[from] Elapsed),
    #[error("the auth service refused: {:?}: {}", .0.code(), .0.message())]
    Refused(Box<Status>),
    #[error("the answer of the auth service is not a list of deletions")]
    Malformed,
    #[error("the deletions cannot be recorded: {0}")]
    Record(#[from] Error),
}

impl From<Status> for ReadError {
    fn from(status: Status) -> Self {
        Self::Refused(Box::new(status))
    }
}

/// The job that reads the list of deleted accounts.
#[derive(Debug)]
pub(crate) struct Reader {
    context: Context,
    auth: Vec<Upstream>,
    service_secret: SecretString,
    /// The pause after everything was read.
    poll: Duration,
    /// Notified when an account was recorded.
    recorded: Arc<Notify>,
    metrics: ReadMetrics,
}

impl Reader {
    /// Reads from the replicas `auth`, at least one, with the secret of this service.
    pub(crate) fn new(
        context: Context,
        (auth, service_secret): (Vec<Upstream>, SecretString),
        poll: Duration,
        recorded: Arc<Notify>,
        metrics: &Metrics,
    ) -> Self {
        Self {
            context,
            auth,
            service_secret,
            poll,
            recorded,
            metrics: ReadMetrics::new(metrics),
        }
    }

    /// Reads repeatedly, from the time that `schema` is true until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken, mut schema: watch::Receiver<bool>) {
        let ready = schema.wait_for(|migrated| *migrated);
        if !matches!(stop.run_until_cancelled(ready).await, Some(Ok(_))) {
            return;
        }
        stop.run_until_cancelled(self.read_repeatedly()).await;
    }

    async fn read_repeatedly(&self) {
        let mut failing = false;
        let mut replicas = self.auth.iter().cycle();
        let mut asked = replicas.next();
        while let Some(auth) = asked {
            let pause = match self.read_all(auth).await {
                Ok(()) => {
                    self.metrics.set_read();
                    failing = false;
                    self.poll
                }
                Err(error) => {
                    if std::mem::replace(&mut failing, true) {
                        tracing::debug!(%error, "deleted accounts still cannot be read");
                    } else {
                        tracing::warn!(%error, "deleted accounts cannot be read; trying again");
                    }
                    asked = replicas.next();
                    self.poll.min(MAX_RETRY_DELAY)
                }
            };
            sleep(pause).await;
        }
    }

    /// Reads and records page after page, to the end of the list.
    async fn read_all(&self, auth: &Upstream) -> Result<(), ReadError> {
        let channel = timeout(CALL_TIMEOUT, auth.connect()).await??;
        let mut client = VerifierServiceClient::new(channel);
        let mut place = self.find_place().await?;
        loop {
            let page = Page::parse(self.list(&mut client, &place).await?)?;
            if page.place != place {
                place = page.place.clone();
                self.record(page.deletions, page.place).await?;
            }
            if place.sequence >= page.head {
                return Ok(());
            }
        }
    }

    async fn list(
        &self,
        client: &mut VerifierServiceClient<Channel>,
        place: &Place,
    ) -> Result<ListAccountDeletionsResponse, ReadError> {
        let mut request = Request::new(ListAccountDeletionsRequest {
            since_sequence: place.sequence,
            incarnation: place.incarnation.clone(),
            page_size: PAGE_SIZE,
        });
        let bearer = format!("Bearer {}", self.service_secret.expose_secret());
        let mut bearer = MetadataValue::<Ascii>::try_from(bearer)?;
        bearer.set_sensitive(true);
        request.metadata_mut().insert("authorization", bearer);
        request.set_timeout(CALL_TIMEOUT);
        let listed = timeout(CALL_TIMEOUT, client.list_account_deletions(request));
        Ok(listed.await??.into_inner())
    }

    async fn find_place(&self) -> Result<Place, Error> {
        let deadline = Instant::now() + RECORD_TIMEOUT;
        let place = self.context.lanes.run(PRINCIPAL, deadline, move |conn| {
            async move { store::find_place(conn).await }.boxed()
        });
        Ok(place.await?.unwrap_or_default())
    }

    async fn record(&self, deletions: Vec<Deletion>, place: Place) -> Result<(), Error> {
        let (deadline, now) = (Instant::now() + RECORD_TIMEOUT, self.context.now());
        let page = Arc::new((deletions, place));
        let recorded = self
            .context
            .lanes
            .transaction(PRINCIPAL, deadline, move |conn| {
                let page = Arc::clone(&page);
                async move { record(conn, &page.0, &page.1, now).await }.boxed()
            });
        let accounts = recorded.await?;
        if accounts > 0 {
            tracing::info!(accounts, "accounts were deleted: their rows are removed");
            self.recorded.notify_one();
        }
        Ok(())
    }
}

/// One answer of the auth service.
#[derive(Debug, PartialEq, Eq)]
struct Page {
    deletions: Vec<Deletion>,
    /// What is read with this page.
    place: Place,
    /// The end of the list.
    head: i64,
}

impl Page {
    fn parse(response: ListAccountDeletionsResponse) -> Result<Self, ReadError> {
        let ListAccountDeletionsResponse {
            incarnation,
            deletions,
            head_sequence: head,
        } = response;
        if incarnation.is_empty() {
            return Err(ReadError::Malformed);
        }
        // Without deletions, everything was read before.
        let sequence = deletions.last().map_or(head, |last| last.sequence);
        Ok(Self {
            deletions: deletions.iter().filter_map(parse_deletion).collect(),
            place: Place {
                incarnation,
                sequence,
            },
            head,
        })
    }
}

/// `None` if the id is none of an account, which then has no rows here: it must not keep the deletions after it waiting.
fn parse_deletion(deletion: &AccountDeletion) -> Option<Deletion> {
    let Ok(owner) = UserId::parse(&deletion.account_id) else {
        tracing::error!(deletion.sequence, "a deleted account has no valid id");
        return None;
    };
    // Without its time it counts as recent.
    let delete_time = deletion.delete_time.and_then(moment);
    Some(Deletion {
        owner,
        delete_time: delete_time.unwrap_or(DateTime::<Utc>::MAX_UTC),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deletion(sequence: i64, account_id: &str) -> AccountDeletion {
        AccountDeletion {
            sequence,
            account_id: account_id.to_owned(),
            delete_time: None,
        }
    }

    #[test]
    fn a_page_says_up_to_where_it_was_read_and_an_invalid_id_is_passed_over() {
        let id = "0190163d-8694-739b-aea5-966c26f8ad91";
        let page = Page::parse(ListAccountDeletionsResponse {
            incarnation: "here".to_owned(),
            deletions: vec![deletion(7, id), deletion(8, "nobody")],
            head_sequence: 20,
        });
        let page = page.unwrap();
        assert_eq!((page.place.sequence, page.head), (8, 20));
        assert_eq!(page.deletions.len(), 1);
        assert_eq!(page.deletions[0].owner.to_string(), id);
    }

    #[test]
    fn an_empty_page_is_the_end_and_one_without_a_history_is_refused() {
        let empty = ListAccountDeletionsResponse {
            incarnation: "here".to_owned(),
            deletions: Vec::new(),
            head_sequence: 20,
        };
        assert_eq!(Page::parse(empty).unwrap().place.sequence, 20);
        let refused = Page::parse(ListAccountDeletionsResponse::default());
        assert!(matches!(refused, Err(ReadError::Malformed)));
    }
}
