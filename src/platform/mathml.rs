//! Formulas as nodes of the document, made one by one from a tree of known elements: no markup is ever read.

use crate::ui::formula::math::{Math, Node};
use web_sys::{Document, Element};

const NAMESPACE: &str = "http://www.w3.org/1998/Math/MathML";

/// Shows `math` in place of what stands in `place`.
pub fn put(place: &Element, math: &Math) {
    let Some(document) = place.owner_document() else {
        return;
    };
    if let Some(element) = made(&document, math) {
        place.set_text_content(None);
        let _ = place.append_child(&element);
    }
}

/// Says of the source in `place` that it could not be typeset.
pub fn mark_failed(place: &Element) {
    let Some(source) = place.text_content() else {
        return;
    };
    let code = place
        .owner_document()
        .and_then(|document| document.create_element("code").ok());
    if let Some(code) = code {
        code.set_text_content(Some(&source));
        let _ = code.set_attribute("title", "Not rendered as a formula");
        let _ = code.set_attribute("dir", "ltr");
        place.set_text_content(None);
        let _ = place.append_child(&code);
    }
}

fn made(document: &Document, math: &Math) -> Option<Element> {
    let element = document
        .create_element_ns(Some(NAMESPACE), math.name)
        .ok()?;
    for (name, value) in &math.attributes {
        let _ = element.set_attribute(name, value);
    }
    for child in &math.children {
        match child {
            Node::Text(text) => {
                let _ = element.append_child(&document.create_text_node(text));
            }
            Node::Element(child) => {
                let _ = element.append_child(&made(document, child)?.into());
            }
        }
    }
    Some(element)
}
