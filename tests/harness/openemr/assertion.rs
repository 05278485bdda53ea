//! Client assertions as OpenEMR verifies them.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA384, RsaPublicKeyComponents};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sqlx::MySqlPool;

use super::client::StoredClient;
use super::token::Refusal;
use super::{Behaviour, Shared};
use crate::now;

/// Seconds that clocks may differ.
const DRIFT: i64 = 60;
/// Seconds that an assertion may have before it, from 8.0 on.
const LONGEST: i64 = 24 * 3600;
/// Seconds that it may have behind it, from 8.0 on.
const OLDEST: i64 = 300;

/// The client that an assertion authenticates. Certificates and extensions in it are not looked at.
pub(super) async fn authenticate(
    shared: &Shared,
    assertion: &str,
) -> Result<StoredClient, Refusal> {
    let mut parts = assertion.split('.');
    let (Some(header), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Refusal::InvalidClient(400));
    };
    let signed = &assertion[..header.len() + 1 + claims.len()];
    let header = json(header)?;
    let claims = json(claims)?;
    let subject = claims["sub"].as_str().ok_or(Refusal::InvalidClient(401))?;
    let client = StoredClient::find(&shared.pool, subject)
        .await?
        .filter(|client| client.is_enabled && client.is_confidential)
        .ok_or(Refusal::InvalidClient(401))?;
    let (n, e) = client.key()?.ok_or(Refusal::InvalidClient(401))?;
    if header["alg"] != "RS384" {
        return Err(Refusal::InvalidClient(400));
    }
    let key = RsaPublicKeyComponents {
        n: octets(&n)?,
        e: octets(&e)?,
    };
    key.verify(
        &RSA_PKCS1_2048_8192_SHA384,
        signed.as_bytes(),
        &octets(signature)?,
    )
    .map_err(|_| Refusal::InvalidClient(400))?;
    if claims["iss"] != subject {
        return Err(Refusal::InvalidRequest);
    }
    check_times(shared.behaviour, &claims)?;
    let endpoint = shared.token_endpoint();
    let is_named = match &claims["aud"] {
        Value::String(audience) => *audience == endpoint,
        Value::Array(audiences) => audiences.iter().any(|audience| *audience == endpoint),
        _ => false,
    };
    if !is_named {
        return Err(Refusal::InvalidClient(400));
    }
    spend(&shared.pool, &client, &claims).await?;
    Ok(client)
}

fn check_times(behaviour: Behaviour, claims: &Value) -> Result<(), Refusal> {
    let now = now().unix_timestamp();
    // Either may be missing.
    if let Some(expires) = claims["exp"].as_i64() {
        if expires + DRIFT < now {
            return Err(Refusal::InvalidClient(400));
        }
        if behaviour == Behaviour::V8 && expires > now + LONGEST {
            return Err(Refusal::InvalidRequest);
        }
    }
    if let Some(issued) = claims["iat"].as_i64() {
        let is_old = behaviour == Behaviour::V8 && issued < now - OLDEST;
        if is_old || issued > now + DRIFT {
            return Err(Refusal::InvalidClient(400));
        }
    }
    Ok(())
}

/// A `jti` counts for all clients, and for ever.
async fn spend(pool: &MySqlPool, client: &StoredClient, claims: &Value) -> Result<(), Refusal> {
    let jti = claims["jti"]
        .as_str()
        .filter(|jti| !jti.is_empty() && jti.len() <= 100)
        .ok_or(Refusal::InvalidClient(400))?;
    let known: Option<i64> =
        sqlx::query_scalar("SELECT CAST(id AS SIGNED) FROM jwt_grant_history WHERE jti = ?")
            .bind(jti)
            .fetch_optional(pool)
            .await
            .expect("the database answers");
    if known.is_some() {
        return Err(Refusal::InvalidClient(400));
    }
    sqlx::query("INSERT INTO jwt_grant_history (jti, client_id) VALUES (?, ?)")
        .bind(jti)
        .bind(&client.id)
        .execute(pool)
        .await
        .expect("the database answers");
    Ok(())
}

fn octets(text: &str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| Refusal::InvalidClient(400))
}

fn json(part: &str) -> Result<Value, Refusal> {
    serde_json::from_slice(&octets(part)?).map_err(|_| Refusal::InvalidClient(400))
}
