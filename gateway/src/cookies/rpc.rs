//! The RPCs that begin, continue or end a session, and where their messages have the tokens.

/// The field of a request that has the refresh token.
pub(super) const REQUEST_TOKEN: u32 = 1;

/// An RPC that has to do with the cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionRpc {
    SignUp,
    SignIn,
    RefreshTokens,
    SignOut,
    ChangePassword,
    DeleteAccount,
}

impl SessionRpc {
    /// The RPC at this path. `None`: it has nothing to do with the cookie.
    pub(super) fn of(path: &str) -> Option<Self> {
        match path.strip_prefix("/tandem.auth.v1.")? {
            "AuthService/SignUp" => Some(Self::SignUp),
            "AuthService/SignIn" => Some(Self::SignIn),
            "AuthService/RefreshTokens" => Some(Self::RefreshTokens),
            "AuthService/SignOut" => Some(Self::SignOut),
            "AccountService/ChangePassword" => Some(Self::ChangePassword),
            "AccountService/DeleteAccount" => Some(Self::DeleteAccount),
            _ => None,
        }
    }

    /// The field of the answer that has the `TokenPair`.
    pub(super) fn tokens_field(self) -> Option<u32> {
        match self {
            Self::SignUp | Self::SignIn => Some(2),
            Self::RefreshTokens | Self::ChangePassword => Some(1),
            Self::SignOut | Self::DeleteAccount => None,
        }
    }

    /// Whether the refresh token of the request may come from the cookie.
    pub(super) fn presents_token(self) -> bool {
        matches!(self, Self::RefreshTokens | Self::SignOut)
    }

    /// Whether the call is about the session that the browser has. The others begin one.
    pub(super) fn is_of_a_session(self) -> bool {
        !matches!(self, Self::SignUp | Self::SignIn)
    }
}

#[cfg(test)]
mod tests {
    use contract::proto::FILE_DESCRIPTOR_SET;
    use prost::Message as _;
    use prost_types::{DescriptorProto, FileDescriptorSet, MethodDescriptorProto};

    use super::*;

    /// Every method with its path, and every message by its full name.
    struct Contract(FileDescriptorSet);

    impl Contract {
        fn methods(&self) -> impl Iterator<Item = (String, &MethodDescriptorProto)> {
            let services = self.0.file.iter().flat_map(|file| {
                let package = file.package();
                file.service.iter().map(move |service| (package, service))
            });
            services.flat_map(|(package, service)| {
                let path = move |method: &MethodDescriptorProto| {
                    format!("/{package}.{}/{}", service.name(), method.name())
                };
                service
                    .method
                    .iter()
                    .map(move |method| (path(method), method))
            })
        }

        fn message(&self, name: &str) -> Option<&DescriptorProto> {
            self.0.file.iter().find_map(|file| {
                let local = name.strip_prefix(&format!(".{}.", file.package()))?;
                file.message_type
                    .iter()
                    .find(|message| message.name() == local)
            })
        }
    }

    /// A new RPC with tokens fails this test: its answers would have the refresh token in them.
    #[test]
    fn every_rpc_whose_messages_have_a_refresh_token_is_known_with_its_fields() {
        let contract = Contract(FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap());
        let mut found = 0;
        for (path, method) in contract.methods() {
            let rpc = SessionRpc::of(&path);
            let output = contract.message(method.output_type());
            let tokens = output.into_iter().flat_map(|message| &message.field);
            let tokens = tokens
                .filter(|field| field.type_name() == ".tandem.auth.v1.TokenPair")
                .map(|field| u32::try_from(field.number()).unwrap());
            let tokens: Vec<_> = tokens.collect();
            let expected = rpc.and_then(SessionRpc::tokens_field);
            assert_eq!(tokens, Vec::from_iter(expected), "{path}");
            let input = contract.message(method.input_type());
            let token = input.into_iter().flat_map(|message| &message.field);
            let token = token
                .filter(|field| field.name() == "refresh_token")
                .map(|field| u32::try_from(field.number()).unwrap());
            let token: Vec<_> = token.collect();
            let presents = rpc.is_some_and(SessionRpc::presents_token);
            assert_eq!(
                token,
                Vec::from_iter(presents.then_some(REQUEST_TOKEN)),
                "{path}"
            );
            found += usize::from(rpc.is_some());
        }
        assert_eq!(found, 6, "every RPC of the enum is in the contract");
    }
}
