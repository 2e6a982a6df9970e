//! The RPCs of API keys: messages in, messages out. Every violation of a request is reported at once.

use api::{
    ids::ApiKeyId,
    time::{moment, timestamp},
};
use chrono::{DateTime, Utc};
use contract::{
    proto::auth::{
        self, CreateApiKeyRequest, CreateApiKeyResponse, ExchangeApiKeyRequest,
        ExchangeApiKeyResponse, ListApiKeysRequest, ListApiKeysResponse, RevokeApiKeyRequest,
        RevokeApiKeyResponse,
    },
    refusal::{Problem, Violations},
};
use serving::caller::{anonymous, authenticated};
use tonic::{Request, Response, Status};

use super::{
    ApiKeys, KeyCreation,
    domain::{KeyEnd, KeyScopes},
    store::ApiKey,
};
use crate::{accounts::domain::DisplayName, error::Error, passwords::domain::required};

impl ApiKeys {
    pub(crate) async fn create_api_key_rpc(
        &self,
        request: Request<CreateApiKeyRequest>,
    ) -> Result<Response<CreateApiKeyResponse>, Status> {
        let (caller, call, message) = authenticated(request)?;
        let creation = parse_creation(message, self.context.now())?;
        let (api_key, secret) = self.create(caller, &call, creation).await?;
        Ok(Response::new(CreateApiKeyResponse {
            api_key: Some((&api_key).into()),
            secret,
        }))
    }

    pub(crate) async fn list_api_keys_rpc(
        &self,
        request: Request<ListApiKeysRequest>,
    ) -> Result<Response<ListApiKeysResponse>, Status> {
        let (caller, call, ListApiKeysRequest {}) = authenticated(request)?;
        let listed = self.list(caller, &call).await?;
        Ok(Response::new(ListApiKeysResponse {
            api_keys: listed.iter().map(Into::into).collect(),
        }))
    }

    pub(crate) async fn revoke_api_key_rpc(
        &self,
        request: Request<RevokeApiKeyRequest>,
    ) -> Result<Response<RevokeApiKeyResponse>, Status> {
        let (caller, call, RevokeApiKeyRequest { id }) = authenticated(request)?;
        let id = ApiKeyId::parse(&id).map_err(|problem| Error::field("id", problem))?;
        self.revoke(caller, &call, id).await?;
        Ok(Response::new(RevokeApiKeyResponse {}))
    }

    pub(crate) async fn exchange_api_key_rpc(
        &self,
        request: Request<ExchangeApiKeyRequest>,
    ) -> Result<Response<ExchangeApiKeyResponse>, Status> {
        let (call, ExchangeApiKeyRequest { api_key }) = anonymous(request)?;
        let token = self.exchange(&call, &api_key).await?;
        Ok(Response::new(ExchangeApiKeyResponse {
            access_token: token.access_token,
            access_token_expire_time: Some(timestamp(token.expire_time)),
            scopes: token.scopes.names(),
        }))
    }
}

fn parse_creation(message: CreateApiKeyRequest, now: DateTime<Utc>) -> Result<KeyCreation, Error> {
    let CreateApiKeyRequest {
        display_name,
        scopes,
        expire_time,
        current_password,
    } = message;
    let mut violations = Violations::default();
    let display_name = violations.take("display_name", DisplayName::parse(&display_name));
    let scopes = KeyScopes::parse("scopes", &scopes, &mut violations);
    let end = violations.take("expire_time", parse_end(expire_time.as_ref(), now));
    let current_password = violations.take("current_password", required(current_password));
    let build = || {
        Some(KeyCreation {
            current_password: current_password?,
            display_name: display_name?,
            scopes: scopes?,
            end: end?,
        })
    };
    violations.finish(build).map_err(Error::FieldInvalid)
}

fn parse_end(
    message: Option<&prost_types::Timestamp>,
    now: DateTime<Utc>,
) -> Result<KeyEnd, Problem> {
    let Some(message) = message else {
        return Ok(KeyEnd::latest(now));
    };
    let time = moment(*message)
        .ok_or_else(|| Problem::new("NOT_A_TIME", "must be a time of the calendar"))?;
    KeyEnd::parse(time, now)
}

impl From<&ApiKey> for auth::ApiKey {
    fn from(key: &ApiKey) -> Self {
        Self {
            id: key.id.to_string(),
            display_name: key.display_name.as_str().to_owned(),
            scopes: key.scopes.names(),
            create_time: Some(timestamp(key.create_time)),
            expire_time: Some(timestamp(key.expire_time)),
            last_use_time: key.last_use_time.map(timestamp),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_time_of_the_calendar_and_a_year_ahead_by_default() {
        let now: DateTime<Utc> = "2028-02-29T12:00:00.5Z".parse().unwrap();
        let parse = |seconds, nanos| {
            let message = prost_types::Timestamp { seconds, nanos };
            let parsed = parse_end(Some(&message), now);
            parsed.map(KeyEnd::time).map_err(|problem| problem.reason)
        };
        let year = parse_end(None, now).unwrap().time();
        assert_eq!(year.to_rfc3339(), "2029-02-28T12:00:00+00:00");
        assert_eq!(parse(year.timestamp(), 999_999_999), Ok(year));
        let leap = ("2028-06-30T23:59:59Z".parse::<DateTime<Utc>>().unwrap()).timestamp();
        for (seconds, nanos) in [
            (now.timestamp() + 1, -1),
            (i64::MAX / 2, 0),
            (leap, 1_500_000_000),
        ] {
            assert_eq!(parse(seconds, nanos), Err("NOT_A_TIME"));
        }
    }
}
