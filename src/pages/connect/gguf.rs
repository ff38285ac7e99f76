//! Model files for this tab, as far as they need no page: the ones we point to, links to others, and sizes and stages in
//! words.

use seedbed_core::engine::{EngineKept, EngineModel, EngineStage};
use seedbed_core::messages::HubConfig;

/// A file that we point to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advised {
    /// Name of the model.
    pub name: &'static str,
    /// Repo on the Hub.
    pub repo: &'static str,
    /// File in it.
    pub file: &'static str,
    /// Its bytes, roughly: what the server says counts, so this is only for reading.
    pub about_bytes: u64,
    /// Its licence.
    pub license: &'static str,
    /// What it is good for.
    pub good_for: &'static str,
}

/// Small open models, the smallest first.
pub const ADVISED: [Advised; 7] = [
    Advised {
        name: "SmolLM2 135M Instruct",
        repo: "bartowski/SmolLM2-135M-Instruct-GGUF",
        file: "SmolLM2-135M-Instruct-Q8_0.gguf",
        about_bytes: 145_000_000,
        license: "Apache-2.0",
        good_for: "To try the whole way quickly. Fluent, but often wrong.",
    },
    Advised {
        name: "SmolLM2 360M Instruct",
        repo: "HuggingFaceTB/SmolLM2-360M-Instruct-GGUF",
        file: "smollm2-360m-instruct-q8_0.gguf",
        about_bytes: 386_000_000,
        license: "Apache-2.0",
        good_for: "Short, simple texts in English.",
    },
    Advised {
        name: "Qwen2.5 0.5B Instruct",
        repo: "Qwen/Qwen2.5-0.5B-Instruct-GGUF",
        file: "qwen2.5-0.5b-instruct-q4_0.gguf",
        about_bytes: 429_000_000,
        license: "Apache-2.0",
        good_for: "A good first choice: keeps to its instructions, in several languages.",
    },
    Advised {
        name: "Qwen3 0.6B",
        repo: "Qwen/Qwen3-0.6B-GGUF",
        file: "Qwen3-0.6B-Q8_0.gguf",
        about_bytes: 639_000_000,
        license: "Apache-2.0",
        good_for: "Able for its size, in many languages; asked to answer without thinking aloud.",
    },
    Advised {
        name: "Llama 3.2 1B Instruct",
        repo: "bartowski/Llama-3.2-1B-Instruct-GGUF",
        file: "Llama-3.2-1B-Instruct-Q4_0.gguf",
        about_bytes: 773_000_000,
        license: "Llama 3.2 Community Licence (not an open-source one: it has conditions)",
        good_for: "Fluent prose in English and some European languages.",
    },
    Advised {
        name: "SmolLM2 1.7B Instruct",
        repo: "HuggingFaceTB/SmolLM2-1.7B-Instruct-GGUF",
        file: "smollm2-1.7b-instruct-q4_k_m.gguf",
        about_bytes: 1_056_000_000,
        license: "Apache-2.0",
        good_for: "Good English. Wants a graphics card with 2 GB to spare.",
    },
    Advised {
        name: "Qwen2.5 1.5B Instruct",
        repo: "Qwen/Qwen2.5-1.5B-Instruct-GGUF",
        file: "qwen2.5-1.5b-instruct-q4_0.gguf",
        about_bytes: 1_066_000_000,
        license: "Apache-2.0",
        good_for: "The most able of these. Wants a graphics card with 2 GB to spare.",
    },
];

impl Advised {
    /// The file on the Hub at `hub`. Its size is left open: a rough one would make a whole file look damaged.
    pub fn model(&self, hub: &str) -> EngineModel {
        EngineModel {
            url: format!("{hub}/{}/resolve/main/{}", self.repo, self.file),
            name: self.file.to_owned(),
            license: Some(self.license.to_owned()),
            repo: Some(self.repo.to_owned()),
            ..EngineModel::default()
        }
    }
}

/// The Hub that has the advised files. One on this machine is for trying things out and has none of them.
pub fn hub_of_models(hub: &str) -> String {
    let host = hub.split("://").nth(1).unwrap_or_default();
    let is_here = host.starts_with("127.")
        || host.starts_with("[::1]")
        || host.split([':', '/']).next() == Some("localhost");
    if is_here {
        HubConfig::default().hub
    } else {
        hub.to_owned()
    }
}

/// The file that a link means: an address of the Hub as its pages show it, `owner/repo/file.gguf`, or any http(s) address
/// of a GGUF file.
///
/// # Errors
/// Why it can't be run, in plain words.
pub fn model_of_link(text: &str, hub: &str) -> Result<EngineModel, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Err("Paste the link of a .gguf file, or type owner/repo/file.gguf.");
    }
    if text.contains(char::is_whitespace) {
        return Err("This is not a link: it holds a space.");
    }
    let lower = text.to_ascii_lowercase();
    let is_full = lower.starts_with("https://") || lower.starts_with("http://");
    if !is_full && text.contains("://") {
        return Err("A link has to start with https:// or http://.");
    }
    // Whatever stands behind is about how the page shows the file.
    let (bare, rest) = match text.find(['?', '#']) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let (scheme, bare) = bare.split_once("://").unwrap_or(("https", bare));
    let (host, path) = if is_full {
        bare.split_once('/').unwrap_or((bare, ""))
    } else {
        match bare.split_once('/') {
            Some((host, path)) if is_hub_host(host) => (host, path),
            _ => ("", bare.trim_start_matches('/')),
        }
    };
    if host.contains('@') {
        return Err("Leave user name and password out of the link.");
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let (origin, is_hub) = if host.is_empty() {
        (hub.to_owned(), true)
    } else if is_hub_host(host) {
        (HubConfig::default().hub, true)
    } else {
        let origin = format!("{}://{host}", scheme.to_ascii_lowercase());
        let is_hub = origin == hub;
        (origin, is_hub)
    };
    let verb = parts
        .iter()
        .position(|part| matches!(*part, "blob" | "resolve" | "raw" | "tree"))
        .filter(|at| *at >= 2);
    let file_at = match verb {
        Some(at) if parts.get(at..).is_some_and(|rest| rest.len() > 2) => Some(at + 2),
        None if host.is_empty() && parts.len() > 2 => Some(2),
        _ => None,
    };
    let name = parts.last().copied().unwrap_or_default();
    let is_file = if is_hub {
        file_at.is_some()
    } else {
        !parts.is_empty()
    };
    if is_hub && !is_file {
        return Err(if parts.len() < 2 {
            "A link has an owner, a repo and a file: owner/repo/file.gguf."
        } else {
            "This is a whole repo. Open its files on the Hub and copy the link of one .gguf file."
        });
    }
    check_name(name)?;
    let (Some(at), true) = (file_at, is_hub || verb.is_some()) else {
        // A server of one's own: the address is taken as it is, without what may be secret.
        if rest.starts_with('?') {
            return Err("Leave out everything from ? on: it is stored with the file.");
        }
        return Ok(EngineModel {
            url: format!("{origin}/{path}"),
            name: decoded(name),
            ..EngineModel::default()
        });
    };
    let (revision, repo) = match verb {
        Some(verb) => (
            parts.get(verb + 1).copied().unwrap_or("main"),
            parts.get(..verb),
        ),
        None => ("main", parts.get(..2)),
    };
    let repo = repo.unwrap_or_default().join("/");
    let file = parts.get(at..).unwrap_or_default().join("/");
    Ok(EngineModel {
        url: format!("{origin}/{repo}/resolve/{revision}/{file}"),
        name: decoded(name),
        repo: Some(repo),
        ..EngineModel::default()
    })
}

fn is_hub_host(host: &str) -> bool {
    matches!(
        host.to_ascii_lowercase().as_str(),
        "huggingface.co" | "www.huggingface.co" | "hf.co"
    )
}

/// Whether a file of this name can be run.
///
/// # Errors
/// Why not, in plain words.
pub fn check_name(name: &str) -> Result<(), &'static str> {
    let lower = name.to_ascii_lowercase();
    let Some(stem) = lower.strip_suffix(".gguf") else {
        return Err(
            "This is no GGUF file. Look for a repo of the same model with GGUF in its name.",
        );
    };
    // `name-00001-of-00003.gguf`
    let mut ends = stem.rsplitn(4, '-');
    let is_number = |part: Option<&str>| {
        part.is_some_and(|part| part.len() == 5 && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if is_number(ends.next()) && ends.next() == Some("of") && is_number(ends.next()) {
        return Err("This file is one part of several. Choose a smaller model that is one file.");
    }
    Ok(())
}

/// The name in an address, with `%20` and the like turned back.
fn decoded(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = match (first, tail) {
            (b'%', [high, low, ..]) => char::from(*high)
                .to_digit(16)
                .zip(char::from(*low).to_digit(16))
                .map(|(high, low)| (high * 16 + low) as u8),
            _ => None,
        };
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() {
            tail.get(2..).unwrap_or_default()
        } else {
            tail
        };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| name.to_owned())
}

/// The file was picked on this computer: its address ends with the page.
pub fn is_picked(model: &EngineModel) -> bool {
    model.url.starts_with("blob:")
}

/// Kept files with those called `name` in front; else in the order they have.
pub fn kept_first(mut kept: Vec<EngineKept>, name: &str) -> Vec<EngineKept> {
    kept.sort_by_key(|file| file.model.name != name);
    kept
}

/// 98 MB, 1.07 GB. Of a thousand bytes each, as shops and the Hub count.
pub fn size(bytes: u64) -> String {
    let megabytes = bytes as f64 / 1e6;
    if bytes == 0 {
        "0 MB".to_owned()
    } else if megabytes < 0.1 {
        "under 0.1 MB".to_owned()
    } else if megabytes < 9.95 {
        format!("{megabytes:.1} MB")
    } else if megabytes < 999.5 {
        format!("{megabytes:.0} MB")
    } else {
        format!("{:.2} GB", megabytes / 1e3)
    }
}

/// 34 of 98 MB; without a total, what is there.
pub fn size_of(done: u64, total: u64) -> String {
    if total == 0 {
        return size(done);
    }
    let (done, total) = (size(done.min(total)), size(total));
    match (done.split_once(' '), total.split_once(' ')) {
        (Some((number, unit)), Some((_, same))) if unit == same => format!("{number} of {total}"),
        _ => format!("{done} of {total}"),
    }
}

/// Why this browser can't run a model, in plain words, and the technical text where there is more to it.
pub fn trouble(text: &str) -> (&str, Option<&str>) {
    if text.to_ascii_lowercase().contains("adapter") {
        return (
            "This browser gives the page no graphics card to compute with. Graphics acceleration may be switched off in its settings, or the card is too old.",
            Some(text),
        );
    }
    (text, None)
}

/// What is being done, for a heading.
pub fn stage_text(stage: EngineStage) -> &'static str {
    match stage {
        EngineStage::Connecting => "Asking for the file",
        EngineStage::Reading => "Reading it from this browser's storage",
        EngineStage::Downloading => "Downloading",
        EngineStage::Testing => "Checking that this device computes rightly",
        EngineStage::Preparing => "Making it ready to write",
    }
}

/// How far loading is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loading {
    /// The file's name.
    pub name: String,
    /// Where.
    pub stage: EngineStage,
    /// Bytes done.
    pub done: u64,
    /// Bytes in all; 0 if not known.
    pub total: u64,
    /// Bytes per second of this stage.
    pub rate: Option<f64>,
    /// When the stage began, in milliseconds, and the bytes that were there.
    began: (f64, u64),
}

impl Loading {
    /// Loading of `model` begins.
    pub fn new(model: &EngineModel) -> Self {
        Self {
            name: model.name.clone(),
            total: model.bytes.unwrap_or(0),
            ..Self::default()
        }
    }

    /// Takes progress in, heard at `now_ms`.
    pub fn hear(&mut self, stage: EngineStage, done: u64, total: u64, now_ms: f64) {
        // A file that has changed at the server begins anew.
        if stage != self.stage || done < self.began.1 {
            self.began = (now_ms, done);
            self.rate = None;
        }
        let seconds = (now_ms - self.began.0) / 1e3;
        if seconds >= 1.0 {
            self.rate = Some((done - self.began.1) as f64 / seconds);
        }
        (self.stage, self.done, self.total) = (stage, done, total);
    }

    /// Bytes are counted in this stage.
    pub fn is_counted(&self) -> bool {
        matches!(self.stage, EngineStage::Reading | EngineStage::Downloading)
    }

    /// How far, in words: `34 of 98 MB, 12 MB a second`.
    pub fn amount(&self) -> String {
        if !self.is_counted() {
            return String::new();
        }
        let mut text = size_of(self.done, self.total);
        if self.total == 0 {
            text.push_str(" so far; how large it is, the server does not say");
        }
        if let Some(rate) = self.rate.filter(|rate| *rate >= 1.0) {
            text.push_str(", ");
            text.push_str(&size(rate as u64));
            text.push_str(" a second");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HUB: &str = "https://huggingface.co";

    #[test]
    fn every_advised_file_can_be_linked_and_says_its_licence() {
        for advised in &ADVISED {
            let model = advised.model(HUB);
            let typed = format!("{}/{}", advised.repo, advised.file);
            assert_eq!(
                model_of_link(&typed, HUB).map(|linked| linked.url),
                Ok(model.url.clone())
            );
            assert_eq!(
                model.bytes, None,
                "a rough size would be taken for the true one"
            );
            assert!(model.license.is_some_and(|license| !license.is_empty()));
            assert!((50_000_000..2_000_000_000).contains(&advised.about_bytes));
        }
        let is_sorted = ADVISED.is_sorted_by_key(|advised| advised.about_bytes);
        assert!(is_sorted);
    }

    #[test]
    fn a_hub_on_this_machine_has_no_advised_files() {
        assert_eq!(hub_of_models("http://127.0.0.1:8601"), HUB);
        assert_eq!(hub_of_models("http://localhost:8601"), HUB);
        assert_eq!(
            hub_of_models("https://localhost.example.org"),
            "https://localhost.example.org"
        );
        assert_eq!(hub_of_models("https://mirror.org"), "https://mirror.org");
    }

    #[test]
    fn links_of_the_hub_become_addresses_of_files() {
        let wanted =
            "https://huggingface.co/Qwen/Qwen3-0.6B-GGUF/resolve/main/Qwen3-0.6B-Q8_0.gguf";
        for text in [
            "https://huggingface.co/Qwen/Qwen3-0.6B-GGUF/blob/main/Qwen3-0.6B-Q8_0.gguf",
            "https://huggingface.co/Qwen/Qwen3-0.6B-GGUF/resolve/main/Qwen3-0.6B-Q8_0.gguf?download=true",
            " hf.co/Qwen/Qwen3-0.6B-GGUF/blob/main/Qwen3-0.6B-Q8_0.gguf ",
            "Qwen/Qwen3-0.6B-GGUF/Qwen3-0.6B-Q8_0.gguf",
            "Qwen/Qwen3-0.6B-GGUF/blob/main/Qwen3-0.6B-Q8_0.gguf#x",
        ] {
            let model = model_of_link(text, HUB).unwrap();
            assert_eq!(model.url, wanted, "{text}");
            assert_eq!(model.name, "Qwen3-0.6B-Q8_0.gguf");
            assert_eq!(model.repo.as_deref(), Some("Qwen/Qwen3-0.6B-GGUF"));
        }
        let deep = model_of_link("https://hf.co/a/b/blob/v1/q4/my%20m.gguf", HUB).unwrap();
        assert_eq!(
            deep.url,
            "https://huggingface.co/a/b/resolve/v1/q4/my%20m.gguf"
        );
        assert_eq!(deep.name, "my m.gguf");
        let here = model_of_link("a/b/c.gguf", "http://127.0.0.1:8601").unwrap();
        assert_eq!(here.url, "http://127.0.0.1:8601/a/b/resolve/main/c.gguf");
    }

    #[test]
    fn another_server_is_taken_as_it_is() {
        let model = model_of_link("http://192.168.1.5:8000/models/m.gguf", HUB).unwrap();
        assert_eq!(model.url, "http://192.168.1.5:8000/models/m.gguf");
        assert_eq!(model.repo, None);
        let mirror = model_of_link("https://mirror.org/a/b/blob/main/m.gguf", HUB).unwrap();
        assert_eq!(mirror.url, "https://mirror.org/a/b/resolve/main/m.gguf");
    }

    #[test]
    fn what_can_not_be_run_is_refused_with_a_reason() {
        for (text, word) in [
            ("", "Paste"),
            ("a b", "space"),
            ("ftp://x/m.gguf", "https"),
            ("m.gguf", "owner"),
            ("Qwen/Qwen3-0.6B-GGUF", "repo"),
            ("https://huggingface.co/Qwen/Qwen3-0.6B-GGUF", "repo"),
            (
                "https://huggingface.co/Qwen/Qwen3-0.6B-GGUF/tree/main",
                "repo",
            ),
            (
                "https://huggingface.co/a/b/blob/main/model.safetensors",
                "GGUF",
            ),
            ("a/b/big-00001-of-00003.gguf", "part"),
            ("https://a:b@x.org/m.gguf", "password"),
            ("https://x.org/m.gguf?token=1", "?"),
            ("https://x.org/", "GGUF"),
        ] {
            let error = model_of_link(text, HUB).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
        assert_eq!(check_name("m-of-00003.GGUF"), Ok(()));
    }

    #[test]
    fn a_missing_adapter_is_said_in_plain_words() {
        let raw = "No graphics adapter is available: noop support not compiled in";
        let (plain, detail) = trouble(raw);
        assert!(!plain.contains("compiled"));
        assert_eq!(detail, Some(raw));
        let plain = "This browser has no WebGPU.";
        assert_eq!(trouble(plain), (plain, None));
    }

    #[test]
    fn sizes_are_short() {
        assert_eq!(size(98_400_000), "98 MB");
        assert_eq!(size(4_200_000), "4.2 MB");
        assert_eq!(size(999_900_000), "1.00 GB");
        assert_eq!(size(1_066_000_000), "1.07 GB");
        assert_eq!(size_of(34_000_000, 98_000_000), "34 of 98 MB");
        assert_eq!(size_of(34_000_000, 1_070_000_000), "34 MB of 1.07 GB");
        assert_eq!(size_of(34_000_000, 0), "34 MB");
        assert_eq!(size_of(0, 98_000_000), "0 of 98 MB");
    }

    #[test]
    fn the_rate_is_that_of_the_present_stage() {
        let mut loading = Loading::new(&EngineModel::default());
        loading.hear(EngineStage::Reading, 50_000_000, 98_000_000, 100.0);
        loading.hear(EngineStage::Downloading, 50_000_000, 98_000_000, 200.0);
        assert_eq!(loading.amount(), "50 of 98 MB");
        loading.hear(EngineStage::Downloading, 74_000_000, 98_000_000, 2_200.0);
        assert_eq!(loading.amount(), "74 of 98 MB, 12 MB a second");
        // From the start again.
        loading.hear(EngineStage::Downloading, 0, 98_000_000, 2_300.0);
        assert_eq!(loading.rate, None);
        loading.hear(EngineStage::Testing, 98_000_000, 98_000_000, 9_000.0);
        assert_eq!(loading.amount(), "");
    }

    #[test]
    fn the_projects_own_file_comes_first() {
        let kept = |name: &str| EngineKept {
            model: EngineModel {
                name: name.into(),
                ..EngineModel::default()
            },
            ..EngineKept::default()
        };
        let sorted = kept_first(vec![kept("a"), kept("b"), kept("c")], "b");
        let names: Vec<_> = sorted.iter().map(|file| file.model.name.as_str()).collect();
        assert_eq!(names, ["b", "a", "c"]);
    }
}
