//! Choosing a model, as far as it needs no page: ids with provider suffixes, searching the list, prices, and what may
//! be wrong with an address.

use seedbed_core::engine::ADDRESS;
use seedbed_core::model::{Endpoint, EndpointKind, ModelInfo, ProviderInfo};

/// How the router picks a provider when none is named: suffix, label.
pub const POLICIES: [(&str, &str); 3] = [
    ("fastest", "Fastest provider"),
    ("cheapest", "Cheapest provider"),
    ("preferred", "Your order on Hugging Face"),
];

/// An address to start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Name of the server.
    pub name: &'static str,
    /// Its usual address.
    pub base_url: &'static str,
    /// What has to be done once so that a page may ask it.
    pub hint: &'static str,
}

/// Servers that many people run.
pub const PRESETS: [Preset; 3] = [
    Preset {
        name: "Ollama",
        base_url: "http://localhost:11434/v1",
        hint: "Start it so that this page may ask it: OLLAMA_ORIGINS={origin} ollama serve",
    },
    Preset {
        name: "llama.cpp",
        base_url: "http://localhost:8080/v1",
        hint: "Start it with: llama-server -m model.gguf --port 8080",
    },
    Preset {
        name: "vLLM",
        base_url: "http://localhost:8000/v1",
        hint: "Start it with: vllm serve MODEL --allowed-origins '[\"{origin}\"]'",
    },
];

/// A model id without and with its suffix: `org/name:groq` → (`org/name`, `groq`).
pub fn split_suffix(model: &str) -> (&str, &str) {
    match model.rsplit_once(':') {
        // A colon before the last slash belongs to something else.
        Some((id, suffix)) if !suffix.contains('/') => (id, suffix),
        _ => (model, ""),
    }
}

/// The inverse of [`split_suffix`].
pub fn join_suffix(id: &str, suffix: &str) -> String {
    if suffix.is_empty() {
        id.to_owned()
    } else {
        format!("{id}:{suffix}")
    }
}

/// Models whose id or provider holds every word of `query`; live ones first, then by id. At most `limit`.
pub fn search<'a>(
    models: &'a [ModelInfo],
    query: &str,
    limit: usize,
) -> (usize, Vec<&'a ModelInfo>) {
    let words: Vec<String> = query.split_whitespace().map(str::to_lowercase).collect();
    let mut found: Vec<&ModelInfo> = models
        .iter()
        .filter(|model| {
            let id = model.id.to_lowercase();
            words.iter().all(|word| {
                id.contains(word.as_str())
                    || model
                        .providers
                        .iter()
                        .any(|provider| provider.provider.to_lowercase().contains(word.as_str()))
            })
        })
        .collect();
    found.sort_by_key(|model| (!is_live(model), model.id.to_lowercase()));
    let total = found.len();
    found.truncate(limit);
    (total, found)
}

/// Some provider answers, or the list does not speak of providers.
pub fn is_live(model: &ModelInfo) -> bool {
    model.providers.is_empty() || model.providers.iter().any(|provider| provider.is_live)
}

/// The price of `model` with `suffix`, in USD per million tokens in and out. A policy whose provider is not known in
/// advance gives the dearest live one, so that a forecast is never too low.
pub fn price(model: &ModelInfo, suffix: &str) -> (Option<f64>, Option<f64>) {
    if let Some(provider) = model.providers.iter().find(|p| p.provider == suffix) {
        return (
            known_price(provider, provider.price_in),
            known_price(provider, provider.price_out),
        );
    }
    let live: Vec<&ProviderInfo> = model.providers.iter().filter(|p| p.is_live).collect();
    if suffix == "cheapest" {
        let total =
            |p: &ProviderInfo| Some(known_price(p, p.price_in)? + known_price(p, p.price_out)?);
        return live
            .iter()
            .filter_map(|p| total(p).map(|sum| (sum, *p)))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map_or((None, None), |(_, p)| {
                (known_price(p, p.price_in), known_price(p, p.price_out))
            });
    }
    let dearest = |pick: fn(&ProviderInfo) -> Option<f64>| {
        live.iter()
            .map(|p| known_price(p, pick(p)))
            .try_fold(None, |highest: Option<f64>, price| {
                // One unknown price makes the whole unknown.
                price.map(|price| Some(highest.map_or(price, |h| h.max(price))))
            })
            .flatten()
    };
    (dearest(|p| p.price_in), dearest(|p| p.price_out))
}

/// A provider that says it is free and names no price costs nothing; one that says nothing is unknown.
fn known_price(provider: &ProviderInfo, price: Option<f64>) -> Option<f64> {
    price.or(provider.is_free.then_some(0.0))
}

/// A price as text: `$0.10 in, $0.30 out per million tokens`.
pub fn price_text(price_in: Option<f64>, price_out: Option<f64>) -> String {
    match (price_in, price_out) {
        (Some(0.0), Some(0.0)) => "free at present".to_owned(),
        (Some(price_in), Some(price_out)) => {
            format!("${price_in:.2} in, ${price_out:.2} out per million tokens")
        }
        _ => "price not known".to_owned(),
    }
}

/// What an endpoint costs, as text.
pub fn endpoint_price(endpoint: &Endpoint) -> String {
    match endpoint.kind {
        EndpointKind::Tab => "free: runs in this tab".to_owned(),
        _ => price_text(endpoint.price_in, endpoint.price_out),
    }
}

/// `model`, run in this tab.
pub fn tab_endpoint(model: &str) -> Endpoint {
    Endpoint {
        kind: EndpointKind::Tab,
        base_url: ADDRESS.to_owned(),
        model: model.to_owned(),
        price_in: Some(0.0),
        price_out: Some(0.0),
        ..Endpoint::default()
    }
}

/// An address as it should be stored: trimmed, with a scheme, no trailing slash.
///
/// # Errors
/// What is wrong with it, in plain words.
pub fn clean_address(text: &str) -> Result<String, &'static str> {
    let text = text.trim().trim_end_matches('/');
    let text = text.strip_suffix("/chat/completions").unwrap_or(text);
    if text.is_empty() {
        return Err("Type the address of the server, for example http://localhost:11434/v1.");
    }
    let lower = text.to_ascii_lowercase();
    let full = if lower.starts_with("http://") || lower.starts_with("https://") {
        text.to_owned()
    } else if text.contains("://") || text.ends_with(':') {
        return Err("The address has to start with http:// or https://.");
    } else if is_local_host(text) {
        format!("http://{text}")
    } else {
        format!("https://{text}")
    };
    let host = full.split("://").nth(1).unwrap_or_default();
    if host.is_empty() || host.starts_with('/') || host.contains(char::is_whitespace) {
        return Err("This is not an address. It should look like http://localhost:11434/v1.");
    }
    if host.split('/').next().unwrap_or_default().contains('@') {
        return Err(
            "Leave user name and password out of the address; there is a field for the key.",
        );
    }
    if full.contains('?') || full.contains('#') {
        return Err("Leave out everything from ? or # on; there is a field for the key.");
    }
    Ok(full)
}

fn is_local_host(text: &str) -> bool {
    let host = text.split(['/', ':']).next().unwrap_or_default();
    host == "localhost" || host.starts_with("127.") || text.starts_with("[::1]")
}

/// What to know before asking `address` from a page at `page_origin`; `None` = nothing special.
pub fn address_advice(address: &str, page_origin: &str) -> Option<&'static str> {
    let rest = address.strip_prefix("http://")?;
    if page_origin.starts_with("https://") && !is_local_host(rest) {
        return Some(
            "This page was loaded over https, so the browser will refuse an http address on another machine. \
             Use https there, or run Seedbed on your own machine.",
        );
    }
    None
}

/// The name of an endpoint for a person: model and host.
pub fn endpoint_name(endpoint: &Endpoint) -> (String, String) {
    let host = endpoint
        .base_url
        .split("://")
        .nth(1)
        .and_then(|rest| rest.split('/').next())
        .unwrap_or_default()
        .to_owned();
    let place = match endpoint.kind {
        EndpointKind::HuggingFace => "Hugging Face".to_owned(),
        EndpointKind::OpenAi => host,
        EndpointKind::Tab => "this tab".to_owned(),
    };
    (endpoint.model.clone(), place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(name: &str, live: bool, price: Option<f64>) -> ProviderInfo {
        ProviderInfo {
            provider: name.into(),
            is_live: live,
            price_in: price,
            price_out: price,
            ..ProviderInfo::default()
        }
    }

    fn model(id: &str, providers: Vec<ProviderInfo>) -> ModelInfo {
        ModelInfo {
            id: id.into(),
            providers,
        }
    }

    #[test]
    fn a_suffix_is_split_off_and_joined_again() {
        for (text, parts) in [
            ("org/name", ("org/name", "")),
            ("org/name:groq", ("org/name", "groq")),
            ("qwen2.5:0.5b", ("qwen2.5", "0.5b")),
            ("host:1/name", ("host:1/name", "")),
        ] {
            assert_eq!(split_suffix(text), parts);
            assert_eq!(join_suffix(parts.0, parts.1), text);
        }
    }

    #[test]
    fn search_wants_every_word_and_puts_live_models_first() {
        let models = [
            model("a/dead-llama", vec![provider("x", false, None)]),
            model("b/live-llama", vec![provider("groq", true, None)]),
            model("c/qwen", vec![provider("groq", true, None)]),
        ];
        let (total, found) = search(&models, "llama", 10);
        assert_eq!((total, found[0].id.as_str()), (2, "b/live-llama"));
        assert_eq!(search(&models, "GROQ qwen", 10).0, 1);
        assert_eq!(search(&models, "", 1).1.len(), 1);
    }

    #[test]
    fn a_forecast_price_is_never_too_low() {
        let both = model(
            "m",
            vec![
                provider("cheap", true, Some(0.1)),
                provider("dear", true, Some(0.9)),
                provider("down", false, Some(9.0)),
            ],
        );
        assert_eq!(price(&both, ""), (Some(0.9), Some(0.9)));
        assert_eq!(price(&both, "fastest"), (Some(0.9), Some(0.9)));
        assert_eq!(price(&both, "cheapest"), (Some(0.1), Some(0.1)));
        assert_eq!(price(&both, "cheap"), (Some(0.1), Some(0.1)));
        let one_unknown = model(
            "m",
            vec![provider("a", true, Some(0.1)), provider("b", true, None)],
        );
        assert_eq!(price(&one_unknown, ""), (None, None));
        assert_eq!(price_text(None, None), "price not known");
    }

    #[test]
    fn a_model_in_this_tab_is_free_and_says_where_it_runs() {
        let endpoint = tab_endpoint("m.gguf");
        assert_eq!(endpoint_price(&endpoint), "free: runs in this tab");
        assert_eq!(
            endpoint_name(&endpoint),
            ("m.gguf".to_owned(), "this tab".to_owned())
        );
        assert_eq!(endpoint_price(&Endpoint::default()), "price not known");
    }

    #[test]
    fn addresses_are_cleaned_or_refused_with_a_reason() {
        assert_eq!(
            clean_address(" localhost:11434/v1/ ").as_deref(),
            Ok("http://localhost:11434/v1")
        );
        assert_eq!(
            clean_address("https://api.example.org/v1/chat/completions").as_deref(),
            Ok("https://api.example.org/v1")
        );
        assert_eq!(
            clean_address("api.example.org/v1").as_deref(),
            Ok("https://api.example.org/v1")
        );
        for bad in [
            "",
            "ftp://x",
            "https://",
            "https://a:b@x.org/v1",
            "https://x.org/v1?key=1",
        ] {
            assert!(clean_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn plain_http_elsewhere_is_warned_of_on_a_secure_page() {
        let secure = "https://example.hf.space";
        assert!(address_advice("http://192.168.1.5:8000/v1", secure).is_some());
        assert!(address_advice("http://localhost:11434/v1", secure).is_none());
        assert!(address_advice("https://192.168.1.5/v1", secure).is_none());
        assert!(address_advice("http://192.168.1.5:8000/v1", "http://127.0.0.1:8000").is_none());
    }
}
