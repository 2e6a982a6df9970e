//! The settings of a process. The only test that changes the environment and the working directory of its own process, so it is
//! alone in its program.

use figment::Jail;
use settings::{Settings, Source};

const DEFAULTS: &str =
    "[auth]\nlisten = '127.0.0.1:1'\naccess_ttl = '1m'\nnote = 'default'\nissuer = 'default'\n";

#[test]
fn a_process_reads_its_environment_and_the_files_of_its_working_directory() {
    Jail::expect_with(|jail| {
        jail.clear_env();
        jail.create_file("tandem.toml", "[auth]\naccess_ttl = '2m'\nnote = 'file'\n")?;
        jail.create_file(
            ".env",
            "TANDEM_CONFIG=tandem.toml\nTANDEM_AUTH__NOTE='.env'\n",
        )?;
        jail.set_env("TANDEM_AUTH__LISTEN", "127.0.0.1:4");
        jail.set_env("TANDEM_AUTH_SERVICE_HOST", "10.0.0.7");
        jail.set_env("HOME", "/root");

        let mut settings = Settings::load(Source::of_process(&[DEFAULTS], &["auth"]));
        for key in ["access_ttl", "issuer", "listen", "note"] {
            let text: Option<String> = settings.get(&format!("auth.{key}"));
            assert!(text.is_some(), "{key}");
        }
        assert_eq!(
            settings.listing().to_string(),
            "auth.access_ttl = \"2m\" (from auth.access_ttl in ./tandem.toml)\n\
             auth.issuer = \"default\" (from the default)\n\
             auth.listen = \"127.0.0.1:4\" (from TANDEM_AUTH__LISTEN)\n\
             auth.note = \".env\" (from TANDEM_AUTH__NOTE in .env)\n"
        );
        assert_eq!(settings.finish(|| Some(())), Ok(()));
        Ok(())
    });
}
