//! What this copy of the app is told by where it is hosted: `config.json` beside the page, and the variables that a static
//! Space writes into it. Without either the addresses are those of the public Hub.

use crate::pages::desk::Site;
use gloo_net::http::Request;
use js_sys::Reflect;
use seedbed_core::messages::HubConfig;
use serde::Deserialize;
use wasm_bindgen::JsValue;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Config {
    hub: String,
    router: String,
    oauth_client_id: String,
    /// Model files to be run in the tab. Each by itself: one that is not understood must not cost the addresses.
    models: Vec<serde_json::Value>,
}

/// Reads the configuration. A file that is missing or broken counts as an empty one.
pub async fn read() -> Site {
    let config = fetch_text("config.json")
        .await
        .and_then(|text| serde_json::from_str::<Config>(&text).ok())
        .unwrap_or_default();
    site_of(config, space_variable("OAUTH_CLIENT_ID"))
}

fn site_of(config: Config, client_id: Option<String>) -> Site {
    let usual = HubConfig::default();
    let address = |text: String, usual: String| {
        let text = text.trim().trim_end_matches('/');
        let is_address = text.starts_with("https://") || text.starts_with("http://");
        if is_address { text.to_owned() } else { usual }
    };
    Site {
        hub: address(config.hub, usual.hub),
        router: address(config.router, usual.router),
        oauth_client_id: client_id
            .or(Some(config.oauth_client_id))
            .map(|id| id.trim().to_owned())
            .filter(|id| !id.is_empty()),
        models: config
            .models
            .into_iter()
            .filter_map(|model| serde_json::from_value(model).ok())
            .collect(),
    }
}

async fn fetch_text(path: &str) -> Option<String> {
    let response = Request::get(path).send().await.ok()?;
    if !response.ok() {
        return None;
    }
    response.text().await.ok()
}

/// `window.huggingface.variables[name]`.
fn space_variable(name: &str) -> Option<String> {
    let mut value: JsValue = web_sys::window()?.into();
    for key in ["huggingface", "variables", name] {
        if value.is_undefined() || value.is_null() {
            return None;
        }
        value = Reflect::get(&value, &key.into()).ok()?;
    }
    value.as_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_configuration_the_public_hub_is_meant() {
        let site = site_of(Config::default(), None);
        assert_eq!(site.hub, "https://huggingface.co");
        assert_eq!(site.router, "https://router.huggingface.co/v1");
        assert_eq!(site.oauth_client_id, None);
    }

    #[test]
    fn the_client_id_of_a_space_wins_and_addresses_lose_their_last_slash() {
        let config = Config {
            hub: "http://127.0.0.1:8601/".into(),
            router: "javascript:alert(1)".into(),
            oauth_client_id: "local".into(),
            ..Config::default()
        };
        let site = site_of(config, Some("space".into()));
        assert_eq!(site.hub, "http://127.0.0.1:8601");
        assert_eq!(site.router, HubConfig::default().router);
        assert_eq!(site.oauth_client_id.as_deref(), Some("space"));
    }

    #[test]
    fn model_files_are_read_one_by_one() {
        let config: Config = serde_json::from_str(
            r#"{"models": [{"name": "no address"}, {"url": "http://127.0.0.1:8601/m.gguf", "name": "m.gguf", "bytes": 5}]}"#,
        )
        .unwrap();
        let models = site_of(config, None).models;
        assert_eq!(models.len(), 1);
        assert_eq!(models[0].bytes, Some(5));
    }
}
