//! The demo account. A token of it is printed after the start, so that the services can be tried at once.

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

/// Signs in and returns an access token; creates the account at the first start. `None` if the account exists but its
/// password is not in the folder.
pub(crate) async fn access_token(
    folder: &DataFolder,
    channel: Channel,
) -> Result<Option<String>, Error> {
    let password = password(folder)?;
    let mut auth = AuthServiceClient::new(channel);
    match sign_in(&mut auth, &password).await {
        Err(status) if status.code() == Code::Unauthenticated => {}
        Ok(tokens) => return Ok(tokens.map(|tokens| tokens.access_token)),
        Err(source) => return Err(failed(source)),
    }
    match sign_up(&mut auth, password).await {
        Ok(tokens) => Ok(tokens.map(|tokens| tokens.access_token)),
        Err(status) if status.code() == Code::AlreadyExists => Ok(None),
        Err(source) => Err(failed(source)),
    }
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
