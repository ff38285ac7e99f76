//! Run settings: saved with the project as they are typed; a value that can't be used is kept in its field with the
//! reason, and not saved.

use crate::pages::connect::{Tab, use_connect};
use crate::pages::desk::{Debounce, Desk, failure_view, use_desk};
use leptos::prelude::*;
use seedbed_core::messages::{Failure, Request};
use seedbed_core::params::RunSettings;

/// Puts a number into the settings.
pub(crate) type Setter = fn(&mut RunSettings, Option<f64>);

/// One number of the settings.
#[derive(Clone, Copy)]
pub(crate) struct Knob {
    /// Suffix of its element ids.
    pub id: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// What it does.
    pub hint: &'static str,
    /// Least value.
    pub min: f64,
    /// Greatest value.
    pub max: f64,
    /// Step of the arrow keys.
    pub step: &'static str,
    /// Only whole numbers.
    pub is_whole: bool,
    /// May be left empty.
    pub is_optional: bool,
    /// Reads it from the settings.
    pub get: fn(&RunSettings) -> Option<f64>,
    /// Puts it into the settings.
    pub set: Setter,
}

const KNOBS: [Knob; 7] = [
    Knob {
        id: "answers",
        label: "Answers per instruction",
        hint: "More than one gives a choice, and costs as many times more.",
        min: 1.0,
        max: 10.0,
        step: "1",
        is_whole: true,
        is_optional: false,
        get: |s| Some(f64::from(s.answers_per_instruction)),
        set: |s, v| {
            if let Some(v) = v {
                s.answers_per_instruction = v as u32;
            }
        },
    },
    Knob {
        id: "temperature",
        label: "Temperature",
        hint: "0 is steady, 1 is lively; above that answers fray.",
        min: 0.0,
        max: 2.0,
        step: "0.1",
        is_whole: false,
        is_optional: false,
        get: |s| Some(s.answer.temperature),
        set: |s, v| {
            if let Some(v) = v {
                s.answer.temperature = v;
            }
        },
    },
    Knob {
        id: "max-tokens",
        label: "Longest answer, in tokens",
        hint: "An answer that hits this is cut, and marked so. A word is about 1.3 tokens.",
        min: 1.0,
        max: 131_072.0,
        step: "1",
        is_whole: true,
        is_optional: false,
        get: |s| Some(f64::from(s.answer.max_tokens)),
        set: |s, v| {
            if let Some(v) = v {
                s.answer.max_tokens = v as u32;
            }
        },
    },
    Knob {
        id: "cap",
        label: "Answers in one run, at most",
        hint: "Empty: no cap.",
        min: 1.0,
        max: 1_000_000.0,
        step: "1",
        is_whole: true,
        is_optional: true,
        get: |s| s.row_cap.map(f64::from),
        set: |s, v| s.row_cap = v.map(|v| v as u32),
    },
    Knob {
        id: "concurrency",
        label: "Requests at once",
        hint: "A local server is often best with 1 to 4.",
        min: 1.0,
        max: 16.0,
        step: "1",
        is_whole: true,
        is_optional: false,
        get: |s| Some(f64::from(s.concurrency)),
        set: |s, v| {
            if let Some(v) = v {
                s.concurrency = v as u32;
            }
        },
    },
    Knob {
        id: "top-p",
        label: "Top-p",
        hint: "Empty: as the server does it.",
        min: 0.0,
        max: 1.0,
        step: "0.05",
        is_whole: false,
        is_optional: true,
        get: |s| s.answer.top_p,
        set: |s, v| s.answer.top_p = v,
    },
    Knob {
        id: "random-seed",
        label: "Random seed",
        hint: "Empty: none is sent. With one, servers that support it repeat themselves.",
        min: 0.0,
        max: 4_294_967_295.0,
        step: "1",
        is_whole: true,
        is_optional: true,
        get: |s| s.answer.seed.map(|seed| seed as f64),
        set: |s, v| s.answer.seed = v.map(|v| v as u64),
    },
];

/// The first ones are always in sight, the others fold.
const ALWAYS: usize = 4;

/// Reads a typed number.
fn read(knob: &Knob, text: &str) -> Result<Option<f64>, String> {
    let text = text.trim().replace(',', ".");
    if text.is_empty() {
        return if knob.is_optional {
            Ok(None)
        } else {
            Err("This needs a number.".to_owned())
        };
    }
    let Some(value) = text.parse::<f64>().ok().filter(|value| value.is_finite()) else {
        return Err("This is not a number.".to_owned());
    };
    if knob.is_whole && value.fract() != 0.0 {
        return Err("This has to be a whole number.".to_owned());
    }
    if value < knob.min || value > knob.max {
        return Err(format!("This has to be from {} to {}.", knob.min, knob.max));
    }
    Ok(Some(value))
}

fn write(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// What takes a changed number: shows it at once, saves it soon, and says how that went.
pub(crate) fn settings_saver(
    desk: Desk,
    saved: RwSignal<bool>,
    failure: RwSignal<Option<Failure>>,
) -> Change {
    let save = Debounce::new(400);
    Callback::new(move |(set, value): (Setter, Option<f64>)| {
        let mut settings = desk.settings().get_untracked();
        set(&mut settings, value);
        if settings == desk.settings().get_untracked() {
            return;
        }
        desk.set_settings(settings);
        saved.set(false);
        save.run(move || {
            desk.spawn(async move {
                let request = Request::SaveSettings {
                    project: desk.project_id(),
                    settings: desk.settings().get_untracked(),
                    endpoint: desk.endpoint().get_untracked(),
                };
                match desk.ask(request).await {
                    Ok(_) => {
                        failure.try_set(None);
                        saved.try_set(true);
                    }
                    Err(error) => {
                        failure.try_set(Some(error));
                    }
                }
            });
        });
    })
}

/// The form.
#[component]
pub fn SettingsForm() -> impl IntoView {
    let desk = use_desk();
    let failure: RwSignal<Option<Failure>> = RwSignal::new(None);
    let saved = RwSignal::new(false);
    let change = settings_saver(desk, saved, failure);
    let field =
        move |knob: &'static Knob| view! { <KnobField knob=knob change=change /> }.into_any();
    view! {
        <section class="card settings" aria-labelledby="settings-title">
            <div class="card-head">
                <h2 id="settings-title">"Settings"</h2>
                <span class="muted small" role="status">
                    {move || saved.get().then_some("Saved")}
                </span>
            </div>
            {KNOBS.iter().take(ALWAYS).map(field).collect::<Vec<_>>()}
            <details class="more">
                <summary>"More settings"</summary>
                {KNOBS.iter().skip(ALWAYS).map(field).collect::<Vec<_>>()}
            </details>
            <SlotsHint change=change />
            {move || failure.get().map(|failure| failure_view(&failure, None))}
        </section>
    }
    .into_any()
}

/// The model in this tab could write more answers at once than it is asked for: most of its speed lies there.
#[component]
fn SlotsHint(change: Change) -> impl IntoView {
    let desk = use_desk();
    let tab = use_connect().tab();
    let slots = Memo::new(move |_| {
        if !Tab::is_chosen(desk) || tab.is_missing(desk) {
            return None;
        }
        let slots = tab.loaded()?.sizes.slots.min(16);
        let asked = desk.settings().with(|settings| settings.concurrency);
        (slots > asked).then_some((slots, asked))
    });
    move || {
        let (slots, asked) = slots.get()?;
        let knob = KNOBS.iter().find(|knob| knob.id == "concurrency")?;
        Some(
            view! {
                <div class="slots-hint">
                    <p class="hint">
                        {format!(
                            "The loaded model writes up to {slots} answers at once and is asked for {asked}. More at once is quicker in all.",
                        )}
                    </p>
                    <button
                        type="button"
                        class="btn small"
                        on:click=move |_| change.run((knob.set, Some(f64::from(slots))))
                    >
                        {format!("Ask for {slots} at once")}
                    </button>
                </div>
            }
            .into_any(),
        )
    }
}

/// What a knob hands on: how to set it, and its value.
pub(crate) type Change = Callback<(Setter, Option<f64>)>;

/// The field of a knob.
#[component]
pub(crate) fn KnobField(knob: &'static Knob, change: Change) -> impl IntoView {
    let desk = use_desk();
    let value = Memo::new(move |_| desk.settings().with(|settings| (knob.get)(settings)));
    let text = RwSignal::new(write(value.get_untracked()));
    let error = Memo::new(move |_| text.with(|text| read(knob, text).err()));
    // A change from elsewhere (an import, an undo) shows, but never while it equals what is being typed.
    Effect::new(move |_| {
        let value = value.get();
        if text.with_untracked(|text| read(knob, text)) != Ok(value) {
            text.set(write(value));
        }
    });
    let input_id = format!("set-{}", knob.id);
    let hint_id = format!("set-{}-hint", knob.id);
    let error_id = format!("set-{}-error", knob.id);
    let described = {
        let (hint_id, error_id) = (hint_id.clone(), error_id.clone());
        move || {
            if error.with(Option::is_some) {
                format!("{error_id} {hint_id}")
            } else {
                hint_id.clone()
            }
        }
    };
    view! {
        <div class="field" class:invalid=move || error.with(Option::is_some)>
            <label for=input_id.clone()>{knob.label}</label>
            <input
                id=input_id
                type="text"
                inputmode=if knob.is_whole { "numeric" } else { "decimal" }
                autocomplete="off"
                aria-describedby=described
                aria-invalid=move || error.with(Option::is_some).to_string()
                prop:value=move || text.get()
                on:input:target=move |event| {
                    let typed = event.target().value();
                    let read = read(knob, &typed);
                    text.set(typed);
                    if let Ok(value) = read {
                        change.run((knob.set, value));
                    }
                }
                on:keydown=move |event| {
                    // Arrow keys step like in a number field, without its traps (scrolling, empty on bad text).
                    let step: f64 = knob.step.parse().unwrap_or(1.0);
                    let by = match event.key().as_str() {
                        "ArrowUp" => step,
                        "ArrowDown" => -step,
                        _ => return,
                    };
                    event.prevent_default();
                    let now = read(knob, &text.get_untracked()).ok().flatten().unwrap_or(knob.min);
                    // Whole steps, so that 0.1 + 0.2 stays readable.
                    let next = (((now + by) / step).round() * step * 1e6).round() / 1e6;
                    let next = next.clamp(knob.min, knob.max);
                    text.set(write(Some(next)));
                    change.run((knob.set, Some(next)));
                }
            />
            <p class="hint" id=hint_id>
                {knob.hint}
            </p>
            {move || {
                error
                    .get()
                    .map(|error| view! { <p class="error" id=error_id.clone()>{error}</p> }.into_any())
            }}
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_knob_reads_back_what_it_writes() {
        for knob in &KNOBS {
            let mut settings = RunSettings::default();
            (knob.set)(&mut settings, Some(knob.max));
            assert_eq!((knob.get)(&settings), Some(knob.max), "{}", knob.id);
            assert_eq!(read(knob, &write(Some(knob.max))), Ok(Some(knob.max)));
        }
    }

    #[test]
    fn numbers_out_of_range_or_not_numbers_are_refused_with_a_reason() {
        let [answers, temperature, ..] = &KNOBS;
        for text in ["", "0", "11", "1.5", "x", "1e999", "NaN"] {
            assert!(read(answers, text).is_err(), "{text:?}");
        }
        assert_eq!(read(temperature, " 0,7 "), Ok(Some(0.7)));
        assert!(read(temperature, "-0.1").is_err());
    }

    #[test]
    fn an_optional_number_may_be_left_empty() {
        for knob in KNOBS.iter().filter(|knob| knob.is_optional) {
            assert_eq!(read(knob, "  "), Ok(None), "{}", knob.id);
        }
    }
}
