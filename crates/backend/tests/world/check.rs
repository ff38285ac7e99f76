//! What has to hold, whatever happened.

use crate::model::{Model, Words};
use crate::page::Seen;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Depth that it takes.
const DEEPEST: usize = 100;

/// What must not be.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    /// Which invariant.
    pub(crate) rule: &'static str,
    /// With the words or rows it is about.
    pub(crate) what: String,
}

/// The invariants by the names that `WORLD_WITHOUT` and the report use.
pub(crate) mod rule {
    /// Nothing panics, and everything comes to an end.
    pub(crate) const PANICS: &str = "i0-panics";
    /// I1: nothing is in the table that nobody accepted in exactly those words.
    pub(crate) const ACCEPTED: &str = "i1-nobody-accepted";
    /// I1: when everybody has published, nothing is in the table that all who accepted it took back.
    pub(crate) const TAKEN_BACK: &str = "i1-taken-back";
    /// I2: no accepted row leaves the table without a person's act.
    pub(crate) const KEPT: &str = "i2-row-gone";
    /// I2: when everybody has published, what is accepted is in the table.
    pub(crate) const MISSING: &str = "i2-row-missing";
    /// I2: rows of another program leave the table without a person's consent.
    pub(crate) const FOREIGN: &str = "i2-foreign-row-gone";
    /// I3: browsers that have read the same head agree.
    pub(crate) const AGREE: &str = "i3-browsers-differ";
    /// I4: nobody's decision is changed or put under another name.
    pub(crate) const NAMES: &str = "i4-another-name";
    /// I5: the page's serializer takes every event.
    pub(crate) const PAINTABLE: &str = "i5-unpaintable";
    /// I6: every project opens.
    pub(crate) const OPENS: &str = "i6-does-not-open";
    /// I7: what was painted as decided is there after a restart.
    pub(crate) const THERE: &str = "i7-decision-lost";
    /// I7: what was saved of the seed is there.
    pub(crate) const SEED: &str = "i7-seed-edit-lost";
    /// I7: what was saved of the instructions is there.
    pub(crate) const INSTRUCTION: &str = "i7-instruction-lost";
    /// I8: what others wrote into the card stays.
    pub(crate) const CARD: &str = "i8-card-overwritten";

    /// All of them.
    pub(crate) const ALL: [&str; 14] = [
        PANICS,
        ACCEPTED,
        TAKEN_BACK,
        KEPT,
        MISSING,
        FOREIGN,
        AGREE,
        NAMES,
        PAINTABLE,
        OPENS,
        THERE,
        SEED,
        INSTRUCTION,
        CARD,
    ];
}

pub(crate) fn violation(rule: &'static str, what: impl Into<String>) -> Violation {
    Violation {
        rule,
        what: what.into(),
    }
}

/// I5: why the page's serializer would refuse this.
pub(crate) fn unpaintable(value: &Value) -> Option<String> {
    fn walk(value: &Value, depth: usize) -> Option<String> {
        if depth > DEEPEST {
            return Some(format!("deeper than {DEEPEST}"));
        }
        match value {
            Value::Array(items) => items.iter().find_map(|item| walk(item, depth + 1)),
            Value::Object(items) => items
                .iter()
                .find_map(|(key, item)| walk(item, depth + 1).map(|why| format!("{key}: {why}"))),
            _ => None,
        }
    }
    walk(value, 0)
}

/// One row of a published table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) words: Words,
}

/// Who moved the head of a repo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The product.
    Browser(usize),
    /// Anything else.
    Other,
}

/// I1, I2: a table after a commit.
pub(crate) fn table(
    model: &Model,
    repo: &str,
    before: &[Row],
    after: &[Row],
    by: By,
) -> Vec<Violation> {
    let mut found = Vec::new();
    for row in after {
        let words = &row.words;
        if !model.is_accepted(words) && !model.foreign.contains(words) {
            found.push(violation(
                rule::ACCEPTED,
                format!(
                    "{repo}: the row {} of {by:?}'s table says {words}, which nobody accepted",
                    row.id
                ),
            ));
        }
    }
    if by == By::Other {
        return found;
    }
    for row in before {
        if after.iter().any(|now| now.words == row.words) {
            continue;
        }
        let (rows, then) = (before.len(), after.len());
        if model.given_up.contains(&row.words) {
            continue;
        }
        if model.foreign.contains(&row.words) {
            found.push(violation(
                rule::FOREIGN,
                format!(
                    "{repo}: {by:?} overwrote a table of another program ({rows} rows, {then} after): {} is gone",
                    row.words
                ),
            ));
            break;
        }
        if !model.has_reason_to_go(&row.words) {
            found.push(violation(
                rule::KEPT,
                format!(
                    "{repo}: {by:?} published a table of {then} rows over one of {rows}, and the row {} is gone that nobody took back: {}",
                    row.id, row.words
                ),
            ));
        }
    }
    found
}

/// I1: a table after everybody has published what there was to publish; `out`: the browsers with the projects of which
/// nothing is left.
pub(crate) fn taken_back(
    model: &Model,
    rows: &[Row],
    out: &BTreeSet<(usize, String)>,
) -> Vec<Violation> {
    rows.iter()
        .filter(|row| model.is_taken_back(&row.words, out))
        .map(|row| {
            violation(
                rule::TAKEN_BACK,
                format!(
                    "the row {} is still in the table after all publishes, and nobody stands by it: {}",
                    row.id, row.words
                ),
            )
        })
        .collect()
}

/// I2: a table after everybody has published: what a browser shows as accepted is in it.
pub(crate) fn missing(browser: usize, table: &[Row], rows: &[Seen]) -> Vec<Violation> {
    rows.iter()
        .filter(|row| row.state == "accepted")
        .filter(|row| row.others.iter().all(|other| !other.is_from_file))
        .filter(|row| table.iter().all(|known| known.id != row.id))
        .map(|row| {
            violation(
                rule::MISSING,
                format!(
                    "browser {browser} shows {} as accepted, and after all publishes it is not in the table: {}",
                    row.id, row.words
                ),
            )
        })
        .collect()
}

/// I4: every response that is shown as somebody's is one that she gave, under a name that she has, and what is shown as her
/// own to `who` is hers.
pub(crate) fn names(
    model: &Model,
    browser: usize,
    who: Option<usize>,
    rows: &[Seen],
) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut tell = |row: &Seen, name: &str, what: String| {
        found.push(violation(
            rule::NAMES,
            format!(
                "browser {browser} shows for record {} that {name} {what}",
                row.id
            ),
        ));
    };
    for row in rows {
        if let (Some(said), Some(who)) = (&row.mine, who)
            && !model.has_said(who, said)
        {
            tell(row, &model.get(who).id, format!("said {said}: she did not"));
        }
        for other in &row.others {
            match model.find(&other.writer) {
                Some(who) if !model.has_said(who, &other.said) => {
                    tell(
                        row,
                        &other.writer,
                        format!("said {}: she did not", other.said),
                    );
                }
                Some(who) if !model.has_name(who, &other.name) => {
                    tell(row, &other.writer, format!("is called {}", other.name));
                }
                Some(_) => {}
                None => tell(
                    row,
                    &other.writer,
                    "said something: there is no such person".to_owned(),
                ),
            }
        }
    }
    found
}

/// I3: two browsers at one head, with who looks at each. What only a file says is no part of it: what shows that, and the
/// records `of_files`.
pub(crate) fn agree(
    model: &Model,
    a: (usize, usize, &[Seen]),
    b: (usize, usize, &[Seen]),
    of_files: &BTreeSet<Words>,
) -> Vec<Violation> {
    fn by_id<'a>(model: &Model, who: usize, rows: &'a [Seen]) -> BTreeMap<&'a str, String> {
        let me = &model.get(model.end_of(who)).id;
        rows.iter()
            .map(|row| {
                let mut said: BTreeMap<&str, String> = row
                    .others
                    .iter()
                    .map(|other| (other.writer.as_str(), other.said.to_string()))
                    .collect();
                if let Some(mine) = &row.mine {
                    said.insert(me, mine.to_string());
                }
                let text = format!("{} ({}) {said:?}", row.words, row.state);
                (row.id.as_str(), text)
            })
            .collect()
    }
    let (left, right) = (by_id(model, a.1, a.2), by_id(model, b.1, b.2));
    let told: BTreeSet<&str> =
        a.2.iter()
            .chain(b.2)
            .filter(|row| {
                let mut others = row.others.iter();
                of_files.contains(&row.words) || others.any(|other| other.is_from_file)
            })
            .map(|row| row.id.as_str())
            .collect();
    let ids: BTreeSet<&&str> = left.keys().chain(right.keys()).collect();
    ids.into_iter()
        .filter(|id| !told.contains(**id) && left.get(**id) != right.get(**id))
        .map(|id| {
            let show = |text: Option<&String>| text.cloned().unwrap_or_else(|| "nothing".to_owned());
            violation(
                rule::AGREE,
                format!(
                    "browsers {} and {} have read the same head and differ on record {id}:\n      {}\n      {}",
                    a.0,
                    b.0,
                    show(left.get(*id)),
                    show(right.get(*id))
                ),
            )
        })
        .take(1)
        .collect()
}

/// Words that somebody put into the card by hand.
pub(crate) fn marks(card: &str) -> Vec<&str> {
    card.split(|c: char| c.is_whitespace() || c == ':' || c == '"' || c == '/')
        .filter(|word| word.starts_with("hand_"))
        .collect()
}

/// I8: a card after a commit of the product.
pub(crate) fn card(repo: &str, before: &str, after: &str, by: By) -> Option<Violation> {
    if by == By::Other {
        return None;
    }
    let kept = marks(after);
    let gone = marks(before)
        .into_iter()
        .find(|mark| !kept.contains(mark))?;
    Some(violation(
        rule::CARD,
        format!("{repo}: {by:?} published a card without {gone}, which somebody wrote by hand"),
    ))
}
