//! Formulas in texts: found and cut out before Markdown is read ([`find`]), typeset as MathML ([`typeset`]) by code that is
//! fetched when a text holds one, and shown letter by letter until then and where that fails.
//!
//! No markup is ever handed to the browser: what the converter writes is read into a tree of known elements ([`math`]), and
//! the nodes are made one by one.

pub mod find;
pub mod math;
pub mod typeset;

use crate::platform::mathml;
use find::Formula;
use futures::future::LocalBoxFuture;
use leptos::prelude::*;
use leptos::tachys::renderer::types::Element;
use math::Math;
use seedbed_core::messages::Failure;

/// Makes a formula of TeX; the second argument is whether it stands by itself. `None` where it is not understood.
pub type Typeset = fn(&str, bool) -> Option<Math>;
/// Sees to it that the code for it is there.
pub type LoadTypeset = fn() -> LocalBoxFuture<'static, Result<Typeset, Failure>>;

/// What typesets, for views below; without one, formulas stand letter by letter.
#[derive(Clone, Copy)]
pub struct Typesetter(pub LoadTypeset);

/// Which formulas are typeset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// All that are found.
    #[default]
    Auto,
    /// Only those whose marks mean nothing else: not the ones between dollars.
    Marked,
    /// None.
    Off,
}

impl Mode {
    /// All of them with the name they are stored by.
    pub const ALL: [(Self, &'static str); 3] = [
        (Self::Auto, "auto"),
        (Self::Marked, "marked"),
        (Self::Off, "off"),
    ];

    /// The mode of a name; the usual one for none.
    pub fn named(name: Option<&str>) -> Self {
        let found = Self::ALL.iter().find(|(_, known)| Some(*known) == name);
        found.map(|(mode, _)| *mode).unwrap_or_default()
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(mode, _)| *mode == self);
        found.map_or("", |(_, name)| name)
    }

    fn takes(self, formula: &Formula) -> bool {
        match self {
            Self::Auto => true,
            Self::Marked => !formula.is_dollar,
            Self::Off => false,
        }
    }
}

/// A formula, once it is typeset; before, and if it can't be, as it stands in the text.
pub fn view(formula: &Formula, mode: Mode) -> AnyView {
    let source = formula.source.clone();
    let typesetter = use_context::<Typesetter>().filter(|_| mode.takes(formula));
    let Some(Typesetter(load)) = typesetter else {
        return view! { <span class="formula-source">{source}</span> }.into_any();
    };
    let due = Due {
        load,
        tex: formula.tex.clone(),
        is_display: formula.is_display,
    };
    let class = if formula.is_display {
        "formula display"
    } else {
        "formula"
    };
    view! {
        <span class=class use:fill=due>
            <span class="formula-source">{source}</span>
        </span>
    }
    .into_any()
}

/// A formula whose place stands.
#[derive(Clone)]
struct Due {
    load: LoadTypeset,
    tex: String,
    is_display: bool,
}

/// Puts the formula into its place once there is what typesets it.
fn fill(place: Element, due: Due) {
    leptos::task::spawn_local(async move {
        // What could not be fetched is shown as it is; the next formula asks again.
        let Ok(typeset) = (due.load)().await else {
            return;
        };
        match typeset(&due.tex, due.is_display) {
            Some(math) => mathml::put(&place, &math),
            None => mathml::mark_failed(&place),
        }
    });
}
