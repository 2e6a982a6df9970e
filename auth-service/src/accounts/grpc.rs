//! The RPCs of accounts: messages in, messages out. Every violation of a request is reported at once.

use api::{etag, mask::UpdatableFields, time::timestamp};
use contract::{
    proto::auth::{
        self, DeleteAccountRequest, DeleteAccountResponse, GetAccountRequest, GetAccountResponse,
        ListAccountDeletionsRequest, ListAccountDeletionsResponse, SignUpRequest, SignUpResponse,
        UpdateAccountRequest, UpdateAccountResponse,
    },
    refusal::{Problem, Violations},
};
use serving::caller::{anonymous, authenticated, from_service};
use tonic::{Request, Response, Status};

use super::{
    AccountUpdate, Accounts, SignUp,
    deletions::{AccountDeletion, DeletionPage, Deletions, DeletionsSince},
    domain::{Account, AccountState, DisplayName, Role},
    email::Email,
};
use crate::{
    error::Error,
    passwords::domain::{RawPassword, required},
    sessions::domain::NewDevice,
};

/// The fields of an account that an update mask may name.
const FIELDS: UpdatableFields = UpdatableFields {
    mutable: &["display_name"],
    output_only: &["id", "role", "state", "create_time", "update_time", "etag"],
};

/// Most deletions in one answer.
const MAX_DELETIONS: i32 = 500;

impl Accounts {
    pub(crate) async fn sign_up_rpc(
        &self,
        request: Request<SignUpRequest>,
    ) -> Result<Response<SignUpResponse>, Status> {
        let (call, message) = anonymous(request)?;
        let sign_up = SignUp::try_from(message)?;
        let (account, pair) = self.sign_up(&call, sign_up).await?;
        Ok(Response::new(SignUpResponse {
            account: Some((&account).into()),
            tokens: Some(pair.into()),
        }))
    }

    pub(crate) async fn get_account_rpc(
        &self,
        request: Request<GetAccountRequest>,
    ) -> Result<Response<GetAccountResponse>, Status> {
        let (caller, call, GetAccountRequest {}) = authenticated(request)?;
        let account = self.get(caller, &call).await?;
        Ok(Response::new(GetAccountResponse {
            account: Some((&account).into()),
        }))
    }

    pub(crate) async fn update_account_rpc(
        &self,
        request: Request<UpdateAccountRequest>,
    ) -> Result<Response<UpdateAccountResponse>, Status> {
        let (caller, call, message) = authenticated(request)?;
        let update = AccountUpdate::try_from(message)?;
        let account = self.update(caller, &call, update).await?;
        Ok(Response::new(UpdateAccountResponse {
            account: Some((&account).into()),
        }))
    }

    pub(crate) async fn delete_account_rpc(
        &self,
        request: Request<DeleteAccountRequest>,
    ) -> Result<Response<DeleteAccountResponse>, Status> {
        let (caller, call, DeleteAccountRequest { current_password }) = authenticated(request)?;
        let current = required(current_password);
        let current = current.map_err(|problem| Error::field("current_password", problem))?;
        self.delete(caller, &call, current).await?;
        Ok(Response::new(DeleteAccountResponse {}))
    }
}

impl Deletions {
    pub(crate) async fn list_account_deletions_rpc(
        &self,
        request: Request<ListAccountDeletionsRequest>,
    ) -> Result<Response<ListAccountDeletionsResponse>, Status> {
        let (call, message) = from_service(request)?;
        let page = self.list(&call, message.try_into()?).await?;
        Ok(Response::new(page.into()))
    }
}

/// An unknown incarnation is not an error: it asks for all deletions.
impl TryFrom<ListAccountDeletionsRequest> for DeletionsSince {
    type Error = Error;

    fn try_from(message: ListAccountDeletionsRequest) -> Result<Self, Error> {
        let ListAccountDeletionsRequest {
            since_sequence,
            incarnation,
            page_size,
        } = message;
        let mut violations = Violations::default();
        let negative = || Problem::new("NEGATIVE", "must not be negative");
        let sequence = (since_sequence >= 0).then_some(since_sequence);
        let sequence = violations.take("since_sequence", sequence.ok_or_else(negative));
        let page_size = match page_size {
            0 => Ok(MAX_DELETIONS),
            1.. => Ok(page_size.min(MAX_DELETIONS)),
            _ => Err(negative()),
        };
        let page_size = violations.take("page_size", page_size);
        let build = || {
            Some(Self {
                sequence: sequence?,
                incarnation,
                page_size: page_size?.into(),
            })
        };
        violations.finish(build).map_err(Error::FieldInvalid)
    }
}

impl From<DeletionPage> for ListAccountDeletionsResponse {
    fn from(page: DeletionPage) -> Self {
        let deletion = |deletion: AccountDeletion| auth::AccountDeletion {
            sequence: deletion.sequence,
            account_id: deletion.account_id.to_string(),
            delete_time: Some(timestamp(deletion.delete_time)),
        };
        Self {
            incarnation: page.incarnation,
            deletions: page.deletions.into_iter().map(deletion).collect(),
            head_sequence: page.head,
        }
    }
}

impl TryFrom<SignUpRequest> for SignUp {
    type Error = Error;

    fn try_from(message: SignUpRequest) -> Result<Self, Error> {
        let SignUpRequest {
            email,
            password,
            display_name,
            device_label,
            attempt_tag,
        } = message;
        let password = RawPassword::from(password);
        let mut violations = Violations::default();
        let email = violations.take("email", Email::parse(&email));
        let password = violations.take("password", password.parse(email.as_ref()));
        let display_name = match (&email, display_name.is_empty()) {
            (Some(email), true) => Some(DisplayName::from_email(email)),
            (None, true) => None,
            (_, false) => violations.take("display_name", DisplayName::parse(&display_name)),
        };
        let device = NewDevice::parse(&device_label, &attempt_tag, &mut violations);
        let build = || {
            Some(Self {
                email: email?,
                password: password?,
                display_name: display_name?,
                device: device?,
            })
        };
        violations.finish(build).map_err(Error::FieldInvalid)
    }
}

impl TryFrom<UpdateAccountRequest> for AccountUpdate {
    type Error = Error;

    fn try_from(message: UpdateAccountRequest) -> Result<Self, Error> {
        let UpdateAccountRequest {
            account,
            update_mask,
        } = message;
        let required = || Error::field("account", Problem::new("REQUIRED", "must be set"));
        let auth::Account {
            id: _,
            email: _,
            display_name,
            role: _,
            state: _,
            create_time: _,
            update_time: _,
            etag,
        } = account.ok_or_else(required)?;
        let mut violations = Violations::default();
        let populated = |_only_one: &str| !display_name.is_empty();
        let fields = FIELDS.selected(update_mask.as_ref(), populated);
        let fields = violations.take("update_mask", fields);
        let revision = etag::expected(&etag);
        let named = fields.is_some_and(|fields| fields.contains("display_name"));
        let display_name = named
            .then(|| violations.take("account.display_name", DisplayName::parse(&display_name)))
            .flatten();
        let build = || {
            Some(Self {
                display_name,
                revision,
            })
        };
        violations.finish(build).map_err(Error::FieldInvalid)
    }
}

impl From<&Account> for auth::Account {
    fn from(account: &Account) -> Self {
        Self {
            id: account.id.to_string(),
            email: account.email.as_str().to_owned(),
            display_name: account.display_name.as_str().to_owned(),
            role: auth::AccountRole::from(account.role).into(),
            state: auth::AccountState::from(account.state).into(),
            create_time: Some(timestamp(account.create_time)),
            update_time: Some(timestamp(account.update_time)),
            etag: etag::of(account.revision),
        }
    }
}

impl From<Role> for auth::AccountRole {
    fn from(role: Role) -> Self {
        match role {
            Role::User => Self::User,
            Role::Admin => Self::Admin,
        }
    }
}

impl From<AccountState> for auth::AccountState {
    fn from(state: AccountState) -> Self {
        match state {
            AccountState::Active => Self::Active,
            AccountState::Disabled => Self::Disabled,
        }
    }
}
