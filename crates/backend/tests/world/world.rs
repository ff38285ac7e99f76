//! The world: browsers, people, one Hub, and the order in which everything happens.

use crate::browser::{Browser, Job, Sent};
use crate::check::{self, By, Row, Violation, rule, violation};
use crate::dice::Dice;
use crate::life;
use crate::model::{Fate, Model, Said, Words};
use crate::net::{Direct, Net, Plain};
use crate::others::lines_in;
use crate::page::{Answer, Heard, MODEL, Refusal, Seen, Wish};
use futures::executor::block_on;
use seedbed_hub::transport::{HttpRequest, Method, TransportError};
use seedbed_hub::{CommitRequest, HubClient, Operation, Token};
use seedbed_hub_local::{Config, Running};
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use tempfile::TempDir;

/// The repo that everybody works on.
pub(crate) const REPO: &str = "garden/farm";
/// Where the published table is.
pub(crate) const TABLE: &str = "data/train-00000-of-00001.parquet";
/// How often the world lets something go on before it says that something never ends.
const MOST_TURNS: usize = 5000;

/// An account of the Hub.
pub(crate) struct Account {
    pub(crate) name: &'static str,
    pub(crate) token: String,
    /// Whose it is, in the model.
    pub(crate) person: usize,
}

/// A repo as everybody can see it.
#[derive(Clone, Debug, Default)]
pub(crate) struct RepoSeen {
    pub(crate) head: String,
    /// Object id by path.
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) table: Vec<Row>,
    pub(crate) card: String,
}

/// What a seed may leave out and how it is played.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// Acts and invariants by name that are left out.
    pub(crate) without: Vec<String>,
    /// Only these acts, if any are named.
    pub(crate) only: Vec<String>,
}

impl Rules {
    /// Whether `name`, one of `all` of its kind, is played.
    pub(crate) fn has(&self, name: &str, all: &[&str]) -> bool {
        let is_among = |list: &[String], name: &str| list.iter().any(|known| known == name);
        let are_some_kept = all.iter().any(|name| is_among(&self.only, name));
        !is_among(&self.without, name) && (!are_some_kept || is_among(&self.only, name))
    }
}

/// Everything.
pub(crate) struct World {
    pub(crate) dice: Dice,
    pub(crate) rules: Rules,
    pub(crate) log: Vec<String>,
    pub(crate) browsers: Vec<Browser>,
    pub(crate) accounts: Vec<Account>,
    pub(crate) model: Model,
    pub(crate) found: Vec<Violation>,
    pub(crate) hub_url: String,
    pub(crate) repos: BTreeMap<String, RepoSeen>,
    /// For texts that are all different.
    pub(crate) counter: u32,
    /// The lines of parts of records and decisions by object id.
    pub(crate) parts_read: BTreeMap<String, Vec<Value>>,
    /// The texts that ids follow from, as they stood on the Hub first.
    pub(crate) rightful: BTreeMap<String, Words>,
    /// What was deleted from the repo, to be put back.
    pub(crate) removed: Vec<(String, Vec<u8>)>,
    pub(crate) time: Rc<Cell<u64>>,
    net: Rc<Net>,
    /// By browser, tab and request.
    answers: HashMap<(usize, u32, u32), Result<Answer, Refusal>>,
    runs_over: u32,
    _hub: Running,
    _dir: TempDir,
}

/// A folder in memory where there is one.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .expect("a folder")
}

impl World {
    pub(crate) fn new(seed: u64, rules: Rules) -> Self {
        life::watch_commits();
        let dir = folder();
        let hub = seedbed_hub_local::start(Config::new(dir.path().join("hub"))).expect("the Hub");
        let dice = Dice::new(seed);
        let mut model = Model::default();
        let time = Rc::new(Cell::new(0));
        let browsers: Vec<Browser> = (0..3)
            .map(|at| {
                let person = model.person();
                let folder = dir.path().join(format!("browser-{at}"));
                Browser::new(folder, dice.next(), Rc::clone(&time), person)
            })
            .collect();
        let accounts = ["ann", "ben"]
            .into_iter()
            .zip(&browsers)
            .map(|(name, browser)| {
                let person = browser.seat.person;
                model.identity(name, person);
                Account {
                    name,
                    token: format!("hf_{name}"),
                    person,
                }
            })
            .collect();
        let world = Self {
            dice,
            rules,
            log: Vec::new(),
            browsers,
            accounts,
            model,
            found: Vec::new(),
            hub_url: hub.hub_url.clone(),
            repos: BTreeMap::new(),
            counter: 0,
            parts_read: BTreeMap::new(),
            rightful: BTreeMap::new(),
            removed: Vec::new(),
            time,
            net: Net::new(),
            answers: HashMap::new(),
            runs_over: 0,
            _hub: hub,
            _dir: dir,
        };
        for name in ["ann", "ben", "olga", "root"] {
            let user = json!({"name": name, "token": format!("hf_{name}"), "role": "write", "orgs": ["garden"]});
            world.post("/__local/users", &user);
        }
        world
    }

    pub(crate) fn say(&mut self, text: impl Into<String>) {
        self.log.push(text.into());
    }

    pub(crate) fn number(&mut self) -> u32 {
        self.counter += 1;
        self.counter
    }

    pub(crate) fn report(&mut self, found: impl IntoIterator<Item = Violation>) {
        for violation in found {
            let is_known = self.found.iter().any(|known| known.what == violation.what);
            if !is_known && self.rules.has(violation.rule, &rule::ALL) {
                self.found.push(violation);
            }
        }
    }

    // ---- the Hub, as others use it ----

    /// A request with root's rights.
    pub(crate) fn http(&self, method: Method, path: &str, body: &Value) -> u16 {
        let request = HttpRequest {
            method,
            url: format!("{}{path}", self.hub_url),
            headers: vec![
                ("Content-Type".to_owned(), "application/json".to_owned()),
                ("Authorization".to_owned(), "Bearer hf_root".to_owned()),
            ],
            body: body.to_string().into_bytes().into(),
        };
        self.net
            .call(request)
            .expect("the local Hub answers")
            .status
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> u16 {
        self.http(Method::Post, path, body)
    }

    pub(crate) fn client(&self, name: &str) -> HubClient {
        HubClient::new(
            Rc::new(Direct(Rc::clone(&self.net))),
            &self.hub_url,
            Token::new(&format!("hf_{name}")),
        )
    }

    /// A file of the head.
    pub(crate) fn file(&self, repo: &str, path: &str) -> Option<Vec<u8>> {
        let seen = self.repos.get(repo)?;
        seen.files.get(path)?;
        block_on(self.client("root").read_file(repo, &seen.head, path)).ok()
    }

    /// Somebody else commits.
    pub(crate) fn commit(&mut self, name: &str, repo: &str, operations: Vec<Operation>) -> bool {
        let request = CommitRequest {
            summary: format!("By {name}, {}", self.number()),
            branch: "main".to_owned(),
            operations,
            ..CommitRequest::default()
        };
        let done = block_on(self.client(name).commit(repo, request, &|_| {}));
        self.look(By::Other);
        done.is_ok()
    }

    /// Looks at what the Hub has now, and whether that may be.
    pub(crate) fn look(&mut self, by: By) {
        let names: Vec<String> = self.repos.keys().cloned().collect();
        for name in names {
            self.look_at(&name, by);
        }
    }

    pub(crate) fn look_at(&mut self, repo: &str, by: By) {
        let client = self.client("root");
        let head = block_on(client.dataset_info(repo, "main")).ok();
        let Some(head) = head.and_then(|info| info.sha) else {
            return;
        };
        let before = self.repos.get(repo).cloned().unwrap_or_default();
        if before.head == head {
            return;
        }
        let tree = block_on(client.tree(repo, &head, "", true)).unwrap_or_default();
        let mut now = RepoSeen {
            head: head.clone(),
            files: tree
                .into_iter()
                .filter(|entry| entry.is_file)
                .map(|entry| (entry.path, entry.oid))
                .collect(),
            ..RepoSeen::default()
        };
        let is_same =
            |path: &str| before.head != *"" && before.files.get(path) == now.files.get(path);
        let read = |path: &str| {
            now.files
                .get(path)
                .and_then(|_| block_on(client.read_file(repo, &head, path)).ok())
        };
        let table = if is_same(TABLE) {
            before.table.clone()
        } else {
            read(TABLE).map(|bytes| rows_of(&bytes)).unwrap_or_default()
        };
        let text = |bytes: Option<Vec<u8>>| {
            bytes.map_or_else(String::new, |bytes| {
                String::from_utf8_lossy(&bytes).into_owned()
            })
        };
        let card = if is_same("README.md") {
            before.card.clone()
        } else {
            text(read("README.md"))
        };
        if !is_same("seed_data.json") {
            let seed = text(read("seed_data.json"));
            self.model.seeds.push_str(&seed);
        }
        now.table = table;
        now.card = card;
        if repo == REPO {
            let is_part = |path: &str| {
                [".seedbed/records/", ".seedbed/decisions/"]
                    .iter()
                    .any(|folder| path.starts_with(folder))
            };
            let parts: Vec<_> = now.files.iter().filter(|(path, _)| is_part(path)).collect();
            for (path, oid) in &parts {
                if !self.parts_read.contains_key(*oid) {
                    let bytes = read(path).unwrap_or_default();
                    self.parts_read.insert((*oid).clone(), lines_in(&bytes));
                }
            }
            self.hear_format_1(parts.into_iter());
        }
        let found = check::table(&self.model, repo, &before.table, &now.table, by);
        self.report(found);
        let found = check::card(repo, &before.card, &now.card, by);
        self.report(found);
        if by != By::Other || !before.head.is_empty() {
            let rows = now.table.len();
            self.say(format!("      {repo} is moved by {by:?}: {rows} rows"));
        }
        self.repos.insert(repo.to_owned(), now);
    }

    // ---- letting things go on ----

    /// Runs everything that can run without the network, a file or a timer.
    pub(crate) fn settle(&mut self) {
        for _ in 0..MOST_TURNS {
            let mut has_moved = false;
            for at in 0..self.browsers.len() {
                let mut tab = 0;
                while tab < self.browsers[at].tabs.len() {
                    let heard = self.browsers[at].tabs[tab].run();
                    let serial = self.browsers[at].tabs[tab].serial;
                    has_moved |= !heard.is_empty();
                    for heard in heard {
                        self.take(at, serial, heard);
                    }
                    tab += 1;
                }
                self.bury(at);
                has_moved |= self.browsers[at].hand_over();
            }
            if !has_moved {
                return;
            }
        }
        panic!("the world does not settle");
    }

    /// Takes the tabs away whose life is over.
    fn bury(&mut self, at: usize) {
        while let Some(dead) = self.browsers[at]
            .tabs
            .iter()
            .position(|tab| tab.life.is_over())
        {
            let mut tab = self.browsers[at].close_tab(dead);
            let what = if tab.is_only_worker {
                // What the page does then is its own affair; nothing of it is an answer.
                for heard in tab.page.worker_died() {
                    if let Heard::Void { .. } = heard {
                        self.take(at, tab.serial, heard);
                    }
                }
                "worker"
            } else {
                "tab"
            };
            self.say(format!("      ✝ the {what} of browser {at} is killed"));
        }
    }

    /// Lets one thing go on: a request, a file, else the next timer. False if nothing waits.
    pub(crate) fn advance(&mut self) -> bool {
        let mut ready = Vec::new();
        let mut next: Option<u64> = None;
        for (at, browser) in self.browsers.iter().enumerate() {
            for (tab, it) in browser.tabs.iter().enumerate() {
                it.wire.tidy();
                if !it.wire.jobs.borrow().is_empty() {
                    ready.push((at, tab));
                }
                next = match (next, it.wire.next_timer()) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                };
            }
        }
        if let Some((at, tab)) = self.dice.pick(&ready).copied() {
            let job = {
                let mut jobs = self.browsers[at].tabs[tab].wire.jobs.borrow_mut();
                let place = self.dice.below(jobs.len());
                jobs.remove(place)
            };
            match job {
                Some(Job::Turn(go)) => {
                    go.send(()).ok();
                }
                Some(Job::Http(request, answer)) => {
                    let sent = self.send(at, &request);
                    // The answer may come too late.
                    if self.browsers[at].tabs[tab].life.step() {
                        answer.send(sent).ok();
                    }
                }
                None => {}
            }
        } else if let Some(due) = next {
            self.time.set(self.time.get().max(due));
            for browser in &self.browsers {
                for tab in &browser.tabs {
                    tab.wire.ring();
                }
            }
        } else {
            return false;
        }
        self.settle();
        true
    }

    fn send(&mut self, at: usize, request: &HttpRequest) -> Sent {
        self.time.set(self.time.get() + 7);
        let mut is_answer_lost = false;
        match self.browsers[at].cut {
            Some((0, is_after)) => {
                self.browsers[at].cut = None;
                let path = request.url.trim_start_matches(&self.hub_url);
                let path = path.split('?').next().unwrap_or_default();
                // Without the names of commits and signatures: the Hub's own clock and secret make them.
                let path: Vec<&str> = path.split('/').filter(|part| part.len() < 30).collect();
                let path = path.join("/");
                if !is_after {
                    self.say(format!("      the line is cut before {path}"));
                    return Err(TransportError::Network("cut".to_owned()));
                }
                self.say(format!("      the line is cut after {path}"));
                is_answer_lost = true;
            }
            Some((left, is_after)) => self.browsers[at].cut = Some((left - 1, is_after)),
            None => {}
        }
        let answer = if request.url.starts_with(MODEL) {
            Ok(self.model_answer(request).response())
        } else {
            self.net.call(request.clone()).map(Plain::response)
        };
        if request.method == Method::Post && !request.url.starts_with(MODEL) {
            let is_commit = ["/commit/", "/repos/create", "/merge"]
                .iter()
                .any(|part| request.url.contains(part));
            if is_commit {
                self.look(By::Browser(at));
            }
        }
        if is_answer_lost {
            return Err(TransportError::Network("cut".to_owned()));
        }
        answer
    }

    /// The model of the world: each time it is asked it says something else.
    fn model_answer(&mut self, request: &HttpRequest) -> Plain {
        let number = self.number();
        let asked: Value = serde_json::from_slice(request.body.bytes()).unwrap_or_default();
        let question = asked["messages"]
            .as_array()
            .and_then(|list| list.last())
            .and_then(|message| message["content"].as_str())
            .unwrap_or_default()
            .chars()
            .take(30)
            .collect::<String>();
        let text = format!("The oracle's answer {number} to: {question}. It depends on the soil.");
        let event = |value: Value| format!("data: {value}\n\n");
        let body = event(
            json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]}),
        ) + &event(
            json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}),
        ) + &event(
            json!({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}}),
        ) + "data: [DONE]\n\n";
        Plain {
            status: 200,
            headers: vec![("content-type".to_owned(), "text/event-stream".to_owned())],
            body: body.into_bytes(),
        }
    }

    // ---- what pages hear ----

    fn take(&mut self, at: usize, serial: u32, heard: Heard) {
        let tab = self.browsers[at]
            .tabs
            .iter()
            .find(|tab| tab.serial == serial);
        let project = tab
            .and_then(|tab| tab.page.project.clone())
            .unwrap_or_default();
        let shown_to = tab.and_then(|tab| self.model.find(&tab.page.identity.id));
        match heard {
            Heard::Answer { id, wish, answer } => {
                if let Err(refusal) = &answer {
                    self.say(format!("      browser {at}: {}", refusal.text));
                }
                self.note(at, &wish, answer.is_ok());
                self.answers.insert((at, serial, id), answer);
            }
            Heard::Lost => {}
            Heard::Stored { act, about } => {
                let shown = about.as_ref().map(ToString::to_string).unwrap_or_default();
                self.say(format!("      browser {at}: stored, about {shown}"));
                self.model.settled(&act, Fate::Stored, about);
            }
            Heard::Void { act, text } => {
                self.say(format!("      browser {at}: an act is refused: {text}"));
                self.model.settled(&act, Fate::Void, None);
            }
            Heard::Shown { rows, is_certain } => {
                let who = shown_to.filter(|_| is_certain);
                let found = check::names(&self.model, at, who, &rows);
                self.report(found);
            }
            Heard::Known {
                id,
                name,
                is_present,
            } => {
                let person = self.browsers[at].seat.person;
                let who = self.model.identity(&id, person);
                self.model.named(who, &name);
                let guests = &mut self.browsers[at].guests;
                if id.starts_with('~') && !guests.contains(&id) {
                    guests.push(id);
                }
                if is_present {
                    self.browsers[at].seat.person = self.model.get(who).person;
                }
            }
            Heard::Topics(topics) => {
                let lost = self
                    .model
                    .lost_topic(at, &project, &topics)
                    .map(|topic| violation(rule::SEED, format!("browser {at}: the topic {topic:?} was saved, never stood on the Hub, and is gone from the seed of {project}")));
                self.report(lost);
            }
            Heard::TopicSaved(topic) => self.model.topic(at, &project, &topic),
            Heard::RunOver => self.runs_over += 1,
            Heard::Unpaintable(why) => {
                let found = violation(rule::PAINTABLE, format!("browser {at}: {why}"));
                self.report([found]);
            }
        }
    }

    /// The identity that decides at this browser, as its page has it.
    pub(crate) fn who(&self, at: usize) -> Option<usize> {
        self.model.find(&self.tab(at)?.page.identity.id)
    }

    /// What is so after this.
    fn note(&mut self, at: usize, wish: &Wish, is_done: bool) {
        if !is_done {
            return;
        }
        match wish {
            Wish::SignIn { token } => {
                let Some(account) = self.accounts.iter().find(|a| a.token == *token) else {
                    return;
                };
                let seat = &mut self.browsers[at].seat;
                seat.person = account.person;
                seat.account = Some(account.name.to_owned());
                seat.token = Some(token.clone());
            }
            Wish::SignOut => {
                self.browsers[at].seat.account = None;
                self.browsers[at].seat.token = None;
            }
            Wish::Claim {
                from,
                are_mine: true,
            } => {
                let into = self.browsers[at].seat.account.clone();
                let into = into.and_then(|name| self.model.find(&name));
                if let (Some(who), Some(into)) = (self.model.find(from), into) {
                    self.model.joins(who, into, false);
                }
            }
            _ => {}
        }
    }

    // ---- asking ----

    /// The tab that a person looks at.
    pub(crate) fn tab(&self, at: usize) -> Option<&crate::browser::Tab> {
        self.browsers[at].tabs.last()
    }

    /// Asks and goes on with something else.
    pub(crate) fn start(&mut self, at: usize, wish: Wish) -> Option<u32> {
        let tab = self.browsers[at].tabs.last_mut()?;
        let page = &mut tab.page;
        let id = life::within(&tab.life, || page.ask(wish));
        self.settle();
        Some(id)
    }

    /// Asks and waits; none = the tab is gone.
    pub(crate) fn ask(&mut self, at: usize, wish: Wish) -> Option<Result<Answer, Refusal>> {
        let serial = self.tab(at)?.serial;
        let shown = format!("{wish:?}");
        let id = self.start(at, wish)?;
        for _ in 0..MOST_TURNS {
            if let Some(answer) = self.answers.remove(&(at, serial, id)) {
                return Some(answer);
            }
            if !self.browsers[at]
                .tabs
                .iter()
                .any(|tab| tab.serial == serial)
            {
                return None;
            }
            assert!(self.advance(), "browser {at} never hears of {shown}");
        }
        panic!("browser {at} waits for ever for {shown}");
    }

    /// Goes on until this browser's pages wait for nothing.
    pub(crate) fn quiet(&mut self, at: usize) {
        self.settle();
        for _ in 0..MOST_TURNS {
            if self.browsers[at].tabs.iter().all(|tab| tab.page.is_idle()) {
                return;
            }
            if !self.advance() {
                return;
            }
        }
        panic!("browser {at} is never quiet");
    }

    /// Lets up to `most` things go on.
    pub(crate) fn drift(&mut self, most: usize) {
        for _ in 0..self.dice.below(most + 1) {
            if !self.advance() {
                return;
            }
        }
    }

    /// Waits for the end of a run.
    pub(crate) fn finish_run(&mut self, at: usize, before: u32) {
        for _ in 0..MOST_TURNS {
            if self.runs_over > before || self.browsers[at].tabs.is_empty() || !self.advance() {
                return;
            }
        }
    }

    pub(crate) fn runs_over(&self) -> u32 {
        self.runs_over
    }

    // ---- opening ----

    /// A browser without a tab gets one, with what was open before.
    pub(crate) fn revive(&mut self, at: usize) {
        for _ in 0..5 {
            if !self.browsers[at].tabs.is_empty() {
                return;
            }
            self.visit(at);
        }
    }

    /// A new tab: signed in as before, the project open, what waited told again.
    fn visit(&mut self, at: usize) {
        self.browsers[at].cut = None;
        let hub = self.hub_url.clone();
        self.browsers[at].open_tab(&hub);
        if self.ask(at, Wish::Hello).is_none() {
            return;
        }
        let token = self.browsers[at].seat.token.take();
        self.browsers[at].seat.account = None;
        if let Some(token) = token {
            self.ask(at, Wish::SignIn { token });
        }
        let Some(id) = self.browsers[at].project.clone() else {
            return;
        };
        let opened = self.ask(
            at,
            Wish::Open {
                id: id.clone(),
                take_over: true,
            },
        );
        if let Some(Err(refusal)) = opened {
            let found = violation(
                rule::OPENS,
                format!(
                    "browser {at}: the project {id} does not open: {}",
                    refusal.text
                ),
            );
            self.report([found]);
            return;
        }
        self.check_there(at);
    }

    /// I7: what this person decided here is there.
    pub(crate) fn check_there(&mut self, at: usize) {
        self.quiet(at);
        if let Some(tab) = self.browsers[at].tabs.last_mut() {
            life::within(&tab.life, || tab.page.try_again());
        }
        self.quiet(at);
        let Some(project) = self.tab(at).and_then(|tab| tab.page.project.clone()) else {
            return;
        };
        if self.tab(at).is_some_and(|tab| tab.page.is_lost) {
            return;
        }
        let Some(Ok(Answer::Rows(rows))) = self.ask(at, Wish::Rows) else {
            return;
        };
        self.quiet(at);
        let Some(who) = self.who(at) else {
            return;
        };
        for (record, wanted) in self.model.standing(who, at, &project) {
            let row: Option<&Seen> = rows.iter().find(|row| row.words == record);
            let now = row.and_then(|row| row.mine.as_ref());
            if now == wanted.as_ref() {
                continue;
            }
            let show = |said: Option<&Said>| {
                said.map_or_else(|| "nothing".to_owned(), ToString::to_string)
            };
            let found = violation(
                rule::THERE,
                format!(
                    "browser {at}: on record {record} she last decided {}; it shows {} of her{}",
                    show(wanted.as_ref()),
                    show(now),
                    if row.is_none() {
                        ", and the record itself is gone"
                    } else {
                        ""
                    }
                ),
            );
            self.report([found]);
        }
        let wanted: Vec<String> = self
            .model
            .instructions
            .iter()
            .filter(|(b, id, _)| *b == at && *id == project)
            .map(|(.., text)| text.clone())
            .collect();
        if wanted.is_empty() {
            return;
        }
        let Some(Ok(Answer::Instructions(list))) = self.ask(at, Wish::Instructions) else {
            return;
        };
        let lost = wanted
            .into_iter()
            .find(|text| !list.iter().any(|(_, known, _)| known == text))
            .map(|text| {
                violation(
                    rule::INSTRUCTION,
                    format!("browser {at}: the instruction {text:?} was saved and is gone"),
                )
            });
        self.report(lost);
    }
}

/// The rows of a table, as far as it can be read.
pub(crate) fn rows_of(bytes: &[u8]) -> Vec<Row> {
    seedbed_table::read(bytes)
        .unwrap_or_default()
        .into_iter()
        .map(|row| Row {
            id: row.id,
            words: Words {
                instruction: row.instruction,
                response: row.response,
            },
        })
        .collect()
}
