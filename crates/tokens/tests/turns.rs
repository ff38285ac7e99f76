//! What templates take, and where answers end, found by trying them; and the beginning of a text, which comes once.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use seedbed_tokens::{
    Error, Message, Part, StopStrings, Stream, Template, Tokenizer, TurnEnd, Vocabulary,
};
use std::rc::Rc;

const CHATML: &str = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
const ALPACA: &str = "{% for m in messages %}{% if m.role == 'user' %}### Instruction:\n{{ m.content }}\n\n{% else %}### Response:\n{{ m.content }}\n\n{% endif %}{% endfor %}{% if add_generation_prompt %}### Response:\n{% endif %}";

/// A byte-level vocabulary of single bytes and `more` tokens with their kinds.
fn vocabulary(template: &str, more: &[(&str, u8)]) -> Vocabulary {
    // GPT-2's printable stand-ins, as the crate must read them back.
    let mut next = 256;
    let mut tokens: Vec<String> = (0..=255_u32)
        .map(|byte| {
            let is_printable = matches!(byte, 33..=126 | 161..=172 | 174..=255);
            let code = if is_printable { byte } else { next };
            next += u32::from(!is_printable);
            char::from_u32(code).unwrap().to_string()
        })
        .collect();
    let mut kinds = vec![1; 256];
    for (text, kind) in more {
        tokens.push((*text).to_owned());
        kinds.push(*kind);
    }
    Vocabulary {
        model: "gpt2".to_owned(),
        pre: Some("gpt-2".to_owned()),
        tokens,
        kinds,
        chat_template: Some(template.to_owned()),
        ..Vocabulary::default()
    }
}

fn template(vocabulary: &Vocabulary) -> Template {
    let source = vocabulary.chat_template.as_deref().unwrap();
    Template::new(source, vocabulary, "2026-01-02").unwrap()
}

fn message(role: &str, content: &str) -> Message {
    Message {
        role: role.to_owned(),
        content: content.to_owned(),
    }
}

fn end(vocabulary: &Vocabulary) -> TurnEnd {
    template(vocabulary).turn_end(&Tokenizer::new(vocabulary).unwrap())
}

#[test]
fn the_end_of_a_turn_is_found_in_the_template() {
    let end_of = |source: &str, more: &[(&str, u8)]| end(&vocabulary(source, more));
    let is = |tokens: &[u32], texts: &[&str]| TurnEnd {
        tokens: tokens.to_vec(),
        texts: texts.iter().map(|text| (*text).to_owned()).collect(),
    };
    let starts_only = CHATML.replace("<|im_end|>", "");
    let phi = CHATML.replace("<|im_end|>", "<|end|>");
    // Control tokens that the crate knows need no template.
    assert_eq!(
        end_of(CHATML, &[("<|im_start|>", 3), ("<|im_end|>", 3)]),
        is(&[], &[])
    );
    // One that it does not know.
    assert_eq!(end_of(&phi, &[("<|end|>", 3)]), is(&[256], &[]));
    // Typed as user-defined, and as normal.
    for kind in [4, 1] {
        let more = [("<|im_start|>", kind), ("<|im_end|>", kind)];
        assert_eq!(end_of(CHATML, &more), is(&[257], &["<|im_end|>"]));
    }
    // Not in the vocabulary at all.
    assert_eq!(end_of(CHATML, &[]), is(&[], &["<|im_end|>"]));
    // It is the next turn that ends one.
    assert_eq!(
        end_of(&starts_only, &[("<|im_start|>", 3)]),
        is(&[256], &[])
    );
    assert_eq!(end_of(ALPACA, &[]), is(&[], &["\n### Instruction:"]));
    let plain = "{% for m in messages %}{{ m.role | upper }}: {{ m.content }} {% endfor %}";
    assert_eq!(end_of(plain, &[]), is(&[], &[" USER:"]));
    let ruled = "{% for m in messages %}{{ m.role }}:\n{{ m.content }}\n---\n{% endfor %}";
    assert_eq!(end_of(ruled, &[]), is(&[], &["\n---\n"]));
    let odd = CHATML.replace("<|im_end|>", "[e~[");
    assert_eq!(end_of(&odd, &[]), is(&[], &["[e~["]));
    let bracketed = "{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]{% else %} {{ m.content }} [/ANS] </s>{% endif %}{% endfor %}";
    assert_eq!(end_of(bracketed, &[("</s>", 3)]), is(&[], &["[/ANS]"]));
    // A prompt at the end of all texts is none of the answer's end.
    let always = phi.replace("{% if add_generation_prompt %}", "{% if true %}");
    assert_eq!(end_of(&always, &[]), is(&[], &["<|end|>"]));
    // Nothing can be known.
    for source in [
        "{{ messages[0].content }}",
        "{% for m in messages %}{{ m.content }}\n{% endfor %}",
        "{% for m in messages %}{{ m.content }}.\n{% endfor %}",
        "{% for t in tools %}{% endfor %}{{ messages[1].content }}<|end|>",
    ] {
        assert_eq!(end_of(source, &[]), is(&[], &[]), "{source}");
    }
}

#[test]
fn a_turn_end_that_is_no_control_token_ends_the_reply() {
    for (source, more, written) in [
        (
            CHATML,
            vec![("<|im_start|>", 1), ("<|im_end|>", 1)],
            "Yes, <b>2 < 3</b>.<|im_end|>\n<|im_start|>user\nAnd",
        ),
        (
            CHATML,
            vec![],
            "Yes, <b>2 < 3</b>.<|im_end|>\n<|im_start|>user\nAnd",
        ),
        (ALPACA, vec![], "Yes, <b>2 < 3</b>.\n### Instruction:\nAnd"),
    ] {
        let vocabulary = vocabulary(source, &more);
        let mut tokenizer = Tokenizer::new(&vocabulary).unwrap();
        let end = template(&vocabulary).turn_end(&tokenizer);
        tokenizer.stop_at(&end.tokens);
        let tokenizer = Rc::new(tokenizer);
        // Written as one token where there is one, and letter by letter.
        let part = Part {
            text: written.to_owned(),
            is_template: true,
        };
        for ids in [tokenizer.encode_parts(&[part]), tokenizer.encode(written)] {
            let mut stream = Stream::new(tokenizer.clone());
            let mut stops = StopStrings::new(&end.texts);
            let mut said = String::new();
            let mut is_over = false;
            for id in ids {
                is_over = tokenizer.stops().contains(&id);
                if !is_over {
                    let (text, hit) = stops.push(&stream.push(id));
                    said.push_str(&text);
                    is_over = hit;
                }
                if is_over {
                    break;
                }
            }
            assert!(is_over, "{said:?}");
            assert_eq!(said, "Yes, <b>2 < 3</b>.");
        }
    }
}

#[test]
fn signs_that_the_template_writes_are_tokens_whatever_their_type() {
    let more = [("<|im_start|>", 1), ("<|im_end|>", 1), ("<b>", 1)];
    let vocabulary = vocabulary(CHATML, &more);
    let tokenizer = Tokenizer::new(&vocabulary).unwrap();
    let parts = template(&vocabulary)
        .render(&[message("user", "<b><|im_end|>")], true)
        .unwrap();
    let ids = tokenizer.encode_parts(&parts);
    // What a message says stays text.
    let signs: Vec<u32> = ids.iter().copied().filter(|id| *id > 255).collect();
    assert_eq!(signs, [256, 257, 256]);
    // Text can become this one, so it is text.
    let mut merged = vocabulary.clone();
    merged.tokens.extend(["<->", "<-"].map(str::to_owned));
    merged.kinds.extend([1, 1]);
    merged.merges = vec!["< -".to_owned(), "<- >".to_owned()];
    merged.chat_template = Some("{% for m in messages %}<->{{ m.content }}{% endfor %}".to_owned());
    let parts = template(&merged).render(&[message("user", "<->")], true);
    let ids = Tokenizer::new(&merged)
        .unwrap()
        .encode_parts(&parts.unwrap());
    // Else the message's would be broken.
    assert_eq!(ids, [259, 259]);
}

#[test]
fn a_text_begins_once() {
    let says_it = "{{ bos_token }}{{ messages[0].content }}";
    let says_it_late = "\n {{ bos_token }}{{ messages[0].content }}";
    let says_it_not = "{{ messages[0].content }}";
    // Typed as control, user-defined, and by mistake as normal or unused.
    for kind in [3, 4, 1, 5] {
        for (source, wanted) in [(says_it, 0), (says_it_late, 2), (says_it_not, 0)] {
            let mut vocabulary = vocabulary(source, &[("<|bos|>", kind)]);
            vocabulary.bos = Some(256);
            for adds in [true, false] {
                vocabulary.add_bos = Some(adds);
                let tokenizer = Tokenizer::new(&vocabulary).unwrap();
                let parts = template(&vocabulary)
                    .render(&[message("user", "Hi <|bos|>")], true)
                    .unwrap();
                let ids = tokenizer.encode_parts(&parts);
                let places: Vec<usize> = (0..ids.len()).filter(|at| ids[*at] == 256).collect();
                let none = source == says_it_not && !adds;
                let wanted = if none { vec![] } else { vec![wanted] };
                assert_eq!(places, wanted, "{source:?} {kind} {adds}");
            }
        }
    }
}

#[test]
fn a_text_that_begins_with_another_token_of_the_same_text_has_begun() {
    let mut vocabulary = vocabulary(
        "<|bos|>{{ messages[0].content }}",
        &[("<|bos|>", 3), ("<|bos|>", 3)],
    );
    vocabulary.bos = Some(257);
    vocabulary.add_bos = Some(true);
    let tokenizer = Tokenizer::new(&vocabulary).unwrap();
    let parts = template(&vocabulary)
        .render(&[message("user", "x")], true)
        .unwrap();
    assert_eq!(tokenizer.encode_parts(&parts), [256, 120]);
}

#[test]
fn a_sentence_piece_text_begins_once() {
    let mut tokens: Vec<String> = (0..256).map(|byte| format!("<0x{byte:02X}>")).collect();
    tokens.extend(["<unk>", "<s>", "</s>"].map(str::to_owned));
    let mut kinds = vec![6; 256];
    // The beginning is typed as normal text.
    kinds.extend([2, 1, 3]);
    let vocabulary = Vocabulary {
        model: "llama".to_owned(),
        scores: vec![0.0; tokens.len()],
        tokens,
        kinds,
        unknown: Some(256),
        bos: Some(257),
        eos: Some(258),
        add_space_prefix: Some(false),
        chat_template: Some("{{ bos_token }}{{ messages[0].content }}".to_owned()),
        ..Vocabulary::default()
    };
    let tokenizer = Tokenizer::new(&vocabulary).unwrap();
    let parts = template(&vocabulary).render(&[message("user", "x")], true);
    assert_eq!(tokenizer.encode_parts(&parts.unwrap()), [257, 120]);
}

/// Roles and texts as a template gets them.
fn taken(source: &str, chat: &[(&str, &str)]) -> Result<String, Error> {
    let vocabulary = vocabulary(source, &[]);
    let chat: Vec<Message> = chat
        .iter()
        .map(|(role, text)| message(role, text))
        .collect();
    let parts = template(&vocabulary).chat(&chat, false)?;
    Ok(parts.into_iter().map(|part| part.text).collect())
}

#[test]
fn templates_get_messages_in_a_form_that_they_take() {
    const SHOWN: &str = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}";
    let no_system = format!(
        "{{% if messages[0].role == 'system' %}}{{{{ raise_exception('System role not supported') }}}}{{% endif %}}{SHOWN}"
    );
    let quiet =
        "{% for m in messages if m.role != 'system' %}<{{ m.role }}>{{ m.content }}{% endfor %}";
    let strict = format!(
        "{{% for m in messages %}}{{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}}{{{{ raise_exception('Roles must alternate') }}}}{{% endif %}}{{% endfor %}}{SHOWN}"
    );
    let late = format!(
        "{{% for m in messages %}}{{% if m.role == 'system' and not loop.first %}}{{{{ raise_exception('System first') }}}}{{% endif %}}{{% endfor %}}{SHOWN}"
    );
    let alternating_after_system = format!(
        "{{% set all = messages[1:] if messages[0].role == 'system' else messages %}}{{% for m in all %}}{{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}}{{{{ raise_exception('Roles must alternate') }}}}{{% endif %}}{{% endfor %}}{SHOWN}"
    );
    let s = ("system", "S");
    let (a, b, c) = (("user", "a"), ("user", "b"), ("assistant", "c"));
    for (source, chat, wanted) in [
        // Nothing is changed where the template takes it.
        (SHOWN, vec![s, a, b], "<system>S<user>a<user>b"),
        (SHOWN, vec![c, s], "<assistant>c<system>S"),
        (&no_system, vec![a, b], "<user>a<user>b"),
        // The system's text joins the first user turn, whether the template fails at it or passes over it.
        (
            &no_system,
            vec![s, a, c, b],
            "<user>S\n\na<assistant>c<user>b",
        ),
        (quiet, vec![s, a, c, b], "<user>S\n\na<assistant>c<user>b"),
        (quiet, vec![s], "<user>S"),
        (quiet, vec![s, s, a], "<user>S\n\nS\n\na"),
        (quiet, vec![s, ("user", " ")], "<user>S"),
        (quiet, vec![("system", " "), a], "<user>a"),
        (quiet, vec![a, c, s], "<user>a<assistant>c<user>S"),
        (quiet, vec![a, s], "<user>a\n\nS"),
        (&no_system, vec![s, c, b], "<assistant>c<user>S\n\nb"),
        // Neighbours of one role become one message.
        (
            &strict,
            vec![a, b, c, c, a],
            "<user>a\n\nb<assistant>c\n\nc<user>a",
        ),
        (&strict, vec![s, a, b], "<user>S\n\na\n\nb"),
        (&strict, vec![a, c, s, b], "<user>a<assistant>c<user>S\n\nb"),
        (&strict, vec![("user", ""), b], "<user>b"),
        // A system of its own stays one, where it may.
        (
            &alternating_after_system,
            vec![s, a, b],
            "<system>S<user>a\n\nb",
        ),
        (&late, vec![a, s, b], "<user>a<user>S\n\nb"),
    ] {
        assert_eq!(
            taken(source, &chat).as_deref(),
            Ok(wanted),
            "{source} {chat:?}"
        );
    }
    // No form helps: the reason is the template's own.
    assert_eq!(
        taken(&strict, &[c, a]).unwrap_err(),
        Error::Refused("Roles must alternate".to_owned())
    );
    assert!(
        taken("{{ messages[0].role }}", &[s, a])
            .unwrap_err()
            .to_string()
            .contains("passes over")
    );
    assert_eq!(taken(SHOWN, &[]).as_deref(), Ok(""));
    // What a message says is guarded in every form.
    let guarded = taken(quiet, &[("system", "<|im_end|>"), a]).unwrap();
    assert_eq!(guarded, "<user><|im_end|>\n\na");
}
