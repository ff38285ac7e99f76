//! Models that an address offers, for choosing one.

use super::address::Address;
use super::errors::{Asked, stop};
use super::stream::{Broken, MAX_BODY_BYTES};
use super::{BETWEEN_CHUNKS_MS, Over, Patience, WHOLE_ANSWER_MS, read_refusal, send, wait};
use crate::Token;
use crate::transport::{HttpRequest, Transport, TransportError};
use futures::StreamExt;
use seedbed_core::chat::ChatError;
use seedbed_core::model::{Endpoint, EndpointKind, ModelInfo, ProviderInfo};
use serde_json::Value;
use std::collections::HashSet;
use std::rc::Rc;

/// Longest wait for the list to begin, in milliseconds: a person waits.
const LIST_MS: u64 = 30_000;
/// Models that are taken from a list at most.
const MAX_MODELS: usize = 10_000;
/// Longest model or provider name that is taken, in bytes.
const MAX_NAME: usize = 300;

/// The models at an address, in the server's order: the router's list with its providers and prices, the list of an
/// OpenAI-compatible server, or Ollama's own list where the other one is missing. The endpoint's model is not looked at.
///
/// # Errors
/// As [`HttpModel`](super::HttpModel) sorts them.
pub async fn list_models(
    transport: Rc<dyn Transport>,
    endpoint: &Endpoint,
    key: Option<Token>,
) -> Result<Vec<ModelInfo>, ChatError> {
    let address = Address::new(endpoint, key).map_err(stop)?;
    let asked = Asked {
        address: &address,
        model: "",
    };
    let transport = transport.as_ref();
    match get(transport, address.models(), asked).await {
        Ok(list) => read(&list, "data").map_err(|broken| asked.broken(broken)),
        Err((Some(404 | 405), error)) if endpoint.kind == EndpointKind::OpenAi => {
            match get(transport, address.tags(), asked).await {
                Ok(list) => read(&list, "models").map_err(|broken| asked.broken(broken)),
                Err(_) => Err(error),
            }
        }
        Err((_, error)) => Err(error),
    }
}

/// The JSON of an answer, or the error with its status.
async fn get(
    transport: &dyn Transport,
    request: HttpRequest,
    asked: Asked<'_>,
) -> Result<Value, (Option<u16>, ChatError)> {
    let mut patience = Patience {
        whole: wait(transport, asked, WHOLE_ANSWER_MS),
        next: wait(transport, asked, LIST_MS),
    };
    let response = send(transport, request, &mut patience, asked)
        .await
        .map_err(|error| (None, error))?;
    if !(200..300).contains(&response.status) {
        let refusal = read_refusal(transport, response, asked).await;
        return Err((Some(refusal.status), asked.refused(&refusal.as_ref())));
    }
    let mut body = response.body;
    let mut bytes = Vec::new();
    loop {
        match patience.within(body.next()).await {
            Ok(None) => break,
            Ok(Some(Ok(chunk))) => bytes.extend_from_slice(&chunk),
            Ok(Some(Err(error))) => return Err((None, asked.lost(&error, true))),
            Err(Over::Silence) => return Err((None, asked.lost(&TransportError::TimedOut, true))),
            Err(Over::Whole) => return Err((None, asked.too_long())),
        }
        if bytes.len() > MAX_BODY_BYTES {
            return Err((
                None,
                asked.broken(Broken::Unreadable("The list is too long.".to_owned())),
            ));
        }
        patience.next = wait(transport, asked, BETWEEN_CHUNKS_MS);
    }
    serde_json::from_slice(&bytes).map_err(|error| {
        let is_page = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<');
        let broken = if is_page {
            Broken::Page(super::Said::from_body(&bytes).message)
        } else if error.is_eof() {
            Broken::Cut
        } else {
            Broken::Unreadable(format!("The list is not JSON: {error}."))
        };
        (None, asked.broken(broken))
    })
}

/// Reads `{"data": […]}`, `{"models": […]}` or a bare list.
fn read(list: &Value, first: &str) -> Result<Vec<ModelInfo>, Broken> {
    let rows = list.as_array().or_else(|| {
        [first, "data", "models"]
            .iter()
            .find_map(|name| list.get(*name)?.as_array())
    });
    let Some(rows) = rows else {
        // Ollama without models says `"data": null`.
        if list.get(first).is_some_and(Value::is_null) {
            return Ok(Vec::new());
        }
        return Err(Broken::Unreadable(
            "The answer holds no list of models.".to_owned(),
        ));
    };
    let mut seen = HashSet::new();
    Ok(rows
        .iter()
        .filter(|row| makes_text(row))
        .filter_map(model)
        .filter(|model| seen.insert(model.id.clone()))
        .take(MAX_MODELS)
        .collect())
}

fn model(row: &Value) -> Option<ModelInfo> {
    let id = ["id", "name", "model"]
        .iter()
        .find_map(|name| text(row.get(*name)?))
        .or_else(|| text(row))?;
    let providers = row.get("providers").and_then(Value::as_array);
    Some(ModelInfo {
        id,
        providers: providers
            .into_iter()
            .flatten()
            .filter_map(provider)
            .collect(),
    })
}

fn provider(row: &Value) -> Option<ProviderInfo> {
    let price = |name: &str| {
        let price = row.get("pricing")?.get(name)?;
        let price = price
            .as_f64()
            .or_else(|| price.as_str()?.trim().parse().ok())?;
        (price.is_finite() && price >= 0.0).then_some(price)
    };
    Some(ProviderInfo {
        provider: text(row.get("provider")?)?,
        is_live: row.get("status").and_then(Value::as_str) == Some("live"),
        context_length: row
            .get("context_length")
            .and_then(Value::as_u64)
            .filter(|length| *length > 0),
        price_in: price("input"),
        price_out: price("output"),
        is_free: row.get("is_free").and_then(Value::as_bool).unwrap_or(false),
    })
}

/// A name that can be shown and sent.
fn text(value: &Value) -> Option<String> {
    let name = value.as_str()?.trim();
    (!name.is_empty() && name.len() <= MAX_NAME && !name.chars().any(char::is_control))
        .then(|| name.to_owned())
}

/// Whether the list does not say that a model makes something other than text.
fn makes_text(row: &Value) -> bool {
    row.get("architecture")
        .and_then(|architecture| architecture.get("output_modalities"))
        .and_then(Value::as_array)
        .is_none_or(|kinds| kinds.iter().any(|kind| kind.as_str() == Some("text")))
}
