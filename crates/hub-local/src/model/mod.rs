//! `/v1/*` as the router answers it, and `/open/v1/*` as a server without keys: passed on to an upstream, or answered by
//! the scripted stand-in.

mod phrases;
mod proxy;
mod scripted;
mod words;

use crate::faults::{Kind, ModelFault};
use crate::git::sha256_hex;
use crate::http::{Answer, ApiError, Call, bytes_reply, json_reply, ok, set};
use crate::hub::Hub;
use crate::log::Chat;
use crate::{SCRIPTED_MODEL, clock};
use serde_json::{Value, json};
use std::sync::Arc;

/// The largest request body.
const BODY_LIMIT: usize = 32 << 20;

pub(crate) async fn answer(
    hub: &Arc<Hub>,
    call: &mut Call,
    rest: &[&str],
    is_router: bool,
) -> Answer {
    let is_chat = rest == ["chat", "completions"];
    if is_router && is_chat {
        // The model list of the router needs no token; asking does.
        let caller = hub.signed_in(call)?;
        if !caller.can_infer() {
            return Err(ApiError::new(
                403,
                "This authentication method does not have sufficient permissions to call Inference Providers",
            ));
        }
    }
    let verb = call.verb().to_owned();
    let body = if verb == "POST" {
        call.bytes(BODY_LIMIT).await?
    } else {
        bytes::Bytes::new()
    };
    let asked: Value = if is_chat {
        let asked: Value = serde_json::from_slice(&body)
            .map_err(|error| ApiError::new(400, format!("the body is no JSON: {error}")))?;
        note(hub, call, &body, &asked);
        asked
    } else {
        Value::Null
    };
    if let Some(upstream) = &hub.config.upstream {
        return proxy::pass_on(hub, upstream, call, rest, body).await;
    }
    if !hub.config.has_scripted_model {
        return Err(ApiError::new(
            404,
            "this local Hub has no model: start it with --upstream or --scripted-model",
        ));
    }
    match (verb.as_str(), rest) {
        ("GET", ["models"]) => ok(&json!({ "object": "list", "data": [model_json()] })),
        ("GET", ["models", owner, name]) if format!("{owner}/{name}") == SCRIPTED_MODEL => {
            ok(&model_json())
        }
        ("POST", ["chat", "completions"]) => chat(hub, call, &asked).await,
        _ => Err(ApiError::new(404, "Not Found")),
    }
}

fn note(hub: &Hub, call: &Call, body: &[u8], asked: &Value) {
    let messages = asked.get("messages").cloned().unwrap_or_default();
    hub.log.chat(
        call.seq,
        Chat {
            body_sha256: sha256_hex(body),
            messages_sha256: sha256_hex(messages.to_string().as_bytes()),
            model: text_of(asked, "model"),
            messages,
            seed: asked.get("seed").and_then(Value::as_i64),
            is_streamed: asked.get("stream").and_then(Value::as_bool) == Some(true),
            is_finished: false,
        },
    );
}

fn text_of(value: &Value, key: &str) -> String {
    value
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn model_json() -> Value {
    json!({
        "id": SCRIPTED_MODEL, "object": "model", "created": 1_700_000_000, "owned_by": "scripted",
        "architecture": { "input_modalities": ["text"], "output_modalities": ["text"] },
        "providers": [{
            "provider": "local", "status": "live", "context_length": 32768,
            "pricing": { "input": 0.1, "output": 0.4 }, "is_free": false, "supports_tools": false,
            "supports_structured_output": false, "is_model_author": false,
        }],
    })
}

/// An error in the shape of OpenAI, with its status.
#[allow(clippy::unnecessary_wraps, reason = "it ends handlers")]
fn error_reply(status: u16, message: &str, kind: &str, code: Option<&str>) -> Answer {
    Ok(json_reply(
        status,
        &json!({ "error": { "message": message, "type": kind, "param": null, "code": code } }),
    ))
}

async fn chat(hub: &Arc<Hub>, call: &Call, asked: &Value) -> Answer {
    let wanted = |kind: &Kind| match kind {
        Kind::Model { mode, retry_after } => Some((*mode, *retry_after)),
        _ => None,
    };
    let fault = hub.faults.take("hub", call, wanted);
    match fault {
        Some((ModelFault::RateLimit, retry_after)) => {
            let mut reply = error_reply(429, "Too many requests", "rate_limit", None)?;
            set(
                &mut reply,
                "retry-after",
                &retry_after.unwrap_or(1).to_string(),
            );
            return Ok(reply);
        }
        Some((ModelFault::Credits, _)) => {
            return Ok(json_reply(
                402,
                &json!({ "error": "You have exceeded your monthly included credits for Inference Providers. Subscribe to PRO to get 20x more monthly included credits." }),
            ));
        }
        Some((ModelFault::Overloaded, _)) => {
            return Ok(json_reply(
                503,
                &json!({ "error": "Model is overloaded", "estimated_time": 2.0 }),
            ));
        }
        Some((ModelFault::Unsupported, _)) => return unsupported(asked),
        Some((ModelFault::HangAtOnce, _)) => {
            std::future::pending::<()>().await;
        }
        _ => {}
    }
    // A provider or policy may follow the name.
    let model = text_of(asked, "model");
    if model.split(':').next() != Some(SCRIPTED_MODEL) {
        return unsupported(asked);
    }
    let Some(messages) = asked.get("messages").and_then(Value::as_array) else {
        return error_reply(422, "messages are missing", "invalid_request_error", None);
    };
    let said = scripted::reply(messages, asked, fault.map(|(mode, _)| mode));
    let id = format!("chatcmpl-{}", crate::disk::random_hex(8)?);
    let created = clock::now_s();
    if hub.config.model_delay_ms > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(hub.config.model_delay_ms)).await;
    }
    if asked.get("stream").and_then(Value::as_bool) == Some(true) {
        let has_usage = asked
            .pointer("/stream_options/include_usage")
            .and_then(Value::as_bool)
            == Some(true);
        let steps = scripted::steps(&said, &id, created, &model, has_usage, fault.map(|it| it.0));
        let body = scripted::body(
            hub.clone(),
            call.seq,
            steps,
            hub.config.model_piece_delay_ms,
        );
        let mut reply = bytes_reply(200, "text/event-stream", "");
        *reply.body_mut() = body;
        set(&mut reply, "cache-control", "no-cache");
        return Ok(reply);
    }
    if fault.is_some_and(|(mode, _)| mode == ModelFault::Hang) {
        std::future::pending::<()>().await;
    }
    hub.log.finished(call.seq);
    ok(&json!({
        "id": id, "object": "chat.completion", "created": created, "model": model,
        "choices": [{
            "index": 0, "message": { "role": "assistant", "content": said.text },
            "finish_reason": said.finish,
        }],
        "usage": said.usage(),
    }))
}

fn unsupported(asked: &Value) -> Answer {
    let message = format!(
        "The requested model '{}' is not supported by any provider you have enabled.",
        text_of(asked, "model")
    );
    error_reply(
        400,
        &message,
        "invalid_request_error",
        Some("model_not_supported"),
    )
}
