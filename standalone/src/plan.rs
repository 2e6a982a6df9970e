//! The settings of all parts. They are read together, so that every problem is reported at once.

use std::path::PathBuf;

use database::Settings as DatabaseSettings;
use secrecy::ExposeSecret as _;
use settings::{Listing, Problems, SettingFacts, Settings, Source};
use telemetry::{
    logs::{Log, log},
    settings::{Telemetry, telemetry},
};

use crate::next_steps::Addresses;

/// The `default.toml` that every binary has, and that of each part.
pub const DEFAULTS: [&str; 5] = [
    telemetry::settings::DEFAULTS,
    auth_service::config::DEFAULTS,
    task_service::config::DEFAULTS,
    gateway::DEFAULTS,
    include_str!("default.toml"),
];
const SECTIONS: [&str; 4] = ["auth", "task", "gateway", "standalone"];

/// Why the services of this process have no TLS.
const NO_TLS: &str = "cannot be set for standalone, whose parts use plaintext between each other on this machine; gateway.tls.certificate can";

/// Stands for the URL of the private PostgreSQL until it runs.
const PLACEHOLDER_URL: &str = "postgres:///tandem?host=/private";

/// Settings that the program generates: dotted key and value. Every other source overrides them.
pub(crate) type Generated = Vec<(String, String)>;

/// What the process starts, with its settings.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) directory: PathBuf,
    pub(crate) postgres_binaries: Option<PathBuf>,
    pub(crate) log: Log,
    pub(crate) telemetry: Telemetry,
    pub(crate) auth: auth_service::config::Config,
    pub(crate) task: task_service::config::Config,
    pub(crate) gateway: gateway::Config,
    /// All settings as they may be shown, without secrets.
    pub(crate) listing: Listing,
}

impl Plan {
    /// The settings of this process, with the generated ones as defaults.
    ///
    /// # Errors
    /// Every problem of the settings.
    pub(crate) fn of_process(generated: Generated) -> Result<Self, Problems> {
        Self::load(Source {
            generated,
            ..Source::of_process(&DEFAULTS, &SECTIONS)
        })
    }

    fn load(source: Source<'_>) -> Result<Self, Problems> {
        let mut settings = Settings::load(source);
        let plan = Self::read(&mut settings);
        settings.finish(|| plan)
    }

    fn read(settings: &mut Settings) -> Option<Self> {
        let directory = settings.get("standalone.directory");
        let postgres_binaries = settings.optional("standalone.postgres_binaries");
        let log = log(settings);
        let telemetry = telemetry(settings);
        let auth = auth_service::config::Config::read(settings);
        let task = task_service::config::Config::read(settings);
        let gateway = gateway::Config::read(settings);
        let encrypted = [
            ("auth", auth.as_ref().is_some_and(|auth| auth.tls.is_some())),
            ("task", task.as_ref().is_some_and(|task| task.tls.is_some())),
        ];
        for (section, _) in encrypted.into_iter().filter(|(_, encrypted)| *encrypted) {
            let key = format!("{section}.tls.certificate");
            settings.refuse(&key, NO_TLS);
        }
        Some(Self {
            directory: directory?,
            postgres_binaries: postgres_binaries?,
            log: log?,
            telemetry: telemetry?,
            auth: auth?,
            task: task?,
            gateway: gateway?,
            listing: settings.listing(),
        })
    }

    /// Whether the database of a service is not set.
    pub(crate) fn needs_postgres(&self) -> bool {
        let is_unset =
            |database: &DatabaseSettings| database.url.expose_secret() == PLACEHOLDER_URL;
        is_unset(&self.auth.database) || is_unset(&self.task.database)
    }
}

/// The database URL before the private PostgreSQL runs.
pub(crate) fn placeholder_database() -> Generated {
    database_url(PLACEHOLDER_URL)
}

/// The database of every service for which none is set.
pub(crate) fn database_url(url: &str) -> Generated {
    vec![("DATABASE_URL".to_owned(), url.to_owned())]
}

/// The settings by which the parts find and trust each other.
pub(crate) fn connections_between_parts(plan: &Plan, addresses: &Addresses) -> Generated {
    let Addresses { auth, task, .. } = addresses;
    let profile = &plan.auth.profile;
    // The gateway runs on this machine and forwards the address of its client; so does a proxy in front of it.
    let this_machine = || "127.0.0.0/8,::1".to_owned();
    let settings = [
        ("auth.server.trusted_proxies", this_machine()),
        ("task.server.trusted_proxies", this_machine()),
        ("gateway.trusted_proxies", this_machine()),
        ("task.auth_upstream", format!("http://{auth}")),
        ("task.issuer", profile.issuer.clone()),
        ("task.audience", profile.audience.clone()),
        ("gateway.auth_upstream", format!("http://{auth}")),
        ("gateway.task_upstream", format!("http://{task}")),
    ];
    settings
        .map(|(key, value)| (key.to_owned(), value))
        .to_vec()
}

/// Every setting of every binary, sorted by key. `.env.example` and the reference page must show them all.
#[must_use]
pub fn known_settings() -> Vec<SettingFacts> {
    let mut settings = Settings::load(Source {
        defaults: &DEFAULTS,
        sections: &SECTIONS,
        generated: Vec::new(),
        directory: PathBuf::from("."),
        environment: Vec::new(),
    });
    // Nothing is set, so this is `None`, but `settings` records what was read.
    let _ = Plan::read(&mut settings);
    settings.facts().collect()
}

#[cfg(test)]
mod tests {
    use testing::certificates::{Authority, Folder};

    use super::*;
    use crate::secrets::Secrets;

    fn read(mut generated: Generated, environment: &[(&str, &str)]) -> Result<Plan, Problems> {
        generated.extend(Secrets::random().settings());
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Plan::load(Source {
            defaults: &DEFAULTS,
            sections: &SECTIONS,
            generated,
            directory: std::env::temp_dir().join("a-folder-without-settings"),
            environment: environment.iter().map(pair).collect(),
        })
    }

    #[test]
    fn nothing_needs_to_be_set() {
        let plan = read(placeholder_database(), &[]).unwrap();
        assert!(plan.needs_postgres());
        assert_eq!(plan.directory, PathBuf::from(".tandem"));
        assert_eq!(plan.postgres_binaries, None);
        let ports = [
            plan.auth.process.listen,
            plan.task.process.listen,
            plan.gateway.process.listen,
        ]
        .map(|l| l.port());
        assert_eq!(ports, [50051, 50052, 8080]);
    }

    #[test]
    fn the_default_settings_of_the_parts_fit_together() {
        let plan = read(placeholder_database(), &[]).unwrap();
        assert_eq!(plan.task.trust.issuer, plan.auth.profile.issuer);
        assert_eq!(plan.task.trust.audience, plan.auth.profile.audience);
        assert_eq!(plan.task.auth_upstream, plan.gateway.upstreams.auth);
    }

    #[test]
    fn a_database_that_is_set_is_used_and_a_service_without_one_gets_the_private_one() {
        let own = "postgres://u@db.example/x";
        let plan = read(placeholder_database(), &[("DATABASE_URL", own)]).unwrap();
        assert!(!plan.needs_postgres());
        let plan = read(
            placeholder_database(),
            &[("TANDEM_AUTH__DATABASE__URL", own)],
        )
        .unwrap();
        assert!(plan.needs_postgres());
        assert_eq!(plan.auth.database.url.expose_secret(), own);
    }

    #[test]
    fn the_parts_use_each_others_settings_unless_theirs_are_set() {
        let environment = [
            ("TANDEM_AUTH__ISSUER", "me"),
            ("TANDEM_GATEWAY__TASK_UPSTREAM", "http://elsewhere:1"),
        ];
        let plan = read(placeholder_database(), &environment).unwrap();
        let addresses = Addresses {
            auth: "127.0.0.1:7".parse().unwrap(),
            ..Addresses::default()
        };
        let mut generated = placeholder_database();
        generated.extend(connections_between_parts(&plan, &addresses));
        let plan = read(generated, &environment).unwrap();
        assert_eq!(plan.task.trust.issuer, "me");
        assert_eq!(plan.task.auth_upstream, ["http://127.0.0.1:7/"]);
        assert_eq!(plan.gateway.upstreams.task, ["http://elsewhere:1/"]);
    }

    #[test]
    fn tls_for_a_service_of_this_process_is_refused() {
        let (authority, folder) = (Authority::new("authority"), Folder::new());
        let (certificate, key) = folder.write_identity("auth", &authority.issue(&["localhost"]));
        let environment = [
            (
                "TANDEM_AUTH__TLS__CERTIFICATE",
                certificate.to_str().unwrap(),
            ),
            ("TANDEM_AUTH__TLS__KEY", key.to_str().unwrap()),
        ];
        let problems = read(placeholder_database(), &environment).unwrap_err();
        let keys: Vec<_> = problems.iter().map(settings::SettingProblem::key).collect();
        assert_eq!(keys, ["auth.tls.certificate"]);
    }

    #[test]
    fn the_problems_of_all_parts_are_reported_together_and_each_once() {
        let environment = [
            ("TANDEM_AUTH__LISTEN", "nowhere"),
            ("TANDEM_TASK__QUOTA", "0"),
            ("TANDEM_GATEWAY__DEADLINE", "long"),
            ("TANDEM_STANDALONE__DIRECTORI", "x"),
            ("TANDEM_LOG__LEVEL", "inof"),
        ];
        let problems = read(placeholder_database(), &environment).unwrap_err();
        let keys: Vec<_> = problems.iter().map(settings::SettingProblem::key).collect();
        assert_eq!(
            keys,
            [
                "auth.listen",
                "gateway.deadline",
                "log.level",
                "standalone.directori",
                "task.quota"
            ]
        );
    }
}
