//! From TeX to a tree of MathML: what people and models write beyond what the converter knows is rewritten first.
//!
//! This is code that only a text with a formula needs.

use super::find::group;
use super::math::{Math, Node, read};
use math_core::{LatexToMathML, MathCoreConfig, MathDisplay};

/// Longest formula, in characters.
const MAX_CHARS: usize = 4_000;
/// Groups in each other that are read; the converter descends into each.
const MAX_DEPTH: usize = 100;
/// Commands one after another without a group: each may take the next as its argument.
const MAX_RUN: usize = 100;
/// A colour that nobody writes: what has it gets a frame.
const FRAME: &str = "#fe01fd";

/// Makes a formula; `is_display` if it stands by itself. `None` where it is not understood, too long or too deep.
pub fn typeset(tex: &str, is_display: bool) -> Option<Math> {
    if tex.chars().count() > MAX_CHARS || is_too_deep(tex) {
        return None;
    }
    let (rewritten, tags) = rewrite(tex);
    if rewritten.chars().count() > 2 * MAX_CHARS || is_too_deep(&rewritten) {
        return None;
    }
    let converter = LatexToMathML::new(MathCoreConfig::default()).ok()?;
    let display = if is_display {
        MathDisplay::Block
    } else {
        MathDisplay::Inline
    };
    let made = converter
        .convert_with_local_state(&rewritten, display)
        .ok()?;
    let mut math = read(&made.mathml)?;
    frame(&mut math);
    for tag in tags {
        let mut space = Math::new("mspace")?;
        space.set("width", "2em");
        let mut text = Math::new("mtext")?;
        text.children.push(Node::Text(tag));
        math.children.push(Node::Element(space));
        math.children.push(Node::Element(text));
    }
    math.attributes
        .retain(|(name, _)| !matches!(*name, "display" | "alttext"));
    math.set("display", if is_display { "block" } else { "inline" });
    math.set("alttext", tex);
    Some(math)
}

fn is_too_deep(tex: &str) -> bool {
    let (mut depth, mut deepest, mut run, mut longest) = (0_usize, 0, 0, 0);
    let mut rest = tex;
    while let Some(c) = rest.chars().next() {
        let mut len = c.len_utf8();
        let is_open = match c {
            '\\' => {
                let name = command(rest);
                len = 1 + name
                    .len()
                    .max(rest[1..].chars().next().map_or(0, char::len_utf8));
                if !name.is_empty() {
                    run += 1;
                    longest = longest.max(run);
                }
                if matches!(name, "right" | "end") {
                    depth = depth.saturating_sub(1);
                }
                matches!(name, "left" | "begin")
            }
            '{' | '[' => {
                run = 0;
                true
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                run = 0;
                false
            }
            // Signs and letters end a chain of commands, a digit may be an argument within one.
            '+' | '-' | '=' | '&' | '(' | ')' | ',' => {
                run = 0;
                false
            }
            _ => false,
        };
        if is_open {
            depth += 1;
            deepest = deepest.max(depth);
        }
        rest = &rest[len..];
    }
    deepest > MAX_DEPTH || longest > MAX_RUN
}

/// Name of the command that `text` begins with; empty for a sign.
fn command(text: &str) -> &str {
    let name = text.strip_prefix('\\').unwrap_or_default();
    let end = name
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(name.len());
    &name[..end]
}

/// The content of the group that follows, and the bytes up to its end.
fn argument(text: &str) -> Option<(&str, usize)> {
    let blanks = text.len() - text.trim_start().len();
    let inner = text[blanks..].strip_prefix('{')?;
    let len = group(inner)?;
    Some((&inner[..len - 1], blanks + 1 + len))
}

/// What the converter knows for what it does not know, and the tags of equations, which are printed behind.
fn rewrite(tex: &str) -> (String, Vec<String>) {
    let mut out = String::with_capacity(tex.len());
    let mut tags = Vec::new();
    let mut rest = tex;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let name = command(rest);
        if name.is_empty() {
            let len = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
            out.push_str(&rest[..len]);
            rest = &rest[len..];
            continue;
        }
        let after = &rest[1 + name.len()..];
        match name {
            "boxed" | "fbox" => {
                if let Some((content, len)) = argument(after) {
                    let (content, more) = rewrite(content);
                    tags.extend(more);
                    let content = if name == "fbox" {
                        format!("\\text{{{content}}}")
                    } else {
                        content
                    };
                    let color = FRAME[1..].to_uppercase();
                    let framed = format!("{{\\color[HTML]{{{color}}}{{{content}}}}}");
                    out.push_str(&framed);
                    rest = &after[len..];
                    continue;
                }
            }
            "textcolor" => {
                // A switch for its group, as the converter knows it.
                let name_at = after.find('{');
                let named = name_at.and_then(|at| Some((at, argument(&after[at..])?)));
                if let Some((at, (color, len))) = named
                    && let Some((content, more)) = argument(&after[at + len..])
                {
                    let model = &after[..at];
                    let (content, found) = rewrite(content);
                    tags.extend(found);
                    let colored = format!("{{\\color{model}{{{color}}}{{{content}}}}}");
                    out.push_str(&colored);
                    rest = &after[at + len + more..];
                    continue;
                }
            }
            "mbox" | "hbox" => {
                out.push_str("\\text");
                rest = after;
                continue;
            }
            "tag" => {
                let is_bare = after.starts_with('*');
                if let Some((content, len)) = argument(&after[usize::from(is_bare)..]) {
                    tags.push(if is_bare {
                        content.to_owned()
                    } else {
                        format!("({content})")
                    });
                    rest = &after[usize::from(is_bare) + len..];
                    continue;
                }
            }
            "label" => {
                if let Some((_, len)) = argument(after) {
                    rest = &after[len..];
                    continue;
                }
            }
            "nonumber" | "notag" => {
                rest = after;
                continue;
            }
            "degree" => {
                out.push_str("^{\\circ}");
                rest = after;
                continue;
            }
            "begin" | "end" => {
                if let Some((content, len)) = argument(after) {
                    let known = match content.trim_end_matches('*') {
                        // Numbers that nobody wrote would stand beside them.
                        "align" | "flalign" | "split" | "eqnarray" | "multline" => "aligned",
                        "gather" => "gathered",
                        "tabular" => "array",
                        "equation" => "",
                        _ => content,
                    };
                    if !known.is_empty() {
                        out.extend(["\\", name, "{", known, "}"]);
                    }
                    rest = &after[len..];
                    continue;
                }
            }
            _ => {}
        }
        out.push('\\');
        out.push_str(name);
        rest = after;
    }
    out.push_str(rest);
    (out, tags)
}

/// Gives what has the colour of frames a frame instead.
fn frame(math: &mut Math) {
    let is_framed = math
        .attributes
        .iter()
        .any(|(name, value)| *name == "mathcolor" && value.eq_ignore_ascii_case(FRAME));
    if is_framed {
        math.attributes.retain(|(name, _)| *name != "mathcolor");
        math.add_class("f-frame");
    }
    for child in &mut math.children {
        if let Node::Element(child) = child {
            frame(child);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(math: &Math, name: &str) -> bool {
        math.name == name
            || math.children.iter().any(|child| match child {
                Node::Element(child) => has(child, name),
                Node::Text(_) => false,
            })
    }

    fn classes(math: &Math) -> String {
        let mut found: String = math
            .attributes
            .iter()
            .filter(|(name, _)| *name == "class")
            .map(|(_, value)| value.clone())
            .collect();
        for child in &math.children {
            if let Node::Element(child) = child {
                found.push_str(&classes(child));
            }
        }
        found
    }

    #[test]
    fn what_people_and_models_write_is_typeset() {
        for (tex, element, text) in [
            (r"Q = \frac{V}{t}", "mfrac", "Q=Vt"),
            (r"\sqrt[3]{x}", "mroot", "x3"),
            (
                r"\begin{align*} a &= b \\ c &= d \end{align*}",
                "mtable",
                "a=bc=d",
            ),
            (
                r"\begin{equation} a = 1 \label{e} \end{equation}",
                "math",
                "a=1",
            ),
            (r"\begin{split} a &= b \end{split}", "mtable", "a=b"),
            (r"\begin{tabular}{cc} a & b \end{tabular}", "mtable", "ab"),
            (r"x = 1 \tag{7}", "mspace", "x=1(7)"),
            (r"90\degree", "msup", "90∘"),
            (r"\mbox{if } x > 0", "mtext", "if\u{a0}x>0"),
            (r"\binom{n}{k} \nonumber", "mfrac", "(nk)"),
            (
                r"\begin{cases} 1 & x < 0 \\ 2 \end{cases}",
                "mtable",
                "{1x<02",
            ),
        ] {
            let math = typeset(tex, true).unwrap_or_else(|| panic!("{tex}"));
            assert!(has(&math, element), "{tex}: {math:?}");
            // A separator that is not seen.
            assert_eq!(math.text().replace('\u{2063}', ""), text, "{tex}");
            let alt = math.attributes.iter().find(|(name, _)| *name == "alttext");
            assert_eq!(alt.map(|(_, value)| value.as_str()), Some(tex));
        }
    }

    #[test]
    fn a_box_is_a_frame_and_not_a_colour() {
        let math = typeset(r"\boxed{\frac{1}{2}} + \fbox{so}", false).unwrap();
        assert_eq!(classes(&math).matches("f-frame").count(), 2, "{math:?}");
        assert!(!format!("{math:?}").contains("mathcolor"));
        for tex in [r"\color{red}{x}", r"\textcolor{red}{x} + y"] {
            let red = typeset(tex, false).unwrap_or_else(|| panic!("{tex}"));
            assert!(format!("{red:?}").contains("mathcolor"));
        }
    }

    #[test]
    fn what_is_not_understood_or_hostile_is_no_formula() {
        for tex in [
            r"\operatorname{<i>x</i>}",
            r"\operatorname{<img src=x onerror=alert(1)>}",
            r"\href{javascript:alert(1)}{x}",
            r"\ce{H2O}",
            r"\frac{1}{",
            r"\def\a{\a\a}\a",
            r"\unknowncommand x",
        ] {
            assert_eq!(typeset(tex, false), None, "{tex}");
        }
    }

    #[test]
    fn depth_and_length_are_bounded_before_anything_is_converted() {
        let run = || {
            for tex in [
                "{".repeat(3_900) + "x",
                "{".repeat(1_900) + "x" + &"}".repeat(1_900),
                r"\left(".repeat(600),
                r"\sqrt".repeat(790) + " x",
                r"\frac1".repeat(660) + " x",
                r"\hat".repeat(900) + " x",
                r"\begin{array}{c}".repeat(250),
                "x^".repeat(1_900) + "2",
                r"\sqrt[".repeat(600),
                "x".repeat(4_001),
                r"\overline a".repeat(300),
                r"\boxed{".repeat(90) + "x" + &"}".repeat(90),
                r"\text".repeat(790),
            ] {
                let _ = typeset(&tex, false);
            }
        };
        // A browser's thread has a megabyte; frames of this build are larger than those of a small one.
        let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(run);
        thread.unwrap().join().unwrap();
        assert_eq!(typeset(&"x".repeat(4_001), false), None);
        assert_eq!(
            typeset(&("{".repeat(101) + "x" + &"}".repeat(101)), false),
            None
        );
        assert!(typeset(&("{".repeat(60) + "x" + &"}".repeat(60)), false).is_some());
        let wide = typeset(r"a\hspace{99999em}b", false).unwrap();
        assert!(!format!("{:?}", wide.children).contains("99999"));
    }
}
