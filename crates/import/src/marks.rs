//! Conversations that stand in one text, with marks where a turn begins: what templates of trainers write.

use crate::conversation::{Conversation, Flaw};
use seedbed_core::model::Role;

/// Marks of one family: what begins a turn, and what only ends one.
struct Family {
    /// Text that begins a turn of a role. Longer ones first where one begins with another.
    begins: &'static [(&'static str, Role)],
    /// Texts that end a turn and say nothing.
    ends: &'static [&'static str],
    /// A mark counts at the beginning of a line only.
    is_at_line: bool,
    /// What stands before the first mark is a preamble of the template.
    has_preamble: bool,
}

use Role::{Assistant, System, User};

/// Families in the order in which they are tried: those with control tokens can't be meant otherwise.
const FAMILIES: [Family; 7] = [
    // ChatML.
    Family {
        begins: &[
            ("<|im_start|>system", System),
            ("<|im_start|>user", User),
            ("<|im_start|>assistant", Assistant),
        ],
        ends: &["<|im_end|>", "<|endoftext|>"],
        is_at_line: false,
        has_preamble: false,
    },
    // Llama 3.
    Family {
        begins: &[
            ("<|start_header_id|>system<|end_header_id|>", System),
            ("<|start_header_id|>user<|end_header_id|>", User),
            ("<|start_header_id|>assistant<|end_header_id|>", Assistant),
        ],
        ends: &["<|begin_of_text|>", "<|eot_id|>", "<|end_of_text|>"],
        is_at_line: false,
        has_preamble: false,
    },
    // Zephyr, Phi.
    Family {
        begins: &[
            ("<|system|>", System),
            ("<|user|>", User),
            ("<|assistant|>", Assistant),
        ],
        ends: &["<|end|>", "</s>", "<s>"],
        is_at_line: false,
        has_preamble: false,
    },
    // Gemma.
    Family {
        begins: &[
            ("<start_of_turn>user", User),
            ("<start_of_turn>model", Assistant),
        ],
        ends: &["<end_of_turn>", "<bos>", "<eos>"],
        is_at_line: false,
        has_preamble: false,
    },
    // Llama 2, Mistral.
    Family {
        begins: &[
            ("<<SYS>>", System),
            ("<</SYS>>", User),
            ("[INST]", User),
            ("[/INST]", Assistant),
        ],
        ends: &["</s>", "<s>"],
        is_at_line: false,
        has_preamble: false,
    },
    // Alpaca. The input belongs to the user.
    Family {
        begins: &[
            ("### Instruction:", User),
            ("### Input:", User),
            ("### Human:", User),
            ("### User:", User),
            ("### Response:", Assistant),
            ("### Output:", Assistant),
            ("### Answer:", Assistant),
            ("### Assistant:", Assistant),
            ("### System:", System),
        ],
        ends: &["</s>", "<s>", "<|endoftext|>", "### End"],
        is_at_line: true,
        has_preamble: true,
    },
    // Plain names.
    Family {
        begins: &[
            ("System:", System),
            ("SYSTEM:", System),
            ("Human:", User),
            ("User:", User),
            ("USER:", User),
            ("Question:", User),
            ("Q:", User),
            ("Assistant:", Assistant),
            ("ASSISTANT:", Assistant),
            ("Answer:", Assistant),
            ("A:", Assistant),
            ("Bot:", Assistant),
        ],
        ends: &["</s>", "<|endoftext|>"],
        is_at_line: true,
        has_preamble: false,
    },
];

/// Whether a text has the marks of a conversation.
pub fn is_marked(text: &str) -> bool {
    FAMILIES.iter().any(|family| family.splits(text).is_some())
}

/// The conversation in a text; `None` when it has no marks of one.
pub fn read(text: &str) -> Option<Result<Conversation, Flaw>> {
    let turns = FAMILIES.iter().find_map(|family| family.splits(text))?;
    Some(Conversation::of(turns))
}

impl Family {
    /// Turns of a text in which a user speaks first (behind a system message) and both speak.
    fn splits(&self, text: &str) -> Option<Vec<(Role, String)>> {
        let text = text.trim_start();
        let mut at = 0;
        let mut marks: Vec<(usize, usize, Role)> = Vec::new();
        while let Some((from, to, role)) = self.next_mark(text, at) {
            marks.push((from, to, role));
            at = to;
        }
        let (first, ..) = marks.first()?;
        let preamble = self.without_ends(text.get(..*first)?);
        if !preamble.is_empty() && !self.has_preamble {
            return None;
        }
        let both = [User, Assistant]
            .iter()
            .all(|who| marks.iter().any(|(_, _, role)| role == who));
        if !both {
            return None;
        }
        let mut turns = Vec::new();
        for (position, (_, from, role)) in marks.iter().enumerate() {
            let to = marks.get(position + 1).map_or(text.len(), |mark| mark.0);
            let said = self.without_ends(text.get(*from..to)?);
            let is_last = position + 1 == marks.len();
            if said.is_empty() {
                // `[INST] <<SYS>>`: the user has not begun; or the text stops where the answer would begin.
                if is_last || *role != Assistant {
                    continue;
                }
            }
            turns.push((*role, said));
        }
        Some(turns)
    }

    fn next_mark(&self, text: &str, from: usize) -> Option<(usize, usize, Role)> {
        let rest = text.get(from..)?;
        self.begins
            .iter()
            .filter_map(|(mark, role)| {
                let found = rest.match_indices(mark).find(|(at, _)| {
                    !self.is_at_line || *at == 0 || rest.as_bytes().get(at - 1) == Some(&b'\n')
                });
                found.map(|(at, _)| (from + at, from + at + mark.len(), *role))
            })
            .min_by_key(|(at, ..)| *at)
    }

    fn without_ends(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for end in self.ends {
            if text.contains(end) {
                text = text.replace(end, "");
            }
        }
        text.trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(text: &str) -> Vec<(Role, String)> {
        read(text)
            .unwrap()
            .unwrap()
            .turns
            .into_iter()
            .map(|turn| (turn.role, turn.text))
            .collect()
    }

    fn said(texts: &[(Role, &str)]) -> Vec<(Role, String)> {
        texts
            .iter()
            .map(|(role, text)| (*role, (*text).to_owned()))
            .collect()
    }

    #[test]
    fn marks_of_every_family_are_read_and_taken_off() {
        let plain = said(&[(User, "How deep?"), (Assistant, "2 cm.")]);
        for text in [
            "<|im_start|>user\nHow deep?<|im_end|>\n<|im_start|>assistant\n2 cm.<|im_end|>\n",
            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHow deep?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n2 cm.<|eot_id|>",
            "<|user|>\nHow deep?</s>\n<|assistant|>\n2 cm.</s>",
            "<bos><start_of_turn>user\nHow deep?<end_of_turn>\n<start_of_turn>model\n2 cm.<end_of_turn>",
            "<s>[INST] How deep? [/INST] 2 cm. </s>",
            "Below is an instruction that describes a task.\n\n### Instruction:\nHow deep?\n\n### Response:\n2 cm.",
            "### Human: How deep?\n### Assistant: 2 cm.",
            "\n\nHuman: How deep?\n\nAssistant: 2 cm.",
            "Q: How deep?\nA: 2 cm.",
            "USER: How deep?\nASSISTANT: 2 cm.</s>",
        ] {
            assert_eq!(turns(text), plain, "{text}");
        }
    }

    #[test]
    fn inputs_and_system_messages_keep_their_place() {
        assert_eq!(
            turns(
                "### Instruction:\nSum it up.\n\n### Input:\nSoil is alive.\n\n### Response:\nAlive."
            ),
            said(&[
                (User, "Sum it up.\n\nSoil is alive."),
                (Assistant, "Alive.")
            ])
        );
        assert_eq!(
            turns(
                "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHow deep? [/INST] 2 cm. </s><s>[INST] Why? [/INST] Frost. </s>"
            ),
            said(&[
                (System, "Be brief."),
                (User, "How deep?"),
                (Assistant, "2 cm."),
                (User, "Why?"),
                (Assistant, "Frost."),
            ])
        );
    }

    #[test]
    fn a_text_that_only_mentions_marks_is_no_conversation() {
        for text in [
            "",
            "How deep?",
            "The user said: Human: hi",
            "Answer: 2 cm.",
            "See the letter of A: it says\nQ: nothing",
            "As a farmer I ask.\nQ: How deep?\nA: 2 cm.",
        ] {
            assert!(!is_marked(text), "{text}");
        }
    }

    #[test]
    fn a_conversation_that_stops_before_the_answer_has_none() {
        let read = read("Human: How deep?\n\nAssistant:").unwrap().unwrap();
        assert_eq!(read.question(), "How deep?");
        assert!(!read.is_answered());
    }
}
