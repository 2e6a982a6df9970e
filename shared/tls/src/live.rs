//! A configuration made of files, made anew when they change.

use std::{convert::Infallible, fmt, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::spawn_blocking,
    time::sleep,
};

use super::{
    faults::{Fault, Part, Validity, What, in_one_line},
    material::{Contents, Files, Material},
};
use clock::{Clock as _, SystemClock};

/// What is made of the files, and how.
pub(super) struct Live<C> {
    /// Whose it is, for the log: `auth.tls`.
    name: String,
    files: Files,
    every: Duration,
    make: Box<dyn Fn(Material) -> C + Send + Sync>,
    current: ArcSwap<Made<C>>,
    validity: watch::Sender<Option<Validity>>,
}

struct Made<C> {
    config: Arc<C>,
    contents: Contents,
}

/// What a look at the files has led to.
enum Look {
    Unchanged,
    Replaced(Option<Validity>),
    Kept(Vec<Fault>),
}

impl<C: Send + Sync + 'static> Live<C> {
    /// Reads the files for the first time. Blocks.
    pub(super) fn load(
        name: String,
        files: Files,
        every: Duration,
        make: impl Fn(Material) -> C + Send + Sync + 'static,
    ) -> Result<Self, Vec<Fault>> {
        let contents = files.read()?;
        let material = files.understand(&contents)?;
        let validity = validity(&material);
        Ok(Self {
            name,
            files,
            every,
            current: ArcSwap::from_pointee(Made {
                config: Arc::new(make(material)),
                contents,
            }),
            make: Box::new(make),
            validity: watch::Sender::new(validity),
        })
    }

    /// What is in use now.
    pub(super) fn current(&self) -> Arc<C> {
        Arc::clone(&self.current.load().config)
    }

    /// When the certificate in use is valid; none if none is shown.
    pub(super) fn validity(&self) -> watch::Receiver<Option<Validity>> {
        self.validity.subscribe()
    }

    /// Looks at the files again and again, and at once on SIGHUP.
    pub(super) async fn keep_current(self: &Arc<Self>) -> Infallible {
        let mut told = None;
        let mut hangup = hangup();
        self.warn_of(*self.validity.borrow());
        loop {
            tokio::select! {
                () = sleep(self.every) => {}
                () = received(&mut hangup) => tracing::info!(tls = self.name, "SIGHUP: reading the certificates again"),
            }
            let live = Arc::clone(self);
            let looked = spawn_blocking(move || live.look(SystemClock.now())).await;
            match looked {
                Ok(Look::Unchanged) => told = None,
                Ok(Look::Replaced(validity)) => {
                    told = None;
                    let until = validity.map(|validity| tracing::field::display(validity.until));
                    tracing::info!(tls = self.name, until, "the certificates were replaced");
                    self.warn_of(validity);
                }
                Ok(Look::Kept(faults)) => {
                    let problem = in_one_line(&faults);
                    if told.as_ref() != Some(&problem) {
                        tracing::error!(
                            tls = self.name,
                            problem,
                            "the new certificates cannot be used; the last good ones stay"
                        );
                        told = Some(problem);
                    }
                }
                Err(panicked) => {
                    tracing::error!(tls = self.name, %panicked, "the certificates could not be read again");
                }
            }
        }
    }

    /// Takes over what the files hold now, if it is new and good. Blocks.
    fn look(&self, now: DateTime<Utc>) -> Look {
        let contents = match self.files.read() {
            Ok(contents) => contents,
            Err(faults) => return Look::Kept(faults),
        };
        if contents == self.current.load().contents {
            return Look::Unchanged;
        }
        let material = match self.files.understand(&contents) {
            Ok(material) => material,
            Err(faults) => return Look::Kept(faults),
        };
        let new = validity(&material);
        if let Some(fault) = self.worse(new, now) {
            return Look::Kept(vec![fault]);
        }
        self.current.store(Arc::new(Made {
            config: Arc::new((self.make)(material)),
            contents,
        }));
        self.validity.send_replace(new);
        Look::Replaced(new)
    }

    /// A certificate that no client accepts now is no replacement of one that they do; it may become one.
    fn worse(&self, new: Option<Validity>, now: DateTime<Utc>) -> Option<Fault> {
        let new = new.filter(|new| !new.contains(now))?;
        let held = *self.validity.borrow();
        let (path, _key) = self.files.identity.as_ref()?;
        held.filter(|held| held.contains(now)).map(|_good| Fault {
            part: Part::Certificate,
            path: path.clone(),
            what: What::NotValidNow(new),
        })
    }

    fn warn_of(&self, validity: Option<Validity>) {
        if let Some(validity) = validity
            && !validity.contains(SystemClock.now())
        {
            tracing::warn!(tls = self.name, %validity, "the certificate is not valid now");
        }
    }
}

fn validity(material: &Material) -> Option<Validity> {
    material.identity.as_ref().map(|shown| shown.validity)
}

fn hangup() -> Option<Signal> {
    match signal(SignalKind::hangup()) {
        Ok(signal) => Some(signal),
        Err(error) => {
            tracing::warn!(%error, "SIGHUP cannot be awaited");
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

impl<C> fmt::Debug for Live<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live")
            .field("name", &self.name)
            .field("files", &self.files)
            .field("validity", &*self.validity.borrow())
            .finish_non_exhaustive()
    }
}
