//! What other programs do to a repo: Python's `push_to_hub`, hands, older and newer builds, and people who mean harm.
//!
//! Files of format 1 are written here from their description, by nobody's code but this.

use crate::check::By;
use crate::model::{Kind, Said, Words};
use crate::world::{REPO, TABLE, World, rows_of};
use seedbed_core::model::Message;
use seedbed_core::row::TableRow;
use seedbed_hub::Operation;
use seedbed_hub::transport::Method;
use seedbed_table::TableWriter;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Now, for lines that others write.
const NOW_MS: u64 = 1_750_000_000_000;

fn add(path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Operation {
    Operation::Add {
        path: path.into(),
        bytes: bytes.into(),
    }
}

fn record_line(id: &str, words: &Words) -> Value {
    json!({
        "id": id, "prompt_id": null, "run_id": "elsewhere",
        "cell": {"topic": "soil", "perspective": "farmer"},
        "instruction": words.instruction, "response": words.response,
        "provenance": {
            "seed_hash": "s", "model": "m", "provider": "h", "prompt_version": "answer/1",
            "sample_index": 0, "finish_reason": "stop",
        },
        "created_ms": NOW_MS,
    })
}

fn decision_line(id: &str, reviewer: &str, record: &str, ms: u64) -> Value {
    json!({
        "id": id, "reviewer": reviewer, "record_id": record, "clock": {"ms": ms, "n": 0},
        "act": "respond", "response": {"status": "submitted", "quality": "good"},
    })
}

/// The lines of a part that read as JSON.
pub(crate) fn lines_in(bytes: &[u8]) -> Vec<Value> {
    String::from_utf8_lossy(bytes)
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// The texts of a record's line of either format.
fn words_in(record: &Value) -> Words {
    let text = |name: &str| {
        let text = record["fields"][name].as_str();
        let text = text.or_else(|| record[name].as_str());
        text.unwrap_or_default().to_owned()
    };
    Words {
        instruction: text("instruction"),
        response: text("response"),
    }
}

/// Whether a record's line has the id that follows from its key and texts, which is about no other text whoever claims it.
/// No line of format 1 has.
fn has_own_id(record: &Value) -> bool {
    let of = json!([2, record["key"], record["fields"]]);
    record["fields"].is_object() && record["id"] == seedbed_core::id::content_id(&of)
}

fn table_row(id: &str, words: &Words) -> TableRow {
    TableRow {
        id: id.to_owned(),
        instruction: words.instruction.clone(),
        response: words.response.clone(),
        topic: "soil".to_owned(),
        perspective: "farmer".to_owned(),
        model: "m".to_owned(),
        quality: "good".to_owned(),
        rating_count: 1,
        edited: false,
        seed_hash: "s".to_owned(),
        prompt_version: "answer/1".to_owned(),
        messages: vec![
            Message::user(words.instruction.clone()),
            Message::assistant(words.response.clone()),
        ],
    }
}

fn parquet(rows: &[TableRow]) -> Vec<u8> {
    let mut writer = TableWriter::new();
    writer.push(rows).expect("rows");
    writer.finish().expect("a table")
}

fn lines(values: &[Value]) -> String {
    values.iter().map(|value| format!("{value}\n")).collect()
}

/// The list of a table's rows, as format 1 has it.
fn row_list(rows: &[TableRow]) -> String {
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            let hash = row.content_hash();
            json!({"id": row.id, "hash": &hash[..16]})
        })
        .collect();
    lines(&rows)
}

impl World {
    fn new_words(&mut self, who: &str) -> (String, Words) {
        let n = self.number();
        let words = Words {
            instruction: format!("What does {who} ask {n}?"),
            response: format!("What {who} wrote, {n}."),
        };
        (format!("{who}-{n:04}"), words)
    }

    fn accept_outside(&mut self, name: &str, words: &Words) {
        let who = self.model.outsider(name);
        let said = Said {
            kind: Kind::Good,
            words: words.clone(),
        };
        if !self.model.has_said(who, &said) {
            self.model.press("", who, None, words, words.clone(), said);
        }
    }

    /// Decisions of format 1 name no text: one is about the text that stands alone under its id at some head, whoever put
    /// it there, for who comes then can't tell more. If the id follows from a text, it is about that one, whatever others
    /// claim it, and from when on. `parts` are those of a head.
    pub(crate) fn hear_format_1<'a>(
        &mut self,
        parts: impl Iterator<Item = (&'a String, &'a String)>,
    ) {
        let mut texts: BTreeMap<&str, BTreeSet<Words>> = BTreeMap::new();
        let mut said = Vec::new();
        let read = std::mem::take(&mut self.parts_read);
        for (path, oid) in parts {
            for line in read.get(oid).into_iter().flatten() {
                if path.starts_with(".seedbed/records/") {
                    let Some(id) = line["id"].as_str() else {
                        continue;
                    };
                    if has_own_id(line) {
                        self.rightful.insert(id.to_owned(), words_in(line));
                    }
                    texts.entry(id).or_default().insert(words_in(line));
                } else if line["act"] == "respond" && line["text"].is_null() {
                    let who = line["reviewer"].as_str().or(line["writer"].as_str());
                    let id = line["record_id"].as_str();
                    said.extend(who.zip(id.or(line["on"]["record"].as_str())));
                }
            }
        }
        for (who, id) in said {
            let alone = texts.get(id).filter(|texts| texts.len() == 1);
            let words = self.rightful.get(id).or(alone.and_then(BTreeSet::first));
            if let Some(words) = words.cloned() {
                self.accept_outside(who, &words);
            }
        }
        self.parts_read = read;
    }

    fn published_rows(&self) -> Vec<TableRow> {
        self.file(REPO, TABLE)
            .and_then(|bytes| seedbed_table::read(&bytes).ok())
            .unwrap_or_default()
    }

    /// A build of format 1: her own record and decision, and a table of what she knows of.
    pub(crate) fn format_1_publishes(&mut self, knows_all: bool) {
        let (id, words) = self.new_words("olga");
        self.accept_outside("olga", &words);
        let mut rows = self.published_rows();
        if !knows_all {
            rows.retain(|row| row.id.starts_with("olga-"));
        }
        rows.push(table_row(&id, &words));
        self.say(format!("format 1: olga publishes {} rows", rows.len()));
        let decision = decision_line(&format!("d-{id}"), "olga", &id, NOW_MS);
        let operations = vec![
            add(
                format!(".seedbed/records/elsewhere-{id}.jsonl"),
                lines(&[record_line(&id, &words)]),
            ),
            add(
                format!(".seedbed/decisions/olga/1-{id}.jsonl"),
                lines(&[decision]),
            ),
            add(".seedbed/table.jsonl", row_list(&rows)),
            add(
                ".seedbed/project.json",
                "{\n  \"format\": 1,\n  \"seed_hash\": \"s\"\n}\n",
            ),
            add(TABLE, parquet(&rows)),
        ];
        self.commit("olga", REPO, operations);
    }

    /// A newer build: lines of format 2 with keys, acts and values that nobody here knows yet.
    pub(crate) fn newer_build_publishes(&mut self) {
        let (id, words) = self.new_words("nia");
        let fields = json!({"instruction": words.instruction, "response": words.response});
        // What a decision names: the hash of the fields as they are written.
        let text = seedbed_core::id::content_id(&fields);
        let mut record = json!({
            "id": id, "fields": fields, "created_ms": NOW_MS, "heard_from": {"village": 7},
            "provenance": {"seed_hash": "s", "model": "m", "provider": "h", "prompt_version": "answer/1"},
        });
        let mut decision = json!({
            "id": format!("d-{id}"), "writer": "nia", "on": {"record": id}, "text": text,
            "clock": {"ms": NOW_MS, "n": 0}, "batch": "b1", "act": "respond", "status": "submitted",
            "answers": {"quality": "good"}, "mood": "sure",
        });
        let mut more = Vec::new();
        let what = match self.dice.below(4) {
            0 => "unknown keys",
            1 => {
                record["provenance"]["finish_reason"] = json!("tool_calls");
                "an unknown value in a record"
            }
            2 => {
                decision["status"] = json!("deferred");
                "an unknown value in a decision"
            }
            _ => {
                let act = json!({
                    "id": format!("e-{id}"), "writer": "nia", "on": {"record": id}, "text": text,
                    "clock": {"ms": NOW_MS, "n": 1}, "act": "praise", "stars": 5,
                });
                more.push(act);
                "an unknown act"
            }
        };
        self.say(format!("a newer build: nia publishes {id} with {what}"));
        self.accept_outside("nia", &words);
        let mut rows = self.published_rows();
        rows.push(table_row(&id, &words));
        let mut decisions = vec![decision];
        decisions.append(&mut more);
        let table = parquet(&rows);
        let project = self.file(REPO, ".seedbed/project.json");
        let project = project.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let mut project: Value = project.unwrap_or_else(|| json!({"format": 2, "needs": []}));
        let records = format!(".seedbed/records/nia/1-{id}.jsonl");
        let acts = format!(".seedbed/decisions/nia/1-{id}.jsonl");
        let mut parts = self.parts(".seedbed/records/");
        parts.extend(self.parts(".seedbed/decisions/"));
        parts.extend([records.clone(), acts.clone()]);
        project["format"] = json!(2);
        project["weather"] = json!("fair");
        project["table"] = json!({
            "oid": seedbed_core::id::sha256_hex(&table), "rows": rows.len(), "parts": parts,
        });
        let operations = vec![
            add(records, lines(&[record])),
            add(acts, lines(&decisions)),
            add(".seedbed/table.jsonl", row_list(&rows)),
            add(".seedbed/project.json", project.to_string()),
            add(TABLE, table),
        ];
        self.commit("root", REPO, operations);
    }

    /// The project says that it needs what nobody here can do.
    pub(crate) fn newer_build_needs(&mut self) {
        self.say("a newer build: the project needs \"moon-phases\"");
        let text = "{\n  \"format\": 3,\n  \"needs\": [\"moon-phases\"],\n  \"settings\": {}\n}\n";
        self.commit("root", REPO, vec![add(".seedbed/project.json", text)]);
    }

    /// Python overwrites the table and the card.
    pub(crate) fn push_to_hub(&mut self, repo: &str) {
        let n = self.number();
        let rows: Vec<TableRow> = (0..4)
            .map(|row| {
                table_row(
                    &format!("python-{n}-{row}"),
                    &Words {
                        instruction: format!("Python's question {n}.{row}"),
                        response: format!("Python's answer {n}.{row}"),
                    },
                )
            })
            .collect();
        let bytes = parquet(&rows);
        let words = rows_of(&bytes).into_iter().map(|row| row.words);
        self.model.foreign.extend(words);
        self.say(format!("push_to_hub: 4 rows into {repo}"));
        let card = "---\ndataset_info:\n  features:\n  - name: instruction\n    dtype: string\n  splits:\n  - name: train\n    num_examples: 4\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: data/train-*\n---\n";
        self.commit(
            "root",
            repo,
            vec![add(TABLE, bytes), add("README.md", card)],
        );
    }

    /// A person writes into the card.
    pub(crate) fn edit_card(&mut self) {
        let n = self.number();
        let Some(card) = self.repos.get(REPO).map(|repo| repo.card.clone()) else {
            return;
        };
        self.say(format!("a hand edits the card: hand_*_{n}"));
        let config = format!("- config_name: hand_conf_{n}\n  data_files: hand_data_{n}.jsonl\n");
        let body = card.strip_prefix("---\n").unwrap_or("---\n");
        let mut card = match body.split_once("configs:\n") {
            Some((before, after)) => {
                format!("---\nhand_key_{n}: kept\n{before}configs:\n{config}{after}")
            }
            None => format!("---\nhand_key_{n}: kept\nconfigs:\n{config}{body}"),
        };
        card.push_str(&format!("\nA hand_note_{n} about the fields.\n"));
        let rows = format!("{{\"text\": \"hand {n}\"}}\n");
        self.commit(
            "root",
            REPO,
            vec![
                add("README.md", card),
                add(format!("hand_data_{n}.jsonl"), rows),
            ],
        );
    }

    /// A line of a part on the Hub, if there is one that reads as JSON.
    fn some_line(&mut self, folder: &str) -> Option<Value> {
        let paths = self.parts(folder);
        let path = self.dice.pick(&paths)?.clone();
        let text = String::from_utf8(self.file(REPO, &path)?).ok()?;
        let lines: Vec<Value> = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        self.dice.pick(&lines).cloned()
    }

    fn parts(&self, folder: &str) -> Vec<String> {
        self.repos.get(REPO).map_or_else(Vec::new, |repo| {
            repo.files
                .keys()
                .filter(|path| path.starts_with(folder))
                .cloned()
                .collect()
        })
    }

    /// Somebody means harm, or a disk does.
    pub(crate) fn hostile_part(&mut self) {
        let n = self.number();
        let records = ".seedbed/records/";
        let decisions = ".seedbed/decisions/mallory/";
        let (what, operation) = match self.dice.below(6) {
            0 => {
                let mut line = decision_line(&format!("m-{n}"), "mallory", "none", u64::MAX);
                line["clock"]["n"] = json!(u32::MAX);
                (
                    "a clock at its end",
                    add(format!("{decisions}{n}.jsonl"), lines(&[line])),
                )
            }
            1 => {
                let (Some(decision), Some(record)) = (
                    self.some_line(".seedbed/decisions/"),
                    self.some_line(records),
                ) else {
                    return;
                };
                let (Some(id), Some(record_id)) = (decision["id"].as_str(), record["id"].as_str())
                else {
                    return;
                };
                let line = decision_line(id, "mallory", record_id, 5);
                (
                    "the id of another's decision",
                    add(format!("{decisions}{n}.jsonl"), lines(&[line])),
                )
            }
            2 => {
                let Some(mut line) = self.some_line(records) else {
                    return;
                };
                let text = json!(format!("Another text under that id, {n}."));
                if line["fields"].is_object() {
                    line["fields"]["response"] = text;
                } else {
                    line["response"] = text;
                }
                (
                    "another text under a known id",
                    add(format!("{records}mallory-{n}.jsonl"), lines(&[line])),
                )
            }
            3 => {
                let bytes = b"{\"id\": \"\xff\xfe\"}\n".to_vec();
                (
                    "a part that is no text",
                    add(format!("{records}broken-{n}.jsonl"), bytes),
                )
            }
            4 => {
                let line = decision_line(&format!("m-{n}"), "mallory", "none", 5);
                (
                    "a decision in another's folder",
                    add(
                        format!(".seedbed/decisions/ann/m-{n}.jsonl"),
                        lines(&[line]),
                    ),
                )
            }
            _ => {
                let (id, words) = self.new_words("mallory");
                let mut line = record_line(&id, &words);
                line["provenance"]["usage"] =
                    json!({"prompt_tokens": u64::MAX, "completion_tokens": 5});
                (
                    "a number that no page can hold",
                    add(format!("{records}mallory-{n}.jsonl"), lines(&[line])),
                )
            }
        };
        self.say(format!("a hostile part: {what}"));
        self.commit("root", REPO, vec![operation]);
    }

    /// A new topic, and a key of another tool whose value is large or deep.
    pub(crate) fn strange_seed(&mut self) {
        let seed = self.file(REPO, "seed_data.json");
        let Some(Value::Object(mut seed)) =
            seed.and_then(|bytes| serde_json::from_slice(&bytes).ok())
        else {
            return;
        };
        let topic = format!("topic {} of a stranger.", self.number());
        if let Some(topics) = seed.get_mut("topics").and_then(Value::as_array_mut) {
            topics.push(json!(topic));
        }
        let what = if self.dice.chance(1, 2) {
            seed.insert("source_id".to_owned(), json!(1_234_567_890_123_456_789_u64));
            "with a number of 19 digits"
        } else {
            let mut deep = json!("bottom");
            for _ in 0..126 {
                deep = json!([deep]);
            }
            seed.insert("nested".to_owned(), deep);
            "126 deep"
        };
        self.say(format!("a strange seed: a key {what}"));
        let text = Value::Object(seed).to_string();
        self.commit("root", REPO, vec![add("seed_data.json", text)]);
    }

    /// A commit that is no business of the product's: everybody has something new to read.
    pub(crate) fn leave_note(&mut self) {
        let n = self.number();
        self.commit("root", REPO, vec![add("notes.txt", format!("note {n}\n"))]);
    }

    /// Parts vanish.
    pub(crate) fn delete_parts(&mut self) {
        let folder = if self.dice.chance(2, 3) {
            ".seedbed/records/"
        } else {
            ".seedbed/decisions/"
        };
        let paths = self.parts(folder);
        let Some(path) = self.dice.pick(&paths).cloned() else {
            return;
        };
        let Some(bytes) = self.file(REPO, &path) else {
            return;
        };
        self.say(format!("{path} is deleted"));
        self.removed.push((path.clone(), bytes));
        self.commit("root", REPO, vec![Operation::Delete { path }]);
    }

    /// They come back.
    pub(crate) fn restore_parts(&mut self) {
        let removed = std::mem::take(&mut self.removed);
        if removed.is_empty() {
            return;
        }
        self.say("what was deleted is put back");
        let operations = removed
            .into_iter()
            .map(|(path, bytes)| add(path, bytes))
            .collect();
        self.commit("root", REPO, operations);
    }

    /// The repo is deleted and made again, empty.
    pub(crate) fn make_repo_again(&mut self) {
        self.say("the repo is deleted and made again");
        let (organization, name) = REPO.split_once('/').unwrap_or_default();
        let body = json!({"name": name, "organization": organization, "type": "dataset"});
        self.http(Method::Delete, "/api/repos/delete", &body);
        self.post("/api/repos/create", &body);
        self.removed.clear();
        // Its own first commit: within one second the Hub would give both first commits one id.
        let n = self.number();
        self.commit(
            "root",
            REPO,
            vec![add("notes.txt", format!("made again {n}\n"))],
        );
    }

    /// A dataset that Python made stands under a name.
    pub(crate) fn foreign_repo(&mut self) -> String {
        let n = self.number();
        let name = format!("old-{n}");
        let body = json!({"name": name, "organization": "garden", "type": "dataset"});
        self.post("/api/repos/create", &body);
        let repo = format!("garden/{name}");
        self.repos
            .insert(repo.clone(), crate::world::RepoSeen::default());
        self.push_to_hub(&repo);
        repo
    }

    /// Whoever may merges what is open.
    pub(crate) fn merge_pull_requests(&mut self) {
        let client = self.client("root");
        let open = futures::executor::block_on(client.pull_requests(REPO)).unwrap_or_default();
        for pr in open.into_iter().filter(|pr| pr.is_open) {
            let merged =
                futures::executor::block_on(client.merge_pull_request(REPO, pr.number, ""));
            self.say(format!(
                "pull request {} is merged: {}",
                pr.number,
                merged.is_ok()
            ));
            self.look(By::Other);
        }
    }
}
