//! Each way to end tokens, and which tokens it revokes.

use contract::proto::auth::{
    ChangePasswordRequest, DeleteAccountRequest, GetAccountRequest, RevocationKind,
    RevokeOtherSessionsRequest, RevokeSessionRequest, SignOutRequest, TokenPair,
};
use tonic::Status;

use crate::world::{PASSWORD, Person, World, with_tokens};

/// Everything that ends tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    SignOut,
    RevokeSession,
    RevokeOtherSessions,
    ChangePassword,
    DeleteAccount,
    Reuse,
    Restored,
}

pub(crate) const CAUSES: [Cause; 7] = [
    Cause::SignOut,
    Cause::RevokeSession,
    Cause::RevokeOtherSessions,
    Cause::ChangePassword,
    Cause::DeleteAccount,
    Cause::Reuse,
    Cause::Restored,
];

/// A user with two sessions.
pub(crate) struct Scene {
    person: Person,
    /// The tokens of the other session, after a refresh.
    pub(crate) other: TokenPair,
    /// The refresh token of the other session before that.
    old: String,
}

impl Scene {
    pub(crate) async fn set(world: &World) -> Self {
        let person = world.person().await;
        let first = world.sign_in(&person).await;
        let other = world.refresh(&first.refresh_token, &[7; 16]).await.unwrap();
        Self {
            person,
            other,
            old: first.refresh_token,
        }
    }

    /// Ends the tokens.
    #[expect(clippy::too_many_lines, reason = "each cause is another call")]
    pub(crate) async fn cause(&self, world: &World, cause: Cause) -> Result<(), Status> {
        let mut account = world.account.clone();
        let own = &self.person.tokens;
        match cause {
            Cause::SignOut => {
                let refresh_token = self.other.refresh_token.clone();
                let message = SignOutRequest { refresh_token };
                world.auth.clone().sign_out(message).await.map(drop)
            }
            Cause::RevokeSession => {
                let session_id = self.other.session_id.clone();
                let message = RevokeSessionRequest { session_id };
                account
                    .revoke_session(with_tokens(own, message))
                    .await
                    .map(drop)
            }
            Cause::RevokeOtherSessions => {
                let request = with_tokens(own, RevokeOtherSessionsRequest {});
                account.revoke_other_sessions(request).await.map(drop)
            }
            Cause::ChangePassword => {
                let message = ChangePasswordRequest {
                    current_password: PASSWORD.to_owned(),
                    new_password: "another password for it".to_owned(),
                    revoke_api_keys: false,
                };
                account
                    .change_password(with_tokens(own, message))
                    .await
                    .map(drop)
            }
            Cause::DeleteAccount => {
                let current_password = PASSWORD.to_owned();
                let message = DeleteAccountRequest { current_password };
                account
                    .delete_account(with_tokens(own, message))
                    .await
                    .map(drop)
            }
            Cause::Reuse => match world.refresh(&self.old, &[9; 16]).await {
                Err(refused) if testing::reason(&refused) == "REFRESH_TOKEN_REUSED" => Ok(()),
                other => other.map(drop),
            },
            Cause::Restored => {
                world
                    .execute("update auth.session set generation = 0 where generation = 1")
                    .await;
                match world.refresh(&self.other.refresh_token, &[]).await {
                    Err(refused) if testing::reason(&refused) == "SESSION_REVOKED" => Ok(()),
                    other => other.map(drop),
                }
            }
        }
    }

    /// The expected revocation: kind, subject, lowest epoch.
    pub(crate) fn revocation(&self, cause: Cause) -> (RevocationKind, &str, i64) {
        match cause {
            Cause::ChangePassword => (RevocationKind::Account, &self.person.id, 2),
            Cause::DeleteAccount => (RevocationKind::Account, &self.person.id, i64::MAX),
            Cause::SignOut
            | Cause::RevokeSession
            | Cause::RevokeOtherSessions
            | Cause::Reuse
            | Cause::Restored => (RevocationKind::Session, &self.other.session_id, 0),
        }
    }

    /// Whether the tokens of the other session are still valid.
    pub(crate) async fn is_valid(&self, world: &World) -> bool {
        let request = with_tokens(&self.other, GetAccountRequest {});
        world.account.clone().get_account(request).await.is_ok()
    }
}
