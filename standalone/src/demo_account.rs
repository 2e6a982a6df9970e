//! The demo account. Its password and a token of it are printed after the start, so that everything can be tried at once.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use contract::proto::auth::{
    SignInRequest, SignUpRequest, TokenPair, auth_service_client::AuthServiceClient,
};
use tonic::{Code, Status, transport::Channel};

use crate::{data_folder::DataFolder, error::Error};

/// Its email. Names below `localhost` are reserved, so it cannot be a real address (RFC 6761, section 6.3).
pub(crate) const EMAIL: &str = "demo@tandem.localhost";
/// The file with its password.
const PASSWORD_FILE: &str = "demo-password";
/// The device label of its sessions.
const DEVICE_LABEL: &str = "standalone";

/// How to be the demo account.
#[derive(Debug)]
pub(crate) struct DemoCredentials {
    pub(crate) password: String,
    pub(crate) access_token: String,
}

/// Signs in; creates the account at the first start. `None` if the account exists but its password is not in the folder.
pub(crate) async fn sign_in_or_up(
    folder: &DataFolder,
    channel: Channel,
) -> Result<Option<DemoCredentials>, Error> {
    let password = password(folder)?;
    let mut auth = AuthServiceClient::new(channel);
    let tokens = match sign_in(&mut auth, &password).await {
        Err(status) if status.code() == Code::Unauthenticated => {
            match sign_up(&mut auth, password.clone()).await {
                Err(status) if status.code() == Code::AlreadyExists => return Ok(None),
                signed_up => signed_up,
            }
        }
        signed_in => signed_in,
    };
    let tokens = tokens.map_err(failed)?;
    Ok(
        tokens.map(|TokenPair { access_token, .. }| DemoCredentials {
            password,
            access_token,
        }),
    )
}

async fn sign_in(
    auth: &mut AuthServiceClient<Channel>,
    password: &str,
) -> Result<Option<TokenPair>, Status> {
    let request = SignInRequest {
        email: EMAIL.to_owned(),
        password: password.to_owned(),
        device_label: DEVICE_LABEL.to_owned(),
        attempt_tag: Vec::new(),
    };
    Ok(auth.sign_in(request).await?.into_inner().tokens)
}

async fn sign_up(
    auth: &mut AuthServiceClient<Channel>,
    password: String,
) -> Result<Option<TokenPair>, Status> {
    let request = SignUpRequest {
        email: EMAIL.to_owned(),
        password,
        display_name: "Demo".to_owned(),
        device_label: DEVICE_LABEL.to_owned(),
        attempt_tag: Vec::new(),
    };
    Ok(auth.sign_up(request).await?.into_inner().tokens)
}

/// The password in the folder; generated at the first start.
fn password(folder: &DataFolder) -> Result<String, Error> {
    if let Some(stored) = folder.read(PASSWORD_FILE)? {
        return Ok(stored.trim_end().to_owned());
    }
    let mut random = [0; 18];
    aws_lc_rs::rand::fill(&mut random).expect("the operating system gives random bytes");
    let password = BASE64_URL_SAFE_NO_PAD.encode(random);
    folder.write(PASSWORD_FILE, &format!("{password}\n"))?;
    Ok(password)
}

fn failed(source: Status) -> Error {
    Error::Demo {
        account: EMAIL,
        source,
    }
}
