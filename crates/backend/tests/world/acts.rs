//! What people do, what time does, and in which order.

use crate::check;
use crate::life;
use crate::model::Kind;
use crate::page::{Answer, Edit, Plan, Seen, Wish};
use crate::world::{REPO, World};
use std::collections::BTreeSet;

/// An act: its name for `WORLD_ONLY` and `WORLD_WITHOUT`, how often it is chosen, and what is done at which browser.
type Act = (&'static str, usize, fn(&mut World, usize));

const ACTS: &[Act] = &[
    ("press", 30, press),
    ("undo", 6, undo),
    ("redo", 4, redo),
    ("sync", 4, sync),
    ("publish", 14, publish),
    ("pull-request", 3, pull_request),
    ("merge", 3, merge),
    ("topic", 5, topic),
    ("add-instruction", 2, add_instruction),
    ("edit-instruction", 1, edit_instruction),
    ("strike-instruction", 1, strike_instruction),
    ("run", 4, run),
    ("import", 3, import),
    ("read-back", 2, read_back),
    ("rename", 3, rename),
    ("new-person", 3, new_person),
    ("sign-in", 3, sign_in),
    ("sign-out", 2, sign_out),
    ("other-person", 2, other_person),
    ("close-and-open", 3, close_and_open),
    ("second-tab", 3, second_tab),
    ("reload", 3, reload),
    ("clone-anew", 2, clone_anew),
    ("taken-name", 1, taken_name),
    ("compare", 3, compare_two),
    ("clock", 3, clock),
    ("kill", 8, kill),
    ("cut", 5, cut),
    ("push-to-hub", 2, |world, _| world.push_to_hub(REPO)),
    ("edit-card", 2, |world, _| world.edit_card()),
    ("newer-build", 3, |world, _| world.newer_build_publishes()),
    ("needs", 1, needs),
    ("hostile", 4, |world, _| world.hostile_part()),
    ("strange-seed", 1, |world, _| world.strange_seed()),
    ("delete-parts", 2, |world, _| world.delete_parts()),
    ("restore-parts", 2, |world, _| world.restore_parts()),
    ("repo-again", 1, repo_again),
    ("format-1", 2, |world, _| world.format_1_publishes(true)),
    ("format-1-overwrites", 1, |world, _| {
        world.format_1_publishes(false);
    }),
];

/// The acts' names.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    ACTS.iter().map(|(name, ..)| *name)
}

/// One random act.
pub(crate) fn step(world: &mut World) {
    let all: Vec<&str> = names().collect();
    let acts: Vec<&Act> = ACTS
        .iter()
        .filter(|(name, ..)| world.rules.has(name, &all))
        .collect();
    let all: usize = acts.iter().map(|(_, weight, _)| weight).sum();
    let mut at = world.dice.below(all);
    let browser = world.dice.below(3);
    for (name, weight, act) in acts {
        if at < *weight {
            world.say(format!("{name} @{browser}"));
            world.time.set(world.time.get() + 1000);
            world.drift(6);
            world.revive(browser);
            close_old_tab(world, browser);
            act(world, browser);
            world.settle();
            return;
        }
        at -= weight;
    }
}

fn is_signed_in(world: &World, at: usize) -> bool {
    world.browsers[at].seat.account.is_some()
}

fn is_open(world: &World, at: usize) -> bool {
    world
        .tab(at)
        .is_some_and(|tab| tab.page.project.is_some() && !tab.page.is_lost)
}

fn is_linked(world: &World, at: usize) -> bool {
    is_open(world, at) && world.tab(at).is_some_and(|tab| tab.page.repo.is_some())
}

fn is_idle(world: &World, at: usize) -> bool {
    world.tab(at).is_some_and(|tab| tab.page.is_idle())
}

/// The tab that was taken over is closed some day.
fn close_old_tab(world: &mut World, at: usize) {
    if world.browsers[at].tabs.len() > 1 && world.dice.chance(1, 2) {
        close_first(world, at);
        world.say(format!("      the old tab of browser {at} is closed"));
    }
}

fn close_first(world: &mut World, at: usize) {
    world.browsers[at].close_tab(0);
}

fn close_all(world: &mut World, at: usize) {
    while !world.browsers[at].tabs.is_empty() {
        close_first(world, at);
    }
}

/// The project that is on the page is what opens after a crash.
fn remember(world: &mut World, at: usize) {
    if let Some(project) = world.tab(at).and_then(|tab| tab.page.project.clone()) {
        world.browsers[at].project = Some(project);
    }
}

/// Presses a key on a record of the tab `tab`.
fn press_in(world: &mut World, at: usize, tab: usize, wanted: Option<Kind>) {
    let Some(it) = world.browsers[at].tabs.get(tab) else {
        return;
    };
    let Some(project) = it.page.project.clone() else {
        return;
    };
    let rows = it.page.painted();
    let undecided: Vec<Seen> = rows
        .iter()
        .filter(|row| row.mine.is_none())
        .cloned()
        .collect();
    let rows = if undecided.is_empty() || world.dice.chance(1, 3) {
        rows
    } else {
        undecided
    };
    let Some(row) = world.dice.pick(&rows).cloned() else {
        return;
    };
    let kind = wanted.unwrap_or(match world.dice.below(10) {
        0..=6 => Kind::Good,
        7..=8 => Kind::Bad,
        _ => Kind::Discard,
    });
    let mut edit = Edit::default();
    if kind == Kind::Good {
        let n = world.number();
        match world.dice.below(10) {
            0..=2 => edit.response = Some(format!("An answer written anew, {n}.")),
            3 => edit.instruction = Some(format!("A question put better, {n}?")),
            _ => {}
        }
    }
    let it = &world.browsers[at].tabs[tab];
    let (Some(seen), Some(said)) = (
        it.page.form(&row.id, kind, &Edit::default()),
        it.page.form(&row.id, kind, &edit),
    ) else {
        return;
    };
    let Some(who) = world.model.find(&it.page.identity.id) else {
        return;
    };
    // To say the same again is no act; whether it is one to take back is the product's choice.
    if row.mine.as_ref() == Some(&said) || it.page.identity.id.is_empty() {
        return;
    }
    let tab = &mut world.browsers[at].tabs[tab];
    let (page, life) = (&mut tab.page, std::rc::Rc::clone(&tab.life));
    let Some(act) = life::within(&life, || page.press(&row.id, kind, &edit)) else {
        return;
    };
    let place = Some((at, project));
    world.say(format!("      browser {at}: {} is pressed: {said}", row.id));
    world
        .model
        .press(&act, who, place, &row.words, seen.words, said);
}

fn press(world: &mut World, at: usize) {
    if !is_open(world, at) {
        return;
    }
    for _ in 0..=world.dice.below(3) {
        let tab = world.browsers[at].tabs.len().saturating_sub(1);
        press_in(world, at, tab, None);
        if world.dice.chance(1, 2) {
            world.settle();
            world.drift(2);
        }
    }
}

fn step_back_or_on(world: &mut World, at: usize, is_redo: bool) {
    let Some(who) = world.who(at) else {
        return;
    };
    let Some(tab) = world.browsers[at].tabs.last_mut() else {
        return;
    };
    let (Some(project), false) = (tab.page.project.clone(), tab.page.is_lost) else {
        return;
    };
    if tab.page.identity.id.is_empty() {
        return;
    }
    let (page, life) = (&mut tab.page, std::rc::Rc::clone(&tab.life));
    if let Some((act, target)) = life::within(&life, || page.take_back(is_redo)) {
        let what = if is_redo { "redo" } else { "undo" };
        let named = if target.is_some() { "the" } else { "some" };
        world.say(format!("      browser {at}: {what} of {named} decision"));
        world.model.step(&act, who, (at, project), target, is_redo);
    }
    world.settle();
}

fn undo(world: &mut World, at: usize) {
    if world.dice.chance(1, 3) {
        press(world, at);
    }
    step_back_or_on(world, at, false);
}

fn redo(world: &mut World, at: usize) {
    if world.dice.chance(1, 2) {
        undo(world, at);
        world.quiet(at);
    }
    step_back_or_on(world, at, true);
}

fn sync(world: &mut World, at: usize) {
    if is_linked(world, at) && is_idle(world, at) {
        world.ask(at, Wish::Sync);
    }
}

/// A publish; now and then somebody reads the plan first, and agrees to what it asks.
fn consents(world: &mut World, at: usize, as_pull_request: bool) -> Wish {
    let mut wish = Wish::publish(as_pull_request);
    if !world.dice.chance(1, 4) {
        return wish;
    }
    let Some(plan) = plan(world, at) else {
        return wish;
    };
    let Wish::Publish {
        drops_unknown,
        replaces_table,
        ..
    } = &mut wish
    else {
        return wish;
    };
    let repo = world.tab(at).and_then(|tab| tab.page.repo.clone());
    let seen = repo.and_then(|repo| world.repos.get(&repo).cloned());
    let Some(seen) = seen.filter(|seen| Some(&seen.head) == plan.head.as_ref()) else {
        return wish;
    };
    let is_asked = plan.foreign_table.is_some() || plan.unknown.is_some();
    if is_asked && world.dice.chance(1, 3) {
        replaces_table.clone_from(&plan.foreign_table);
        drops_unknown.clone_from(&plan.unknown);
        let what = format!("      browser {at}: she agrees to lose what only the table has");
        world.say(what);
        let rows = seen.table.into_iter().map(|row| row.words);
        world.model.given_up.extend(rows);
    }
    wish
}

/// Publishes, and waits for it or not.
fn send_up(world: &mut World, at: usize, as_pull_request: bool) {
    if !is_linked(world, at) || !is_signed_in(world, at) || !is_idle(world, at) {
        return;
    }
    let wish = consents(world, at, as_pull_request);
    if world.dice.chance(1, 2) {
        world.ask(at, wish);
    } else {
        world.start(at, wish);
        world.drift(20);
        match world.dice.below(4) {
            0 | 1 => {
                topic(world, at);
                world.drift(20);
            }
            2 => press(world, at),
            _ => {}
        }
    }
}

fn publish(world: &mut World, at: usize) {
    send_up(world, at, false);
}

fn pull_request(world: &mut World, at: usize) {
    send_up(world, at, true);
}

fn merge(world: &mut World, _: usize) {
    world.merge_pull_requests();
}

fn topic(world: &mut World, at: usize) {
    if is_open(world, at) {
        let topic = format!("topic {} of {at}.", world.number());
        world.say(format!("      browser {at}: the {topic:?} is added"));
        world.start(at, Wish::Topic { topic });
    }
}

fn add_instruction(world: &mut World, at: usize) {
    if !is_open(world, at) {
        return;
    }
    let text = format!("Why does field {} lie fallow?", world.number());
    save_instruction(world, at, Wish::AddInstruction { text: text.clone() }, text);
}

fn save_instruction(world: &mut World, at: usize, wish: Wish, text: String) {
    let project = world.tab(at).and_then(|tab| tab.page.project.clone());
    if let (Some(Ok(_)), Some(project)) = (world.ask(at, wish), project) {
        world.model.instructions.push((at, project, text));
    }
}

/// An instruction that is not struck.
fn an_instruction(world: &mut World, at: usize) -> Option<(String, String)> {
    if !is_open(world, at) {
        return None;
    }
    let Some(Ok(Answer::Instructions(list))) = world.ask(at, Wish::Instructions) else {
        return None;
    };
    let kept: Vec<(String, String)> = list
        .into_iter()
        .filter(|(.., is_struck)| !is_struck)
        .map(|(id, text, _)| (id, text))
        .collect();
    world.dice.pick(&kept).cloned()
}

fn edit_instruction(world: &mut World, at: usize) {
    let Some((id, before)) = an_instruction(world, at) else {
        return;
    };
    let text = format!("Why does field {} lie fallow, in short?", world.number());
    // Whoever edits it last wins, and what was there before is not expected any more, here or elsewhere.
    world
        .model
        .instructions
        .retain(|(.., known)| *known != before);
    world.ask(at, Wish::EditInstruction { id, text });
}

fn strike_instruction(world: &mut World, at: usize) {
    if let Some((id, _)) = an_instruction(world, at) {
        world.ask(at, Wish::Strike { id });
    }
}

fn run(world: &mut World, at: usize) {
    if !is_open(world, at) || !is_idle(world, at) {
        return;
    }
    if world.dice.chance(1, 3) {
        add_instruction(world, at);
    }
    if world.ask(at, Wish::ChooseModel).is_none() {
        return;
    }
    let before = world.runs_over();
    if let Some(Ok(Answer::Run)) = world.ask(at, Wish::Run) {
        if world.dice.chance(2, 3) {
            world.finish_run(at, before);
        } else {
            world.drift(6);
        }
    }
}

fn rows(world: &mut World, many: usize) -> String {
    (0..many)
        .map(|_| {
            let n = world.number();
            format!("{{\"instruction\": \"Question {n} of a file?\", \"response\": \"Answer {n} of a file.\"}}\n")
        })
        .collect()
}

fn import(world: &mut World, at: usize) {
    if is_open(world, at) && is_idle(world, at) {
        let many = 1 + world.dice.below(2);
        let text = rows(world, many);
        let name = "rows.jsonl".to_owned();
        world.ask(at, Wish::ImportInto { name, text });
        world.quiet(at);
    }
}

/// Goes back to the project that was open before.
fn go_home(world: &mut World, at: usize, home: Option<String>) {
    world.quiet(at);
    if world.tab(at).is_none() {
        world.browsers[at].project = home;
        return;
    }
    world.ask(at, Wish::Close);
    world.browsers[at].project.clone_from(&home);
    if let Some(id) = home
        && let Some(Err(refusal)) = world.ask(
            at,
            Wish::Open {
                id: id.clone(),
                take_over: true,
            },
        )
    {
        let found = check::violation(
            check::rule::OPENS,
            format!(
                "browser {at}: the project {id} does not open: {}",
                refusal.text
            ),
        );
        world.report([found]);
    }
    world.quiet(at);
}

/// Saves the project as a file and reads it back, here or in another browser.
fn read_back(world: &mut World, at: usize) {
    if !is_open(world, at) || !is_idle(world, at) {
        return;
    }
    let from = world.tab(at).and_then(|tab| tab.page.project.clone());
    let Some(Ok(Answer::File(text))) = world.ask(at, Wish::Save) else {
        return;
    };
    let to = world.dice.below(3);
    world.revive(to);
    if !is_idle(world, to) {
        return;
    }
    world.say(format!("      its file is read in browser {to}"));
    if is_open(world, to) && world.dice.chance(1, 3) {
        let (name, is_into) = ("saved.seedbed.jsonl".to_owned(), true);
        if let Some(project) = world.browsers[to].project.clone() {
            world.model.seed_replaced(to, &project);
        }
        if let (Some(from), Some(into)) =
            (from, world.tab(to).and_then(|tab| tab.page.project.clone()))
        {
            world.model.file_read(&(at, from), &(to, into));
        }
        world.ask(
            to,
            Wish::ReadBack {
                name,
                text,
                is_into,
            },
        );
        world.quiet(to);
        return;
    }
    let home = world.browsers[to].project.clone();
    world.ask(to, Wish::Close);
    let name = "saved.seedbed.jsonl".to_owned();
    let is_into = false;
    let wish = Wish::ReadBack {
        name,
        text,
        is_into,
    };
    let opened = world.ask(to, wish);
    if let Some(Err(refusal)) = opened {
        let found = check::violation(
            check::rule::OPENS,
            format!(
                "browser {to}: a saved project can't be read back: {}",
                refusal.text
            ),
        );
        world.report([found]);
    }
    world.quiet(to);
    remember(world, to);
    press(world, to);
    if world.dice.chance(1, 2) {
        close_all(world, to);
        world.revive(to);
    }
    go_home(world, to, home);
}

fn rename(world: &mut World, at: usize) {
    if is_signed_in(world, at) || !is_idle(world, at) || world.browsers[at].tabs.len() > 1 {
        return;
    }
    let name = format!("Guest {}", world.number());
    let is_at_home = world.dice.chance(1, 2);
    world.say(format!("      browser {at}: she is {name:?} now"));
    if is_at_home {
        world.ask(at, Wish::Close);
    }
    let before = world.who(at);
    world.ask(at, Wish::Rename { name });
    world.quiet(at);
    // Whatever the product makes of it, she is the same.
    if let (Some(before), Some(now)) = (before, world.who(at)) {
        world.model.is_same(now, before);
    }
    if is_at_home && world.tab(at).is_some() {
        let home = world.browsers[at].project.clone();
        go_home(world, at, home);
    }
    world.check_there(at);
}

/// Whose browser it is signs in; the third is a guest's for good.
fn sign_in(world: &mut World, at: usize) {
    if is_signed_in(world, at) || world.browsers[at].tabs.len() > 1 {
        return;
    }
    if let Some(account) = world.accounts.get(at) {
        let token = account.token.clone();
        world.ask(at, Wish::SignIn { token });
        claim(world, at);
        world.check_there(at);
    }
}

/// Whoever is signed in says which earlier decisions are her own: the truth, if she says anything.
fn claim(world: &mut World, at: usize) {
    world.quiet(at);
    let Some(account) = world.browsers[at].seat.account.clone() else {
        return;
    };
    let person = world.browsers[at].seat.person;
    let Some(Ok(Answer::Identities(unclaimed))) = world.ask(at, Wish::Identities) else {
        return;
    };
    for from in unclaimed {
        let Some(who) = world.model.find(&from).filter(|_| world.dice.chance(3, 4)) else {
            continue;
        };
        let are_mine = world.model.get(who).person == person;
        if are_mine && let Some(into) = world.model.find(&account) {
            world.model.joins(who, into, true);
        }
        let whose = if are_mine { "hers" } else { "another's" };
        world.say(format!(
            "      browser {at}: {account} says that {from} is {whose}"
        ));
        world.ask(at, Wish::Claim { from, are_mine });
    }
    world.quiet(at);
}

/// Somebody else without an account decides at the machine, or one who did before.
fn new_person(world: &mut World, at: usize) {
    if is_signed_in(world, at) || !is_idle(world, at) || world.browsers[at].tabs.len() > 1 {
        return;
    }
    let known = world.browsers[at].guests.clone();
    let wish = match world.dice.pick(&known) {
        Some(id) if world.dice.chance(1, 2) => Wish::SitDown { id: id.clone() },
        _ => {
            let name = format!("Guest {}", world.number());
            world.browsers[at].seat.person = world.model.person();
            Wish::NewPerson { name }
        }
    };
    world.say(format!("      browser {at}: {wish:?}"));
    world.ask(at, wish);
    world.quiet(at);
    world.check_there(at);
}

fn sign_out(world: &mut World, at: usize) {
    if is_signed_in(world, at) && world.browsers[at].tabs.len() == 1 && world.dice.chance(1, 2) {
        world.ask(at, Wish::SignOut);
        world.quiet(at);
    }
}

/// Another account's person sits down.
fn other_person(world: &mut World, at: usize) {
    if !is_idle(world, at) || world.browsers[at].tabs.len() > 1 {
        return;
    }
    if is_signed_in(world, at) {
        world.ask(at, Wish::SignOut);
        world.quiet(at);
    }
    let who = world.dice.below(2);
    let (name, token) = (world.accounts[who].name, world.accounts[who].token.clone());
    world.say(format!("      {name} sits down at browser {at}"));
    world.ask(at, Wish::SignIn { token });
    claim(world, at);
}

fn close_and_open(world: &mut World, at: usize) {
    let home = world.browsers[at].project.clone();
    if is_open(world, at) {
        if world.dice.chance(1, 2) {
            // Not waiting for what is under way.
            world.ask(at, Wish::Close);
        }
        go_home(world, at, home);
        world.check_there(at);
    }
}

/// A second tab takes the project over, while keys are pressed in the first.
fn second_tab(world: &mut World, at: usize) {
    if !is_open(world, at) || world.browsers[at].tabs.len() > 1 {
        return;
    }
    let Some(id) = world.browsers[at].project.clone() else {
        return;
    };
    let hub = world.hub_url.clone();
    world.browsers[at].open_tab(&hub);
    if world.ask(at, Wish::Hello).is_none() {
        return;
    }
    if let Some(token) = world.browsers[at].seat.token.clone() {
        world.ask(at, Wish::SignIn { token });
    }
    world.start(
        at,
        Wish::Open {
            id,
            take_over: true,
        },
    );
    for _ in 0..3 {
        if world.browsers[at].tabs.len() > 1 && world.dice.chance(1, 2) {
            press_in(world, at, 0, None);
        }
        world.drift(3);
    }
    world.quiet(at);
}

fn reload(world: &mut World, at: usize) {
    remember(world, at);
    close_all(world, at);
    world.revive(at);
}

/// The project is deleted here and opened from the Hub again.
fn clone_anew(world: &mut World, at: usize) {
    if !is_linked(world, at) || !is_idle(world, at) || world.browsers[at].tabs.len() > 1 {
        return;
    }
    let Some(id) = world.browsers[at].project.clone() else {
        return;
    };
    let Some(Ok(Answer::Plan(plan))) = world.ask(at, Wish::Plan) else {
        return;
    };
    // Nobody deletes what is only here.
    if plan.only_here > 0 || !plan.is_empty {
        return;
    }
    world.ask(at, Wish::Close);
    if let Some(Ok(_)) = world.ask(at, Wish::Delete { id: id.clone() }) {
        world.model.deleted(at, &id);
        world.browsers[at].project = None;
        let repo = REPO.to_owned();
        world.ask(at, Wish::OpenHub { repo });
        world.quiet(at);
        remember(world, at);
    }
}

/// A new project gets a repo of a name that is taken.
fn taken_name(world: &mut World, at: usize) {
    if !is_signed_in(world, at) || !is_idle(world, at) || world.browsers[at].tabs.len() > 1 {
        return;
    }
    let repo = world.foreign_repo();
    let home = world.browsers[at].project.clone();
    world.ask(at, Wish::Close);
    let text = rows(world, 2);
    let name = "own.jsonl".to_owned();
    world.ask(at, Wish::Import { name, text });
    world.quiet(at);
    remember(world, at);
    press_in(world, at, 0, Some(Kind::Good));
    world.quiet(at);
    let is_confirmed = false;
    let wish = if world.dice.chance(1, 2) {
        Wish::Create { repo: repo.clone() }
    } else {
        let repo = repo.clone();
        Wish::Link { repo, is_confirmed }
    };
    let mut answer = world.ask(at, wish);
    if let Some(Ok(Answer::Found)) = answer
        && world.dice.chance(2, 3)
    {
        world.say("      she uses what stands there");
        let is_confirmed = true;
        answer = world.ask(at, Wish::Link { repo, is_confirmed });
    }
    if let Some(Ok(Answer::Linked)) = answer {
        let wish = consents(world, at, false);
        world.ask(at, wish);
    }
    go_home(world, at, home);
}

fn plan(world: &mut World, at: usize) -> Option<Plan> {
    match world.ask(at, Wish::Plan) {
        Some(Ok(Answer::Plan(plan))) => Some(plan),
        _ => None,
    }
}

/// I3, where two browsers have nothing that the other can't have.
fn compare(world: &mut World, a: usize, b: usize) {
    for at in [a, b] {
        let is_ours = world
            .tab(at)
            .is_some_and(|tab| tab.page.repo.as_deref() == Some(REPO));
        if !is_ours || !is_open(world, at) || !is_idle(world, at) {
            return;
        }
    }
    let (Some(left), Some(right)) = (plan(world, a), plan(world, b)) else {
        return;
    };
    if left.head.is_none() || left.head != right.head || left.only_here + right.only_here > 0 {
        return;
    }
    let (Some(Ok(Answer::Rows(left))), Some(Ok(Answer::Rows(right)))) =
        (world.ask(a, Wish::Rows), world.ask(b, Wish::Rows))
    else {
        return;
    };
    let (Some(me), Some(you)) = (world.who(a), world.who(b)) else {
        return;
    };
    let of_files = [a, b]
        .into_iter()
        .filter_map(|at| Some((at, world.tab(at)?.page.project.clone()?)))
        .flat_map(|place| world.model.silently_told(&place))
        .collect();
    let found = check::agree(&world.model, (a, me, &left), (b, you, &right), &of_files);
    world.report(found);
}

fn compare_two(world: &mut World, at: usize) {
    let other = (at + 1 + world.dice.below(2)) % 3;
    world.revive(other);
    compare(world, at, other);
}

fn clock(world: &mut World, at: usize) {
    const HOUR: i64 = 3_600_000;
    let by = [
        HOUR,
        -HOUR,
        400 * 24 * HOUR,
        -400 * 24 * HOUR,
        2000 * 24 * HOUR,
        -2000 * 24 * HOUR,
    ];
    if let Some(by) = world.dice.pick(&by).copied() {
        world.say(format!(
            "      the clock of browser {at} jumps by {} h",
            by / HOUR
        ));
        world.browsers[at].disk.clock_off.set(by);
    }
}

fn kill(world: &mut World, at: usize) {
    let (steps, is_only_worker) = (world.dice.below(40) as u32, world.dice.chance(2, 5));
    remember(world, at);
    if let Some(tab) = world.browsers[at].tabs.last_mut() {
        tab.life.ends_after(steps);
        tab.is_only_worker = is_only_worker;
    }
    something(world, at);
}

/// What is under way when the tab dies or the line is cut.
fn something(world: &mut World, at: usize) {
    let acts: [fn(&mut World, usize); 7] = [publish, publish, publish, press, sync, run, topic];
    if let Some(act) = world.dice.pick(&acts).copied() {
        act(world, at);
    }
}

fn cut(world: &mut World, at: usize) {
    let left = world.dice.below(12) as u32;
    world.browsers[at].cut = Some((left, world.dice.chance(2, 3)));
    something(world, at);
}

/// Rare: nothing is published after it.
fn needs(world: &mut World, _: usize) {
    if world.dice.chance(1, 4) {
        world.newer_build_needs();
    }
}

fn repo_again(world: &mut World, _: usize) {
    if world.dice.chance(1, 2) {
        world.make_repo_again();
    }
}

/// Three people, one repo: how each world begins.
pub(crate) fn begin(world: &mut World) {
    for at in 0..3 {
        world.revive(at);
        if let Some(account) = world.accounts.get(at) {
            let token = account.token.clone();
            world.ask(at, Wish::SignIn { token });
            claim(world, at);
        }
    }
    let many = 3 + world.dice.below(3);
    let text = rows(world, many);
    let name = "farm.jsonl".to_owned();
    world.ask(0, Wish::Import { name, text });
    world.quiet(0);
    remember(world, 0);
    for _ in 0..2 {
        add_instruction(world, 0);
    }
    let repo = REPO.to_owned();
    world
        .repos
        .insert(repo.clone(), crate::world::RepoSeen::default());
    world.ask(0, Wish::Create { repo: repo.clone() });
    for _ in 0..2 {
        press_in(world, 0, 0, Some(Kind::Good));
        world.quiet(0);
    }
    world.ask(0, Wish::publish(false));
    for at in 1..3 {
        world.ask(at, Wish::OpenHub { repo: repo.clone() });
        world.quiet(at);
        remember(world, at);
    }
}

/// What is left to publish of the project that everybody works on.
fn plan_of_ours(world: &mut World, at: usize) -> Option<Plan> {
    let is_ours = world
        .tab(at)
        .is_some_and(|tab| tab.page.repo.as_deref() == Some(REPO));
    (is_ours && is_open(world, at))
        .then(|| plan(world, at))
        .flatten()
}

/// Nothing bad happens any more: everybody publishes what is left, reads what others left, and looks again.
pub(crate) fn end(world: &mut World) {
    world.say("peace");
    for at in 0..3 {
        world.browsers[at].cut = None;
        for tab in &world.browsers[at].tabs {
            tab.life.goes_on();
        }
        world.quiet(at);
    }
    world.leave_note();
    for at in 0..3 {
        close_all(world, at);
        world.revive(at);
        if let Some(account) = world.accounts.get(at)
            && !is_signed_in(world, at)
        {
            let token = account.token.clone();
            world.ask(at, Wish::SignIn { token });
            claim(world, at);
        }
        world.quiet(at);
    }
    // The guest's browser as well, if somebody with an account is at it: what she did there is her own. If nobody is, what
    // was done there stays there.
    let publishers: Vec<usize> = (0..3)
        .filter(|at| *at < world.accounts.len() || is_signed_in(world, *at))
        .collect();
    let (mut is_all_out, mut is_held_up) = (false, false);
    for _ in 0..4 {
        let mut is_over = true;
        for at in publishers.iter().copied() {
            let plan = plan_of_ours(world, at);
            is_held_up |= plan.as_ref().is_some_and(|plan| plan.sends_parts_only);
            if plan.is_none_or(|plan| !plan.is_empty) {
                is_over = false;
                world.ask(at, Wish::publish(false));
            }
        }
        if is_over {
            is_all_out = true;
            break;
        }
    }
    let mut out = BTreeSet::new();
    for at in 0..3 {
        let plan = plan_of_ours(world, at);
        let project = world.tab(at).and_then(|tab| tab.page.project.clone());
        if let (Some(plan), Some(project)) = (plan, project)
            && plan.only_here == 0
        {
            out.insert((at, project));
        }
    }
    if is_all_out
        && !is_held_up
        && let Some(repo) = world.repos.get(REPO)
    {
        let mut found = check::taken_back(&world.model, &repo.table, &out);
        for at in publishers {
            let rows = world.tab(at).map(|tab| tab.page.painted());
            found.extend(check::missing(at, &repo.table, &rows.unwrap_or_default()));
        }
        world.report(found);
    }
    for (a, b) in [(0, 1), (0, 2), (1, 2)] {
        compare(world, a, b);
    }
    for at in 0..3 {
        close_all(world, at);
        world.revive(at);
    }
    every_project_opens(world);
}

/// I6.
fn every_project_opens(world: &mut World) {
    for at in 0..3 {
        let Some(Ok(Answer::Projects(list))) = world.ask(at, Wish::List) else {
            continue;
        };
        for (id, is_deleted) in list {
            if is_deleted {
                continue;
            }
            world.ask(at, Wish::Close);
            go_home(world, at, Some(id));
        }
    }
}
