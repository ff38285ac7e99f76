//! The card and the settings say what people said, and nobody's words are replaced by a default.

use crate::common::{Browser, CARD, World, numbered};
use crate::support::publishing;
use seedbed_core::messages::Request;
use serde_json::{Value, json};

fn with_card(project: &str, license: &str, languages: &[&str]) -> Request {
    let mut request = publishing(project);
    if let Request::Publish {
        license: to_license,
        languages: to_languages,
        ..
    } = &mut request
    {
        license.clone_into(to_license);
        *to_languages = languages.iter().map(|code| (*code).to_owned()).collect();
    }
    request
}

fn publish_as(browser: &mut Browser, license: &str, languages: &[&str]) {
    let request = with_card(&browser.project.clone(), license, languages);
    browser.tab.ask(request).expect("published");
}

fn ready(world: &World) -> Browser {
    let mut owner = world.browser();
    owner.import(&numbered(1));
    owner.accept_all();
    owner.sign_in();
    owner.create_repo();
    owner
}

#[test]
fn a_colleague_starts_from_the_licence_and_languages_of_the_card() {
    let world = World::new();
    let mut owner = ready(&world);
    publish_as(&mut owner, "cc-by-4.0", &["de", "nds"]);
    let mut colleague = world.colleague();
    let plan = colleague.plan();
    assert_eq!(
        (plan.license.as_str(), plan.languages.as_slice()),
        ("cc-by-4.0", &["de".to_owned(), "nds".to_owned()][..])
    );
    colleague.add_row("her answer");
    publish_as(&mut colleague, &plan.license, &["de", "nds"]);
    let card = world.text(CARD);
    assert!(
        card.contains("license: cc-by-4.0") && card.contains("- nds"),
        "{card}"
    );
    // What a person writes into the card by hand is what the next one starts from.
    world.put(CARD, card.replace("license: cc-by-4.0", "license: odbl"));
    assert_eq!(owner.plan().license, "odbl");
}

#[test]
fn a_note_that_somebody_left_in_the_repo_does_not_become_the_dataset() {
    let world = World::new();
    let mut owner = ready(&world);
    world.put("notes.txt", "Ask Ann about the soil.\n");
    let published = owner.publish().expect("published");
    let loading = published.loading.expect("how it loads");
    assert!(loading.contains("load_dataset(\"local/ds\""), "{loading}");
    let card = world.text(CARD);
    assert!(!card.contains("notes.txt"), "{card}");
    assert!(card.contains("config_name: default"), "{card}");
    assert_eq!(world.text("notes.txt"), "Ask Ann about the soil.\n");
}

#[test]
fn nothing_is_said_of_language_or_licence_that_nobody_said() {
    let world = World::new();
    let mut owner = ready(&world);
    let plan = owner.plan();
    assert_eq!((plan.license.as_str(), plan.languages.len()), ("", 0));
    publish_as(&mut owner, "", &[]);
    let card = world.text(CARD);
    assert!(
        !card.contains("language:") && !card.contains("license:"),
        "{card}"
    );
}

#[test]
fn rows_that_were_imported_are_not_called_synthetic() {
    let world = World::new();
    let mut owner = world.browser();
    owner.import(&numbered(0));
    owner.sign_in();
    owner.create_repo();
    owner.add_row("typed by a person");
    publish_as(&mut owner, "", &[]);
    let card = world.text(CARD);
    assert!(!card.contains("synthetic"), "{card}");
    assert!(!card.contains("drafted by a language model"), "{card}");
}

#[test]
fn rows_that_a_model_wrote_are_called_synthetic() {
    let world = World::new();
    let mut owner = ready(&world);
    publish_as(&mut owner, "", &[]);
    assert!(world.text(CARD).contains("- synthetic"));
}

#[test]
fn a_card_that_is_no_text_is_left_alone_and_the_rest_goes_out() {
    let world = World::new();
    let mut owner = ready(&world);
    let bytes = b"---\nlicense: mit\n---\n\n# Caf\xe9\n".to_vec();
    world.put(CARD, bytes.clone());
    publish_as(&mut owner, "cc-by-4.0", &["en"]);
    assert_eq!(world.bytes(CARD), bytes);
    assert_eq!(world.rows(), ["answer 0"]);
}

#[test]
fn what_a_person_wrote_into_the_card_survives_every_publish() {
    let world = World::new();
    let mut owner = ready(&world);
    publish_as(&mut owner, "mit", &["en"]);
    let card = world.text(CARD);
    // She deletes the mark at the end of our part, and writes below.
    let end = card
        .lines()
        .rev()
        .find(|line| line.contains("seedbed") && line.contains("end"));
    let end = end.expect("a mark at the end").to_owned();
    let edited = format!("{}\n\nWhat I have to say of it.\n", card.replace(&end, ""));
    let edited = edited.replacen("---\n", "---\nmine: yes\n", 1);
    world.put(CARD, edited);
    for n in 0..2 {
        owner.add_row(&format!("more {n}"));
        publish_as(&mut owner, "mit", &["en"]);
        let card = world.text(CARD);
        assert!(card.contains("What I have to say of it."), "{n}: {card}");
        assert!(card.contains("mine: yes"), "{n}: {card}");
    }
}

#[test]
fn settings_come_with_a_clone_and_with_a_sync_and_ones_own_stay() {
    let world = World::new();
    let mut owner = ready(&world);
    let mut settings = owner.open().settings;
    settings.concurrency = 3;
    settings.row_cap = Some(7);
    settings.answer.top_p = Some(0.5);
    settings.answer.seed = Some(11);
    let save = |browser: &mut Browser, settings: &seedbed_core::params::RunSettings| {
        browser
            .tab
            .ask(Request::SaveSettings {
                project: browser.project.clone(),
                settings: settings.clone(),
                endpoint: None,
            })
            .expect("saved");
    };
    save(&mut owner, &settings);
    owner.publish().expect("published");
    let mut colleague = world.colleague();
    assert_eq!(colleague.open().settings, settings);
    // The owner changes them again: who has not, follows.
    settings.concurrency = 5;
    save(&mut owner, &settings);
    owner.publish().expect("published");
    colleague.tab.sync(&colleague.project.clone());
    assert_eq!(colleague.open().settings, settings);
    // Both change: one's own stay.
    let mut hers = settings.clone();
    hers.row_cap = Some(99);
    save(&mut colleague, &hers);
    settings.concurrency = 6;
    save(&mut owner, &settings);
    owner.publish().expect("published");
    colleague.tab.sync(&colleague.project.clone());
    assert_eq!(colleague.open().settings, hers);
    let file: Value = serde_json::from_str(&world.text(crate::common::PROJECT)).unwrap();
    assert_eq!(file["settings"]["concurrency"], json!(6));
}
