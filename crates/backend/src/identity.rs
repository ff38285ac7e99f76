//! Who decides here. A browser holds several identities, one is present; their ids never change. The profile file keeps
//! them, and what an account said of the decisions that a local identity made.

use crate::project::Project;
use crate::publish::joined;
use crate::{Backend, Result};
use seedbed_core::identity::{Identity, is_local_id};
use seedbed_core::messages::{Failure, FailureKind, Identities, Reply};
use seedbed_core::review::Act;
use seedbed_store::Store;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Id under which the platform keeps what belongs to the browser and not to a project.
pub(crate) const PROFILE_ID: &str = "_profile";
/// Characters of a name at most.
const MOST_NAME: usize = 60;

/// What is kept of the people at this browser between visits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Profile {
    /// Name on decisions, as format 1 kept it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    reviewer: String,
    /// Everyone who ever decided here, accounts among them.
    #[serde(default)]
    identities: Vec<Identity>,
    /// Id of the local identity that decides while nobody is signed in.
    #[serde(default)]
    present: String,
    /// Local identities that have decided or typed something.
    #[serde(default)]
    have_decided: Vec<String>,
    /// By account: which local identities' decisions are its own, and which are not.
    #[serde(default)]
    claims: BTreeMap<String, BTreeMap<String, bool>>,
    /// The file as it was read, with what this build does not know.
    #[serde(skip)]
    kept: Map<String, Value>,
}

impl Profile {
    /// Reads what is stored, piece by piece, so that one that can't be read makes nobody a stranger; the name of format 1
    /// becomes an identity of that id.
    fn read(json: &str) -> Self {
        let Ok(Value::Object(mut kept)) = serde_json::from_str(json) else {
            return Self::default();
        };
        let text = |key: &str| kept.get(key).and_then(Value::as_str).unwrap_or_default();
        let items = |key: &str| {
            kept.get(key)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
        };
        let mut profile = Self {
            reviewer: text("reviewer").to_owned(),
            present: text("present").to_owned(),
            identities: items("identities")
                .filter_map(|item| Identity::deserialize(item).ok())
                .collect(),
            have_decided: items("have_decided")
                .filter_map(|item| item.as_str().map(str::to_owned))
                .collect(),
            ..Self::default()
        };
        for (account, answers) in kept
            .get("claims")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            for (from, answer) in answers.as_object().into_iter().flatten() {
                if let Some(answer) = answer.as_bool() {
                    let known = profile.claims.entry(account.clone()).or_default();
                    known.insert(from.clone(), answer);
                }
            }
        }
        kept.shift_remove("reviewer");
        profile.kept = kept;
        let old = std::mem::take(&mut profile.reviewer);
        if profile.identities.is_empty() && !old.trim().is_empty() {
            profile.present.clone_from(&old);
            profile.have_decided.push(old.clone());
            profile.identities.push(Identity {
                name: old.clone(),
                id: old,
                is_account: false,
            });
        }
        profile
    }

    /// The file to write: what this build knows, with what it does not know as it came.
    fn write(&self) -> String {
        let mut whole = self.kept.clone();
        let before: Vec<Value> = whole
            .get("identities")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        if let Ok(Value::Object(ours)) = serde_json::to_value(self) {
            for (key, value) in ours {
                let known = whole.get(&key).cloned();
                whole.insert(key, joined(known, value));
            }
        }
        let same = |identity: &Identity| {
            let is_it = |item: &&Value| item.get("id") == Some(&Value::from(identity.id.as_str()));
            before.iter().find(is_it).cloned()
        };
        let identities = self.identities.iter().map(|identity| {
            let ours = serde_json::to_value(identity).unwrap_or_default();
            joined(same(identity), ours)
        });
        let unread = before
            .iter()
            .filter(|item| Identity::deserialize(*item).is_err())
            .cloned();
        let identities = identities.chain(unread).collect();
        whole.insert("identities".to_owned(), Value::Array(identities));
        Value::Object(whole).to_string()
    }

    fn find(&self, id: &str) -> Option<&Identity> {
        self.identities.iter().find(|identity| identity.id == id)
    }

    fn add(&mut self, identity: Identity) {
        match self
            .identities
            .iter_mut()
            .find(|known| known.id == identity.id)
        {
            Some(known) => *known = identity,
            None => self.identities.push(identity),
        }
    }

    /// Takes in what another tab has written meanwhile; what is present here stays.
    fn join(&mut self, other: Self) {
        self.kept = other.kept;
        for identity in other.identities {
            if self.find(&identity.id).is_none() {
                self.identities.push(identity);
            }
        }
        for id in other.have_decided {
            if !self.have_decided.contains(&id) {
                self.have_decided.push(id);
            }
        }
        for (account, answers) in other.claims {
            let known = self.claims.entry(account).or_default();
            for (from, answer) in answers {
                known.entry(from).or_insert(answer);
            }
        }
    }

    /// Whether an account has said that the decisions of `id` are its own.
    fn is_claimed(&self, id: &str) -> bool {
        self.claims
            .values()
            .any(|answers| answers.get(id) == Some(&true))
    }

    /// Other identities of the person that `id` is, as accounts have said.
    fn same_as(&self, id: &str) -> Vec<String> {
        let mut same = Vec::new();
        for (account, answers) in &self.claims {
            let mine = answers
                .iter()
                .filter(|(_, are_mine)| **are_mine)
                .map(|(from, _)| from);
            let person: Vec<&String> = std::iter::once(account).chain(mine).collect();
            if person.iter().any(|one| *one == id) {
                same.extend(person.into_iter().filter(|one| *one != id).cloned());
            }
        }
        same
    }

    /// Ids of everyone who decides here.
    fn writers(&self) -> Vec<String> {
        let mut writers: Vec<String> = self
            .identities
            .iter()
            .map(|identity| identity.id.clone())
            .collect();
        writers.sort();
        writers
    }
}

impl Backend {
    /// Reads the profile, or begins one.
    pub(crate) async fn load_profile(&self) {
        if !self.profile.borrow().present.is_empty() {
            return;
        }
        let mut profile = self.stored_profile().await.unwrap_or_default();
        if profile.find(&profile.present).is_none() {
            let local = profile
                .identities
                .iter()
                .find(|one| !one.is_account)
                .cloned();
            let guest = local.unwrap_or_else(|| Identity::guest(&self.random_id(8)));
            profile.present.clone_from(&guest.id);
            profile.add(guest);
        }
        *self.profile.borrow_mut() = profile;
        // Without storage the identity lasts as long as the tab, like the work.
        self.save_profile().await.ok();
    }

    async fn stored_profile(&self) -> Option<Profile> {
        self.platform
            .list_meta()
            .await
            .into_iter()
            .find(|(id, _)| id == PROFILE_ID)
            .map(|(_, json)| Profile::read(&json))
    }

    async fn save_profile(&self) -> Result<()> {
        if let Some(stored) = self.stored_profile().await {
            self.profile.borrow_mut().join(stored);
        }
        let json = self.profile.borrow().write();
        self.platform.write_meta(PROFILE_ID.to_owned(), json).await
    }

    /// Who decides now: the account, else the present local identity.
    pub(crate) fn identity(&self) -> Identity {
        if let Some(signed_in) = self.account.borrow().as_ref() {
            return Identity::account(&signed_in.account.name);
        }
        let profile = self.profile.borrow();
        profile.find(&profile.present).cloned().unwrap_or_default()
    }

    /// Id of who decides now.
    pub(crate) fn reviewer(&self) -> String {
        self.identity().id
    }

    pub(crate) fn identities(&self) -> Result<Identities> {
        let profile = self.profile.borrow();
        let mut unclaimed = Vec::new();
        if let Some(account) = self.account.borrow().as_ref() {
            let answered = profile.claims.get(&account.account.name);
            let is_open = |id: &str| {
                answered.is_none_or(|answers| !answers.contains_key(id)) && !profile.is_claimed(id)
            };
            for identity in &profile.identities {
                if !identity.is_account
                    && profile.have_decided.contains(&identity.id)
                    && is_open(&identity.id)
                {
                    unclaimed.push(identity.clone());
                }
            }
            for project in self.open_projects() {
                for (writer, _) in project.with(Store::unclaimed_writers)? {
                    if is_local_id(&writer)
                        && is_open(&writer)
                        && unclaimed.iter().all(|known| known.id != writer)
                    {
                        let name = project.with(|store| store.name_of(&writer))?;
                        unclaimed.push(Identity {
                            name: name.unwrap_or_else(|| writer.clone()),
                            id: writer,
                            is_account: false,
                        });
                    }
                }
            }
        }
        Ok(Identities {
            present: self.identity(),
            known: profile.identities.clone(),
            unclaimed,
        })
    }

    fn checked_name(name: &str) -> Result<String> {
        let name: String = name
            .trim()
            .chars()
            .filter(|c| !c.is_control())
            .take(MOST_NAME)
            .collect();
        if name.is_empty() {
            return Err(Failure::new(FailureKind::Invalid, "The name is empty.")
                .next("Write the name that others should see on your decisions."));
        }
        Ok(name)
    }

    pub(crate) async fn set_reviewer(&self, name: &str) -> Result<Reply> {
        let name = Self::checked_name(name)?;
        {
            let mut profile = self.profile.borrow_mut();
            let present = profile.present.clone();
            if let Some(identity) = profile.identities.iter_mut().find(|one| one.id == present) {
                identity.name = name;
            }
        }
        self.save_profile().await?;
        self.introduce_everywhere()?;
        self.identities().map(Reply::Identities)
    }

    pub(crate) async fn new_reviewer(&self, name: &str) -> Result<Reply> {
        let name = Self::checked_name(name)?;
        let identity = Identity {
            name,
            ..Identity::guest(&self.random_id(8))
        };
        {
            let mut profile = self.profile.borrow_mut();
            profile.present.clone_from(&identity.id);
            profile.add(identity);
        }
        self.save_profile().await?;
        self.tell_own_writers()?;
        self.identities().map(Reply::Identities)
    }

    pub(crate) async fn use_reviewer(&self, id: &str) -> Result<Reply> {
        let is_local = self
            .profile
            .borrow()
            .find(id)
            .is_some_and(|identity| !identity.is_account);
        if !is_local {
            return Err(Failure::new(
                FailureKind::NotFound,
                "Nobody of that name reviews in this browser.",
            )
            .next("Choose a name from the list, or write a new one."));
        }
        id.clone_into(&mut self.profile.borrow_mut().present);
        self.save_profile().await?;
        self.tell_own_writers()?;
        self.identities().map(Reply::Identities)
    }

    /// Notes whether the decisions that `from` made here are those of the account that is signed in.
    pub(crate) async fn claim_decisions(&self, from: &str, are_mine: bool) -> Result<Reply> {
        let Some(account) = self
            .account
            .borrow()
            .as_ref()
            .map(|signed_in| signed_in.account.name.clone())
        else {
            return Err(
                Failure::new(FailureKind::Auth, "You are not signed in to the Hub.")
                    .next("Sign in, then say which decisions are yours."),
            );
        };
        {
            let mut profile = self.profile.borrow_mut();
            // Two accounts are two people for good.
            let is_account = profile
                .find(from)
                .is_some_and(|identity| identity.is_account);
            // Nor can a name be claimed that may be an account's: a file could bring any.
            let may_be_account = is_account || (profile.find(from).is_none() && !is_local_id(from));
            if may_be_account || (are_mine && profile.is_claimed(from)) {
                return Err(Failure::new(
                    FailureKind::Invalid,
                    "These decisions are those of another account.",
                ));
            }
            if are_mine && profile.find(from).is_none() {
                profile.add(Identity {
                    id: from.to_owned(),
                    name: from.to_owned(),
                    is_account: false,
                });
            }
            profile
                .claims
                .entry(account)
                .or_default()
                .insert(from.to_owned(), are_mine);
        }
        self.save_profile().await?;
        self.tell_own_writers()?;
        self.identities().map(Reply::Identities)
    }

    /// The account that signed in is one of this browser's identities from now on.
    pub(crate) async fn know_account(&self, name: &str) -> Result<()> {
        self.profile.borrow_mut().add(Identity::account(name));
        self.save_profile().await.ok();
        self.tell_own_writers()
    }

    /// Whoever decides or types something for the first time is remembered as having done so.
    pub(crate) fn has_worked(&self, writer: &str) {
        let is_new = {
            let mut profile = self.profile.borrow_mut();
            if profile.find(writer).is_none() {
                profile.add(Identity {
                    id: writer.to_owned(),
                    name: writer.to_owned(),
                    is_account: false,
                });
            }
            let is_new = !profile.have_decided.iter().any(|known| known == writer);
            if is_new {
                profile.have_decided.push(writer.to_owned());
            }
            is_new
        };
        if is_new {
            let backend = self.clone();
            self.spawn(async move {
                backend.save_profile().await.ok();
            });
        }
    }

    pub(crate) fn open_projects(&self) -> Vec<Rc<Project>> {
        self.projects.borrow().values().cloned().collect()
    }

    /// Tells every open project who is present and who else decides in this browser.
    pub(crate) fn tell_own_writers(&self) -> Result<()> {
        for project in self.open_projects() {
            self.settle_identities(&project)?;
        }
        Ok(())
    }

    fn introduce_everywhere(&self) -> Result<()> {
        let identity = self.identity();
        for project in self.open_projects() {
            self.introduce(&project, &identity)?;
        }
        Ok(())
    }

    /// Writes the name of a local identity into the log of a project it has decided in.
    pub(crate) fn introduce(&self, project: &Project, identity: &Identity) -> Result<()> {
        if identity.is_account || identity.name == identity.id {
            return Ok(());
        }
        let id = self.random_id(12);
        project.with(|store| {
            if store.is_newer()
                || !store.has_decisions(&identity.id)?
                || store.name_of(&identity.id)?.as_ref() == Some(&identity.name)
            {
                return Ok(());
            }
            let name = identity.name.clone();
            store.identity_act(&identity.id, Act::Name { name }, &id, self.now())
        })
    }

    /// Tells a project who decides in this browser, and writes the joins that a person has confirmed.
    pub(crate) fn settle_identities(&self, project: &Project) -> Result<()> {
        let profile = self.profile.borrow().clone();
        let present = self.reviewer();
        let now = self.now();
        project.with(|store| {
            if store.is_newer() {
                return Ok(());
            }
            store.set_own_writers(&profile.writers())?;
            // Whoever is present goes on with what the same person typed under another identity.
            for other in profile.same_as(&present) {
                store.adopt_drafts(&other, &present)?;
            }
            for (account, answers) in &profile.claims {
                for (from, are_mine) in answers {
                    if !are_mine || !store.has_decisions(from)? || store.root_of(from)? == *account
                    {
                        continue;
                    }
                    let join = Act::Join {
                        into: account.clone(),
                    };
                    store.identity_act(from, join, &self.random_id(12), now)?;
                    let adopt = Act::Adopt { from: from.clone() };
                    store.identity_act(account, adopt, &self.random_id(12), now)?;
                }
            }
            Ok(())
        })?;
        for identity in &profile.identities {
            self.introduce(project, identity)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_format_1_becomes_an_identity() {
        let profile = Profile::read(r#"{"reviewer":"Maria"}"#);
        assert_eq!(profile.present, "Maria");
        assert_eq!(profile.writers(), ["Maria"]);
        // Written again it reads the same.
        let json = profile.write();
        let again = Profile::read(&json);
        assert_eq!(
            (again.writers(), again.present),
            (profile.writers(), profile.present)
        );
    }

    #[test]
    fn two_tabs_that_began_at_once_keep_both_guests() {
        let profile = |id: &str| Profile {
            present: id.to_owned(),
            identities: vec![Identity::guest(id)],
            ..Profile::default()
        };
        let mut here = profile("aaaaaa");
        here.join(profile("bbbbbb"));
        assert_eq!(here.present, "aaaaaa");
        assert_eq!(here.writers(), ["~aaaaaa", "~bbbbbb"]);
    }
}
