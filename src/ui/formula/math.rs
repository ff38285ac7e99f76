//! A formula as a tree of known elements with known attributes: all that may become nodes of the page.
//!
//! [`read`] takes what the converter writes. It is stricter than a browser: what it does not know makes the whole formula
//! fail, and its source is shown.

/// Elements that may be made.
const ELEMENTS: [&str; 24] = [
    "math",
    "mrow",
    "mi",
    "mn",
    "mo",
    "ms",
    "mtext",
    "mspace",
    "mfrac",
    "msqrt",
    "mroot",
    "msub",
    "msup",
    "msubsup",
    "munder",
    "mover",
    "munderover",
    "mmultiscripts",
    "mprescripts",
    "mtable",
    "mtr",
    "mtd",
    "mpadded",
    "mphantom",
];
/// Attributes that are kept as they are.
const ATTRIBUTES: [&str; 17] = [
    "mathvariant",
    "stretchy",
    "symmetric",
    "fence",
    "separator",
    "accent",
    "accentunder",
    "columnalign",
    "rowalign",
    "displaystyle",
    "scriptlevel",
    "movablelimits",
    "form",
    "largeop",
    "mathcolor",
    "display",
    "alttext",
];
/// Attributes that are lengths.
const LENGTHS: [&str; 9] = [
    "width",
    "height",
    "depth",
    "voffset",
    "lspace",
    "rspace",
    "minsize",
    "maxsize",
    "linethickness",
];
/// Styles that the converter writes, which the page's policy would not let through, and our classes for them.
const STYLES: [(&str, &str); 8] = [
    ("text-align:left", "f-start"),
    ("text-align:right", "f-end"),
    ("padding-left:0", "f-tight-left"),
    ("padding-right:0", "f-tight-right"),
    ("border-left", "f-line-left"),
    ("border-right", "f-line-right"),
    ("border-top", "f-line-top"),
    ("border-bottom", "f-line-bottom"),
];
/// Marks of text that carry no meaning of their own; their text is kept.
const TEXT_MARKS: [&str; 7] = ["b", "i", "em", "code", "span", "s", "u"];
/// Longest length, in em.
const MAX_EM: f64 = 10.0;
/// Nesting that is read.
const MAX_DEPTH: usize = 250;

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A text.
    Text(String),
    /// An element.
    Element(Math),
}

/// An element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Math {
    /// Its name, one of those that may be made.
    pub name: &'static str,
    /// Its attributes.
    pub attributes: Vec<(&'static str, String)>,
    /// What stands in it.
    pub children: Vec<Node>,
}

impl Math {
    /// An element with nothing in it; `None` for one that may not be made.
    pub fn new(name: &str) -> Option<Self> {
        let name = ELEMENTS.into_iter().find(|known| *known == name)?;
        Some(Self {
            name,
            ..Self::default()
        })
    }

    /// Sets an attribute, if it is a known one.
    pub fn set(&mut self, name: &str, value: &str) {
        if let Some(name) = ATTRIBUTES.into_iter().find(|known| *known == name) {
            self.attributes.push((name, value.to_owned()));
        } else if let Some(name) = LENGTHS.into_iter().find(|known| *known == name) {
            self.attributes.push((name, clamped(value)));
        } else if name == "style" {
            self.set_style(value);
        }
    }

    fn set_style(&mut self, style: &str) {
        let mut classes = Vec::new();
        for rule in style.split(';') {
            let rule = rule.replace(' ', "");
            if let Some(color) = rule.strip_prefix("color:") {
                let is_color = color.starts_with('#')
                    && matches!(color.len(), 4 | 7)
                    && color[1..].bytes().all(|byte| byte.is_ascii_hexdigit());
                if is_color {
                    self.attributes.push(("mathcolor", color.to_owned()));
                }
            }
            let found = STYLES.iter().find(|(known, _)| rule.starts_with(known));
            if let Some((_, class)) = found {
                classes.push(*class);
            }
        }
        for class in classes {
            self.add_class(class);
        }
    }

    /// Adds a class of ours.
    pub fn add_class(&mut self, class: &'static str) {
        let before = self
            .attributes
            .iter_mut()
            .find(|(name, _)| *name == "class");
        match before {
            Some((_, classes)) => {
                classes.push(' ');
                classes.push_str(class);
            }
            None => self.attributes.push(("class", class.to_owned())),
        }
    }

    /// All text in it.
    pub fn text(&self) -> String {
        let parts = self.children.iter().map(|child| match child {
            Node::Text(text) => text.clone(),
            Node::Element(element) => element.text(),
        });
        parts.collect()
    }
}

/// A length within what a formula needs.
fn clamped(value: &str) -> String {
    let unit =
        value.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+'));
    let number = &value[..value.len() - unit.len()];
    // About how many of a unit are 1 em; of a pica it is one.
    let per_em = match unit {
        "ex" => 2.0,
        "px" => 16.0,
        "pt" => 12.0,
        "mm" => 4.2,
        "cm" => 0.42,
        "in" => 0.17,
        "%" => 100.0,
        "mu" => 18.0,
        _ => 1.0,
    };
    let limit = MAX_EM * per_em;
    match number.parse::<f64>() {
        Ok(length) if length.abs() > limit => format!("{}{unit}", limit * length.signum()),
        Ok(_) => value.to_owned(),
        Err(_) => "0".to_owned(),
    }
}

/// Reads the markup of one formula; `None` if it holds anything that may not be made.
pub fn read(markup: &str) -> Option<Math> {
    let mut stack: Vec<Math> = Vec::new();
    // Marks of text that are open and left out.
    let mut marks: Vec<&str> = Vec::new();
    let mut rest = markup.trim();
    loop {
        let next = rest.find('<').unwrap_or(rest.len());
        let (text, tag) = rest.split_at(next);
        if !text.trim().is_empty() {
            let text = unescaped(text)?;
            let holder = stack.last_mut()?;
            match holder.children.last_mut() {
                Some(Node::Text(before)) => before.push_str(&text),
                _ => holder.children.push(Node::Text(text)),
            }
        }
        let tag = tag.strip_prefix('<')?;
        let (tag, after) = split_tag(tag)?;
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            if marks.last() == Some(&name) {
                marks.pop();
                continue;
            }
            let done = stack.pop().filter(|done| done.name == name)?;
            match stack.last_mut() {
                Some(holder) => holder.children.push(Node::Element(done)),
                None => return rest.trim().is_empty().then_some(done),
            }
            continue;
        }
        let (tag, is_empty) = match tag.strip_suffix('/') {
            Some(tag) => (tag, true),
            None => (tag, false),
        };
        let name_end = tag.find(' ').unwrap_or(tag.len());
        let (name, attributes) = tag.split_at(name_end);
        let in_text = stack.last().is_some_and(|holder| holder.name == "mtext");
        if in_text && TEXT_MARKS.contains(&name) && !is_empty {
            marks.push(name);
            continue;
        }
        let mut element = Math::new(name)?;
        if stack.is_empty() != (element.name == "math") || stack.len() > MAX_DEPTH {
            return None;
        }
        for (name, value) in attributes_of(attributes)? {
            element.set(name, &unescaped(value)?);
        }
        if !is_empty {
            stack.push(element);
            continue;
        }
        stack.last_mut()?.children.push(Node::Element(element));
    }
}

/// The inside of a tag and what follows it.
fn split_tag(text: &str) -> Option<(&str, &str)> {
    let mut is_quoted = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'>' if !is_quoted => return Some((&text[..at], &text[at + 1..])),
            b'<' if !is_quoted => return None,
            _ => {}
        }
    }
    None
}

fn attributes_of(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (name, value) = rest.split_once("=\"")?;
        let (value, after) = value.split_once('"')?;
        found.push((name.trim(), value));
        rest = after.trim_start();
    }
    Some(found)
}

fn unescaped(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let (name, after) = after.split_once(';')?;
        out.push(match name {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "apos" | "#39" => '\'',
            other => {
                let number = match other.strip_prefix("#x") {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => other.strip_prefix('#')?.parse().ok()?,
                };
                char::from_u32(number)?
            }
        });
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_be_made_makes_the_whole_formula_fail() {
        for markup in [
            "<math><mo><i>x</i></mo></math>",
            "<math><mtext><img src=\"x\" onerror=\"alert(1)\"/></mtext></math>",
            "<math><script>x</script></math>",
            "<math><mi>x</math>",
            "<math><mi>x</mi></math><math></math>",
            "<mi>x</mi>",
            "<math><math></math></math>",
            "<math><mtext><a href=\"javascript:x\">y</a></mtext></math>",
            "<math><annotation-xml><p>x</p></annotation-xml></math>",
            "<math><mi>x &nope; y</mi></math>",
            "<math><mo><</mo></math>",
            "text",
            "",
        ] {
            assert_eq!(read(markup), None, "{markup}");
        }
    }

    #[test]
    fn unknown_attributes_go_and_styles_become_classes() {
        let math = read(
            "<math href=\"x\" onclick=\"y\" class=\"z\"><mtd style=\"text-align: right;justify-items: end;padding-right: 0;\"/>\
             <mrow style=\"color:#ff0000;background:url(x)\"><mtext><b>a</b> &lt;b&gt;</mtext></mrow></math>",
        )
        .unwrap();
        assert!(math.attributes.is_empty());
        let [Node::Element(cell), Node::Element(row)] = math.children.as_slice() else {
            panic!("{math:?}");
        };
        assert_eq!(
            cell.attributes,
            [("class", "f-end f-tight-right".to_owned())]
        );
        assert_eq!(row.attributes, [("mathcolor", "#ff0000".to_owned())]);
        assert_eq!(row.text(), "a <b>");
    }

    #[test]
    fn lengths_stay_within_what_a_formula_needs() {
        for (given, kept) in [
            ("99999em", "10em"),
            ("-500px", "-160px"),
            ("0.2em", "0.2em"),
            ("calc(1px)", "0"),
            ("2.047em", "2.047em"),
        ] {
            assert_eq!(clamped(given), kept);
        }
    }
}
