//! A configuration that is made from files, and made again when they change.

use std::{convert::Infallible, fmt, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use clock::{Clock as _, SystemClock};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::spawn_blocking,
    time::sleep,
};

use super::{
    error::{FileError, FileErrorKind, FileRole, Validity, in_one_line},
    material::{Contents, Files, Material},
};

/// A configuration `C`, and how it is made from files.
pub(super) struct Reloading<C> {
    /// Its name in the log: `auth.tls`.
    name: String,
    files: Files,
    every: Duration,
    make: Box<dyn Fn(Material) -> C + Send + Sync>,
    current: ArcSwap<Current<C>>,
    validity: watch::Sender<Option<Validity>>,
}

struct Current<C> {
    config: Arc<C>,
    contents: Contents,
}

/// The result of reading the files again.
enum Reload {
    Unchanged,
    Replaced(Option<Validity>),
    Kept(Vec<FileError>),
}

impl<C: Send + Sync + 'static> Reloading<C> {
    /// Reads the files for the first time. Blocks.
    pub(super) fn load(
        name: String,
        files: Files,
        every: Duration,
        make: impl Fn(Material) -> C + Send + Sync + 'static,
    ) -> Result<Self, Vec<FileError>> {
        let contents = files.read()?;
        let material = files.parse(&contents)?;
        let validity = validity(&material);
        Ok(Self {
            name,
            files,
            every,
            current: ArcSwap::from_pointee(Current {
                config: Arc::new(make(material)),
                contents,
            }),
            make: Box::new(make),
            validity: watch::Sender::new(validity),
        })
    }

    /// The configuration in use.
    pub(super) fn current(&self) -> Arc<C> {
        Arc::clone(&self.current.load().config)
    }

    /// When the certificate in use is valid; `None` without one.
    pub(super) fn validity(&self) -> watch::Receiver<Option<Validity>> {
        self.validity.subscribe()
    }

    /// Reads the files again at the interval, and at once on SIGHUP.
    pub(super) async fn keep_current(self: &Arc<Self>) -> Infallible {
        let mut logged = None;
        let mut hangup = hangup();
        self.warn_if_not_valid(*self.validity.borrow());
        loop {
            tokio::select! {
                () = sleep(self.every) => {}
                () = received(&mut hangup) => tracing::info!(tls = self.name, "SIGHUP: reading the certificates again"),
            }
            let this = Arc::clone(self);
            match spawn_blocking(move || this.reload(SystemClock.now())).await {
                Ok(reload) => logged = self.log(reload, logged.as_deref()),
                Err(panicked) => {
                    tracing::error!(tls = self.name, %panicked, "the certificates could not be read again");
                }
            }
        }
    }

    /// Logs a reload. `logged` is the problem that was logged last; the same problem is logged once. Returns the problem
    /// that is logged now.
    fn log(&self, reload: Reload, logged: Option<&str>) -> Option<String> {
        match reload {
            Reload::Unchanged => None,
            Reload::Replaced(validity) => {
                let until = validity.map(|validity| tracing::field::display(validity.until));
                tracing::info!(tls = self.name, until, "the certificates were replaced");
                self.warn_if_not_valid(validity);
                None
            }
            Reload::Kept(errors) => {
                let problem = in_one_line(&errors);
                if logged != Some(problem.as_str()) {
                    tracing::error!(
                        tls = self.name,
                        problem,
                        "the new certificates cannot be used; the last good ones stay"
                    );
                }
                Some(problem)
            }
        }
    }

    /// Reads the files, and uses their contents if they are new and good. Blocks.
    fn reload(&self, now: DateTime<Utc>) -> Reload {
        let contents = match self.files.read() {
            Ok(contents) => contents,
            Err(errors) => return Reload::Kept(errors),
        };
        if contents == self.current.load().contents {
            return Reload::Unchanged;
        }
        let material = match self.files.parse(&contents) {
            Ok(material) => material,
            Err(errors) => return Reload::Kept(errors),
        };
        let new = validity(&material);
        if let Some(file_error) = self.refuse_not_valid(new, now) {
            return Reload::Kept(vec![file_error]);
        }
        self.current.store(Arc::new(Current {
            config: Arc::new((self.make)(material)),
            contents,
        }));
        self.validity.send_replace(new);
        Reload::Replaced(new)
    }

    /// Refuses a certificate that is not valid now while the one in use is. It may be accepted later.
    fn refuse_not_valid(&self, new: Option<Validity>, now: DateTime<Utc>) -> Option<FileError> {
        let new = new.filter(|new| !new.contains(now))?;
        let in_use = *self.validity.borrow();
        let (path, _key) = self.files.identity.as_ref()?;
        in_use
            .filter(|in_use| in_use.contains(now))
            .map(|_valid| FileError {
                role: FileRole::Certificate,
                path: path.clone(),
                kind: FileErrorKind::NotValidNow(new),
            })
    }

    fn warn_if_not_valid(&self, validity: Option<Validity>) {
        if let Some(validity) = validity
            && !validity.contains(SystemClock.now())
        {
            tracing::warn!(tls = self.name, %validity, "the certificate is not valid now");
        }
    }
}

fn validity(material: &Material) -> Option<Validity> {
    material.identity.as_ref().map(|identity| identity.validity)
}

fn hangup() -> Option<Signal> {
    match signal(SignalKind::hangup()) {
        Ok(signal) => Some(signal),
        Err(error) => {
            tracing::warn!(%error, "cannot listen for SIGHUP");
            None
        }
    }
}

async fn received(signal: &mut Option<Signal>) {
    if let Some(signal) = signal
        && signal.recv().await.is_some()
    {
        return;
    }
    std::future::pending::<()>().await;
}

impl<C> fmt::Debug for Reloading<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloading")
            .field("name", &self.name)
            .field("files", &self.files)
            .field("validity", &*self.validity.borrow())
            .finish_non_exhaustive()
    }
}
