//! Decisions on their way: the page shows the next record before the worker has stored the last one's decision, and a tab
//! that is closed in that moment must not lose it. Each waits in the browser's storage until the worker has confirmed it;
//! what is found there when a project is opened is sent again.

use super::Desk;
use seedbed_core::review::Response;
use std::collections::BTreeMap;

fn key(project: &str) -> String {
    format!("seedbed:outbox:{project}")
}

/// What the storage holds, by record; text of another version counts as nothing.
fn read(text: Option<String>) -> BTreeMap<String, Response> {
    text.and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default()
}

impl Desk {
    /// Decisions of `project` that were not confirmed, by record.
    pub fn outbox(self, project: &str) -> BTreeMap<String, Response> {
        read(self.local_get(&key(project)))
    }

    /// A decision is on its way; a later one on the same record takes its place.
    pub fn outbox_put(self, project: &str, record: &str, response: &Response) {
        let mut waiting = self.outbox(project);
        waiting.insert(record.to_owned(), response.clone());
        self.write(project, &waiting);
    }

    /// The worker has answered for this record.
    pub fn outbox_remove(self, project: &str, record: &str) {
        let mut waiting = self.outbox(project);
        if waiting.remove(record).is_some() {
            self.write(project, &waiting);
        }
    }

    fn write(self, project: &str, waiting: &BTreeMap<String, Response>) {
        if waiting.is_empty() {
            self.local_remove(&key(project));
        } else if let Ok(text) = serde_json::to_string(waiting) {
            // A browser without storage has nothing that could outlive the tab anyway.
            self.local_set(&key(project), &text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedbed_core::review::{Quality, ResponseStatus};

    #[test]
    fn what_was_written_is_read_and_anything_else_is_nothing() {
        let response = Response {
            status: ResponseStatus::Submitted,
            quality: Some(Quality::Good),
            ..Response::default()
        };
        let waiting = BTreeMap::from([("r1".to_owned(), response)]);
        let text = serde_json::to_string(&waiting).unwrap();
        assert_eq!(read(Some(text)), waiting);
        assert!(read(Some("[]".to_owned())).is_empty());
        assert!(read(None).is_empty());
    }
}
