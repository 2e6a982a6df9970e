//! The account whose token is printed, so that there is something to try at once.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use shared::proto::auth::{
    SignInRequest, SignUpRequest, TokenPair, auth_service_client::AuthServiceClient,
};
use tonic::{Code, Status, transport::Channel};

use crate::{Error, folder::Folder};

/// Its email; names below `localhost` are nobody's (RFC 6761, section 6.3).
pub(crate) const ACCOUNT: &str = "demo@tandem.localhost";
/// The file of its password.
const FILE: &str = "demo-password";
/// What its sessions are called.
const DEVICE: &str = "standalone";

/// Signs in, at the first start to an account made for it. None when the account exists and its password is not known here.
pub(crate) async fn access_token(
    folder: &Folder,
    channel: Channel,
) -> Result<Option<String>, Error> {
    let password = password(folder)?;
    let mut auth = AuthServiceClient::new(channel);
    match sign_in(&mut auth, &password).await {
        Err(status) if status.code() == Code::Unauthenticated => {}
        Ok(tokens) => return Ok(tokens.map(|tokens| tokens.access_token)),
        Err(source) => return Err(refused(source)),
    }
    match sign_up(&mut auth, password).await {
        Ok(tokens) => Ok(tokens.map(|tokens| tokens.access_token)),
        Err(status) if status.code() == Code::AlreadyExists => Ok(None),
        Err(source) => Err(refused(source)),
    }
}

async fn sign_in(
    auth: &mut AuthServiceClient<Channel>,
    password: &str,
) -> Result<Option<TokenPair>, Status> {
    let request = SignInRequest {
        email: ACCOUNT.to_owned(),
        password: password.to_owned(),
        device_label: DEVICE.to_owned(),
    };
    Ok(auth.sign_in(request).await?.into_inner().tokens)
}

async fn sign_up(
    auth: &mut AuthServiceClient<Channel>,
    password: String,
) -> Result<Option<TokenPair>, Status> {
    let request = SignUpRequest {
        email: ACCOUNT.to_owned(),
        password,
        display_name: "Demo".to_owned(),
        device_label: DEVICE.to_owned(),
    };
    Ok(auth.sign_up(request).await?.into_inner().tokens)
}

/// The password kept in the folder; made at the first start.
fn password(folder: &Folder) -> Result<String, Error> {
    if let Some(kept) = folder.read(FILE)? {
        return Ok(kept.trim_end().to_owned());
    }
    let mut random = [0; 18];
    aws_lc_rs::rand::fill(&mut random).expect("the operating system gives random bytes");
    let password = BASE64_URL_SAFE_NO_PAD.encode(random);
    folder.write(FILE, &format!("{password}\n"))?;
    Ok(password)
}

fn refused(source: Status) -> Error {
    Error::Demo {
        account: ACCOUNT,
        source,
    }
}
