//! The review queue as the page holds it: a window of records around the one being read, fetched ahead on both sides
//! so that the next one is always at hand.
//!
//! The one idea: a queue with a state filter shrinks while it is worked on, so records that were decided here stay in
//! the window (one can go back to them) and are counted as part of the queue until the filter changes. Positions and
//! totals the backend reports are corrected by them. Nothing here grows with the project: the window is bounded.

use seedbed_core::messages::{RecordFilter, RecordView};
use seedbed_core::review::{Clock, RecordState, Response, ResponseStatus, outcome};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Records fetched at a time.
const BATCH: u32 = 40;
/// Fewer records than this ahead (or behind): fetch more.
const LOW_WATER: usize = 20;
/// Records kept at most.
const WINDOW: usize = 160;

/// Which part of the queue a fetch asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Both sides of the anchor, in place of what is there.
    Around,
    /// What follows the window.
    After,
    /// What comes before the window.
    Before,
}

/// A fetch to make: the arguments of `RecordsAround`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// To be given back with the answer; late answers of an abandoned queue are told by it.
    pub token: u32,
    /// Which part.
    pub side: Side,
    /// `seq` to fetch around.
    pub anchor: Option<u64>,
    /// Records before the anchor.
    pub before: u32,
    /// Records after the anchor.
    pub after: u32,
}

/// Result of a step to the next or previous record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// Another record is shown.
    Shown,
    /// It is being fetched and will be shown then.
    Waiting,
    /// There is no further one.
    AtEdge,
}

/// What the page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nothing is known yet.
    Loading,
    /// A record.
    Record,
    /// All records of the queue are behind.
    End,
    /// No record matches.
    Empty,
    /// The window could not be read.
    Failed,
}

/// A bounded window on the queue. See the module's text.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    filter: RecordFilter,
    rows: VecDeque<Arc<RecordView>>,
    /// Index into `rows`; `rows.len()` is the place after the last record.
    current: usize,
    /// Records of the queue before `rows[0]`, decided ones included.
    first_position: u32,
    /// Matching records as last reported.
    matching: u32,
    /// `seq` of records that matched when they were read and do not any more.
    left: BTreeSet<u64>,
    is_end_known: bool,
    is_loaded: bool,
    has_failed: bool,
    is_outdated: bool,
    in_flight: Option<Fetch>,
    next_token: u32,
    /// Show the following record once it is there.
    wants_next: bool,
    wants_previous: bool,
    /// `seq` to show once the window around it is there.
    target: Option<u64>,
}

impl Queue {
    /// A queue of the records that match `filter`, from `anchor` (or the start).
    pub fn new(filter: RecordFilter, anchor: Option<u64>) -> Self {
        Self {
            filter,
            target: anchor,
            ..Self::default()
        }
    }

    /// Starts over with another filter; answers to earlier fetches are ignored from now on. With `stay`, the queue
    /// opens at the record that is shown.
    pub fn set_filter(&mut self, filter: RecordFilter, stay: bool) {
        let token = self.next_token + 1;
        let anchor = if stay {
            self.current().map(|row| row.seq)
        } else {
            None
        };
        *self = Self::new(filter, anchor);
        self.next_token = token;
    }

    /// The filter.
    pub fn filter(&self) -> &RecordFilter {
        &self.filter
    }

    /// The record that is shown.
    pub fn current(&self) -> Option<&Arc<RecordView>> {
        self.rows.get(self.current)
    }

    /// What the page shows.
    pub fn place(&self) -> Place {
        if self.current().is_some() {
            Place::Record
        } else if self.has_failed {
            Place::Failed
        } else if !self.is_loaded || self.in_flight.is_some() {
            Place::Loading
        } else if self.rows.is_empty() {
            Place::Empty
        } else {
            Place::End
        }
    }

    /// Position of the record that is shown, from 1, among [`Self::total`].
    pub fn position(&self) -> u32 {
        self.first_position + self.current as u32 + 1
    }

    /// Records of the queue, those decided here included.
    pub fn total(&self) -> u32 {
        self.matching + self.left.len() as u32
    }

    /// A step back is possible.
    pub fn has_previous(&self) -> bool {
        self.current > 0 || self.first_position > 0
    }

    /// One record forward, at last to the place after the end.
    pub fn forward(&mut self) -> Moved {
        self.wants_previous = false;
        if self.current + 1 < self.rows.len() {
            self.current += 1;
            return Moved::Shown;
        }
        if self.is_loaded && self.is_end_known {
            if self.current < self.rows.len() {
                self.current = self.rows.len();
                return Moved::Shown;
            }
            return Moved::AtEdge;
        }
        self.wants_next = true;
        Moved::Waiting
    }

    /// One record back.
    pub fn back(&mut self) -> Moved {
        self.wants_next = false;
        if self.current > 0 {
            self.current -= 1;
            return Moved::Shown;
        }
        if self.first_position == 0 {
            return Moved::AtEdge;
        }
        self.wants_previous = true;
        Moved::Waiting
    }

    /// The fetch that is due now, if any; the queue then waits for [`Self::arrived`] or [`Self::fetch_failed`].
    pub fn due(&mut self) -> Option<Fetch> {
        if self.in_flight.is_some() || self.has_failed {
            return None;
        }
        let (side, anchor, before, after) = if !self.is_loaded || self.target.is_some() {
            match self.target {
                Some(seq) => (Side::Around, Some(seq), BATCH / 2, BATCH),
                None => (Side::Around, None, 0, BATCH),
            }
        } else if self.is_outdated {
            match self.current().or_else(|| self.rows.back()) {
                Some(row) => (Side::Around, Some(row.seq), BATCH, BATCH),
                None => (Side::Around, None, 0, BATCH),
            }
        } else if !self.is_end_known && self.rows.len() < self.current + 1 + LOW_WATER {
            match self.rows.back() {
                Some(row) => (Side::After, Some(row.seq), 0, BATCH),
                None => (Side::Around, None, 0, BATCH),
            }
        } else if self.first_position > 0 && self.current < LOW_WATER {
            match self.rows.front() {
                Some(row) => (Side::Before, Some(row.seq), BATCH, 0),
                None => return None,
            }
        } else {
            return None;
        };
        self.next_token += 1;
        let fetch = Fetch {
            token: self.next_token,
            side,
            anchor,
            before,
            after,
        };
        self.is_outdated = false;
        self.in_flight = Some(fetch);
        Some(fetch)
    }

    /// Takes an answer in. Answers to anything but the last fetch are ignored.
    pub fn arrived(&mut self, token: u32, total: u32, position: u32, rows: Vec<RecordView>) {
        let Some(fetch) = self.in_flight.filter(|fetch| fetch.token == token) else {
            return;
        };
        self.in_flight = None;
        self.has_failed = false;
        self.matching = total;
        for row in &rows {
            // Counted by the backend: a decision on it is not there yet, or was undone.
            if matches_state(&self.filter, row) {
                self.left.remove(&row.seq);
            }
        }
        let first_seq = rows.first().map(|row| row.seq);
        let came_after = match fetch.anchor {
            Some(anchor) => rows.iter().filter(|row| row.seq > anchor).count(),
            None => rows.len(),
        };
        match fetch.side {
            Side::Around => self.replace(fetch, position, rows),
            Side::After => {
                let last = self.rows.back().map_or(0, |row| row.seq);
                self.rows
                    .extend(rows.into_iter().filter(|row| row.seq > last).map(Arc::new));
            }
            Side::Before => {
                let first = self.rows.front().map_or(u64::MAX, |row| row.seq);
                for row in rows.into_iter().rev().filter(|row| row.seq < first) {
                    self.rows.push_front(Arc::new(row));
                    self.current += 1;
                }
            }
        }
        if fetch.side != Side::Before {
            self.is_end_known = came_after < fetch.after as usize;
        }
        self.correct_position(first_seq, position);
        if fetch.side == Side::Before && self.current == 0 {
            // Nothing came although the count says so: believe the rows.
            self.first_position = 0;
        }
        if self.wants_next {
            self.wants_next = false;
            self.forward();
        }
        if self.wants_previous && self.current > 0 {
            self.wants_previous = false;
            self.current -= 1;
        }
        self.trim();
    }

    fn replace(&mut self, fetch: Fetch, position: u32, rows: Vec<RecordView>) {
        let shown = self
            .target
            .take()
            .or_else(|| self.current().map(|row| row.seq));
        let was_at_end = self.is_loaded && self.current >= self.rows.len();
        let (first, last) = match (rows.first(), rows.last()) {
            (Some(first), Some(last)) => (first.seq, last.seq),
            _ => (u64::MAX, 0),
        };
        let mut next: BTreeMap<u64, Arc<RecordView>> = self
            .rows
            .drain(..)
            .filter(|row| {
                self.left.contains(&row.seq)
                    && ((row.seq >= first && row.seq <= last) || position == 0 || first > last)
            })
            .map(|row| (row.seq, row))
            .collect();
        next.extend(rows.into_iter().map(|row| (row.seq, Arc::new(row))));
        self.rows = next.into_values().collect();
        self.is_loaded = true;
        self.current = match (was_at_end, shown.or(fetch.anchor)) {
            // New records may have come behind the end: then the first of them is shown.
            (true, _) => fetch
                .anchor
                .map_or(0, |seq| self.rows.partition_point(|row| row.seq <= seq)),
            (false, Some(seq)) => self.rows.partition_point(|row| row.seq < seq),
            (false, None) => 0,
        };
    }

    fn correct_position(&mut self, first_seq: Option<u64>, position: u32) {
        let Some(first_seq) = first_seq else {
            if self.rows.is_empty() {
                self.first_position = 0;
            }
            return;
        };
        let index = self.rows.partition_point(|row| row.seq < first_seq) as u32;
        let left_before = self.left.range(..first_seq).count() as u32;
        self.first_position = (position + left_before).saturating_sub(index);
    }

    /// Drops what is farthest from the record that is shown.
    fn trim(&mut self) {
        while self.rows.len() > WINDOW {
            if self.current > self.rows.len() / 2 {
                self.rows.pop_front();
                self.current -= 1;
                self.first_position += 1;
            } else {
                self.rows.pop_back();
                self.is_end_known = false;
            }
        }
    }

    /// A fetch failed; the page offers [`Self::retry`] when it has nothing to show.
    pub fn fetch_failed(&mut self, token: u32) {
        if self.in_flight.is_some_and(|fetch| fetch.token == token) {
            self.in_flight = None;
            self.has_failed = true;
            self.wants_next = false;
            self.wants_previous = false;
        }
    }

    /// The last fetch failed.
    pub fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Lets [`Self::due`] fetch again after a failure.
    pub fn retry(&mut self) {
        self.has_failed = false;
    }

    /// Records changed by other means (a run, a sync): what is at hand is read again.
    pub fn outdate(&mut self) {
        self.is_outdated = true;
        self.is_end_known = false;
    }

    /// The following record is on its way; the one in sight was left already.
    pub fn is_waiting(&self) -> bool {
        self.wants_next || self.wants_previous
    }

    /// The record that can be decided on.
    pub fn undecided(&self) -> Option<&Arc<RecordView>> {
        if self.is_waiting() {
            return None;
        }
        self.current()
    }

    /// Puts my response on a record before it is stored; `before` is the record as it was decided on. The state is what the
    /// same rules will say in the backend.
    pub fn decide(&mut self, before: &RecordView, response: &Response) {
        self.put(Arc::new(answered(before, response)));
    }

    /// Puts what is not confirmed yet on the records of the window, as [`Self::decide`] does: what came from the backend
    /// does not have it.
    pub fn paint(&mut self, unconfirmed: impl Fn(&str) -> Option<Response>) {
        let painted: Vec<RecordView> = self
            .rows
            .iter()
            .filter_map(|row| Some(answered(row, &unconfirmed(&row.record.id)?)))
            .collect();
        for row in painted {
            self.put(Arc::new(row));
        }
    }

    /// A record of the window.
    pub fn find(&self, record: &str) -> Option<&Arc<RecordView>> {
        self.rows.iter().find(|row| row.record.id == record)
    }

    /// Takes a record as the backend has it now.
    pub fn put(&mut self, row: Arc<RecordView>) {
        let index = self.rows.partition_point(|other| other.seq < row.seq);
        let Some(slot) = self.rows.get_mut(index) else {
            return;
        };
        if slot.seq != row.seq {
            return;
        }
        let matched = matches_state(&self.filter, slot);
        let matches = matches_state(&self.filter, &row);
        let seq = row.seq;
        *slot = row;
        if matched && !matches {
            if self.left.insert(seq) {
                self.matching = self.matching.saturating_sub(1);
            }
        } else if matches && self.left.remove(&seq) {
            self.matching += 1;
        }
    }

    /// Shows `row` (after an undo, or after a save that failed), wherever it stands. True if it was not at hand and
    /// the window around it is due.
    pub fn show(&mut self, row: RecordView) -> bool {
        let seq = row.seq;
        self.wants_next = false;
        self.wants_previous = false;
        let row = Arc::new(row);
        let index = self.rows.partition_point(|other| other.seq < seq);
        if self.rows.get(index).is_some_and(|other| other.seq == seq) {
            self.put(row);
            self.current = index;
            return false;
        }
        self.rows.clear();
        self.rows.push_back(row);
        self.current = 0;
        self.is_loaded = true;
        self.is_end_known = false;
        self.in_flight = None;
        self.target = Some(seq);
        true
    }
}

/// Whether a record belongs to the queue as far as a decision can change that.
fn matches_state(filter: &RecordFilter, row: &RecordView) -> bool {
    let is_draft = row
        .mine
        .as_ref()
        .is_some_and(|response| response.status == ResponseStatus::Draft);
    filter.state.is_none_or(|state| state == row.state) && (!filter.with_draft || is_draft)
}

/// A record with my response on it.
pub fn answered(row: &RecordView, response: &Response) -> RecordView {
    let mut after = row.clone();
    after.mine = Some(response.clone());
    if response.status != ResponseStatus::Draft {
        after.state = predicted_state(&after);
    }
    after
}

/// The state after my response counts.
fn predicted_state(row: &RecordView) -> RecordState {
    let mut active: BTreeMap<String, (Clock, Response)> = row
        .others
        .iter()
        .map(|other| {
            (
                other.writer.clone(),
                (Clock::default(), other.response.clone()),
            )
        })
        .collect();
    if let Some(mine) = &row.mine {
        let now = Clock { ms: u64::MAX, n: 0 };
        active.insert("\u{0}".to_owned(), (now, mine.clone()));
    }
    outcome(&row.record.fields, &active).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedbed_core::messages::OtherResponse;
    use seedbed_core::record::Record;
    use seedbed_core::review::Quality;

    /// A backend with `states.len()` records, `seq` 10, 20, ….
    struct Backend {
        rows: Vec<RecordView>,
    }

    impl Backend {
        fn new(count: u64) -> Self {
            Self {
                rows: (1..=count)
                    .map(|n| RecordView {
                        seq: n * 10,
                        record: Record {
                            id: n.to_string(),
                            ..Record::default()
                        },
                        state: RecordState::Pending,
                        mine: None,
                        others: Vec::new(),
                        text: String::new(),
                        is_stale: false,
                        messages: Vec::new(),
                    })
                    .collect(),
            }
        }

        fn around(&self, filter: &RecordFilter, fetch: Fetch) -> (u32, u32, Vec<RecordView>) {
            let matching: Vec<&RecordView> = self
                .rows
                .iter()
                .filter(|row| matches_state(filter, row))
                .collect();
            let anchor = fetch.anchor.unwrap_or(0);
            let first_after = matching.partition_point(|row| row.seq <= anchor);
            let before_end = matching.partition_point(|row| row.seq < anchor);
            let from = before_end.saturating_sub(fetch.before as usize);
            let to = (first_after + fetch.after as usize).min(matching.len());
            let mut rows: Vec<RecordView> = matching[from..before_end]
                .iter()
                .map(|row| (*row).clone())
                .collect();
            rows.extend(self.rows.iter().find(|row| row.seq == anchor).cloned());
            rows.extend(matching[first_after..to].iter().map(|row| (*row).clone()));
            (matching.len() as u32, from as u32, rows)
        }

        fn serve(&self, queue: &mut Queue) -> usize {
            let mut served = 0;
            while let Some(fetch) = queue.due() {
                let (total, position, rows) = self.around(queue.filter(), fetch);
                queue.arrived(fetch.token, total, position, rows);
                served += 1;
                assert!(served < 50, "the queue never has enough");
            }
            served
        }

        fn store(&mut self, row: &RecordView) {
            let index = self.rows.iter().position(|other| other.seq == row.seq);
            self.rows[index.unwrap()] = row.clone();
        }
    }

    fn pending() -> RecordFilter {
        RecordFilter {
            state: Some(RecordState::Pending),
            ..RecordFilter::default()
        }
    }

    fn good() -> Response {
        Response::rated(Quality::Good)
    }

    fn of_bo(response: Response) -> Vec<OtherResponse> {
        vec![OtherResponse {
            writer: "bo".into(),
            response,
            ..OtherResponse::default()
        }]
    }

    fn shown(queue: &Queue) -> u64 {
        queue.current().map_or(0, |row| row.seq)
    }

    #[test]
    fn reading_on_never_waits_and_never_holds_more_than_the_window() {
        let backend = Backend::new(5_000);
        let mut queue = Queue::new(RecordFilter::default(), None);
        backend.serve(&mut queue);
        let mut fetches = 0;
        for n in 1..5_000_u64 {
            assert_eq!(shown(&queue), n * 10);
            assert_eq!((queue.position(), queue.total()), (n as u32, 5_000));
            assert_eq!(queue.forward(), Moved::Shown);
            fetches += backend.serve(&mut queue);
            assert!(queue.rows.len() <= WINDOW);
        }
        assert!(fetches < 400, "{fetches}");
        assert_eq!(queue.forward(), Moved::Shown);
        assert_eq!(queue.place(), Place::End);
        assert_eq!(queue.forward(), Moved::AtEdge);
        for n in (1..=5_000_u64).rev() {
            assert_eq!(queue.back(), Moved::Shown);
            backend.serve(&mut queue);
            assert_eq!((shown(&queue), queue.position()), (n * 10, n as u32));
        }
        assert_eq!(queue.back(), Moved::AtEdge);
    }

    fn decide(queue: &mut Queue, response: &Response) -> Option<Arc<RecordView>> {
        let before = Arc::clone(queue.undecided()?);
        queue.decide(&before, response);
        Some(before)
    }

    #[test]
    fn a_decided_record_leaves_the_pending_queue_but_one_can_go_back_to_it() {
        let mut backend = Backend::new(300);
        let mut queue = Queue::new(pending(), None);
        backend.serve(&mut queue);
        for n in 1..=300_u64 {
            assert_eq!((shown(&queue), queue.position()), (n * 10, n as u32));
            assert_eq!(queue.total(), 300);
            decide(&mut queue, &good()).unwrap();
            let decided = RecordView::clone(queue.current().unwrap());
            assert_eq!(decided.state, RecordState::Accepted);
            queue.forward();
            backend.store(&decided);
            queue.put(Arc::new(decided));
            backend.serve(&mut queue);
        }
        assert_eq!(queue.place(), Place::End);
        assert_eq!(queue.back(), Moved::Shown);
        assert_eq!((shown(&queue), queue.position()), (3_000, 300));
    }

    #[test]
    fn a_step_before_the_rows_came_is_made_when_they_come() {
        let backend = Backend::new(100);
        let mut queue = Queue::new(pending(), None);
        assert_eq!(queue.place(), Place::Loading);
        backend.serve(&mut queue);
        while queue.forward() == Moved::Shown {}
        assert_eq!(shown(&queue), 400);
        let fetch = queue.due().unwrap();
        let (total, position, rows) = backend.around(queue.filter(), fetch);
        queue.arrived(fetch.token, total, position, rows);
        assert_eq!(shown(&queue), 410);
    }

    #[test]
    fn a_key_press_while_waiting_decides_nothing() {
        let backend = Backend::new(100);
        let mut queue = Queue::new(RecordFilter::default(), None);
        backend.serve(&mut queue);
        while queue.forward() == Moved::Shown {}
        assert!(queue.is_waiting());
        assert!(decide(&mut queue, &good()).is_none());
        assert_eq!(queue.current().unwrap().mine, None);
        backend.serve(&mut queue);
        assert!(!queue.is_waiting());
        assert!(decide(&mut queue, &good()).is_some());
    }

    #[test]
    fn late_answers_of_another_filter_are_ignored() {
        let backend = Backend::new(5);
        let mut queue = Queue::new(pending(), None);
        let old = queue.due().unwrap();
        queue.set_filter(RecordFilter::default(), false);
        let (total, position, rows) = backend.around(&pending(), old);
        queue.arrived(old.token, total, position, rows);
        assert_eq!(queue.place(), Place::Loading);
        backend.serve(&mut queue);
        assert_eq!(queue.place(), Place::Record);
    }

    #[test]
    fn a_failed_save_comes_back_to_its_record_with_what_it_was() {
        let backend = Backend::new(50);
        let mut queue = Queue::new(pending(), None);
        backend.serve(&mut queue);
        let before = decide(&mut queue, &good()).unwrap();
        queue.forward();
        queue.forward();
        assert_eq!(shown(&queue), 30);
        assert!(!queue.show(RecordView::clone(&before)));
        assert_eq!((shown(&queue), queue.total()), (10, 50));
        assert_eq!(queue.current().unwrap().state, RecordState::Pending);
    }

    #[test]
    fn an_undo_shows_its_record_even_when_it_is_far_away() {
        let backend = Backend::new(2_000);
        let mut queue = Queue::new(RecordFilter::default(), None);
        backend.serve(&mut queue);
        assert!(queue.show(backend.rows[1_499].clone()));
        assert_eq!(shown(&queue), 15_000);
        backend.serve(&mut queue);
        assert_eq!((shown(&queue), queue.position()), (15_000, 1_500));
        assert_eq!(queue.forward(), Moved::Shown);
        assert_eq!(shown(&queue), 15_010);
        queue.back();
        assert_eq!(queue.back(), Moved::Shown);
        assert_eq!(shown(&queue), 14_990);
    }

    #[test]
    fn records_that_a_run_adds_are_found_behind_the_end() {
        let mut backend = Backend::new(3);
        let mut queue = Queue::new(pending(), None);
        backend.serve(&mut queue);
        for _ in 0..3 {
            queue.forward();
        }
        assert_eq!(queue.place(), Place::End);
        backend.rows = Backend::new(6).rows;
        queue.outdate();
        backend.serve(&mut queue);
        assert_eq!((shown(&queue), queue.place()), (40, Place::Record));
    }

    #[test]
    fn an_empty_queue_fills_when_records_come() {
        let mut backend = Backend::new(0);
        let mut queue = Queue::new(pending(), None);
        backend.serve(&mut queue);
        assert_eq!(queue.place(), Place::Empty);
        backend.rows = Backend::new(2).rows;
        queue.outdate();
        backend.serve(&mut queue);
        assert_eq!(shown(&queue), 10);
    }

    #[test]
    fn a_refresh_keeps_the_place_and_the_decided_records() {
        let mut backend = Backend::new(100);
        let mut queue = Queue::new(pending(), None);
        backend.serve(&mut queue);
        for _ in 0..5 {
            decide(&mut queue, &good()).unwrap();
            let decided = RecordView::clone(queue.current().unwrap());
            backend.store(&decided);
            queue.forward();
        }
        queue.outdate();
        backend.serve(&mut queue);
        assert_eq!(
            (shown(&queue), queue.position(), queue.total()),
            (60, 6, 100)
        );
        assert_eq!(queue.back(), Moved::Shown);
        assert_eq!(shown(&queue), 50);
    }

    #[test]
    fn after_a_failed_fetch_nothing_is_asked_until_a_retry() {
        let backend = Backend::new(3);
        let mut queue = Queue::new(pending(), None);
        let fetch = queue.due().unwrap();
        queue.fetch_failed(fetch.token);
        assert_eq!((queue.place(), queue.due()), (Place::Failed, None));
        queue.retry();
        backend.serve(&mut queue);
        assert_eq!(shown(&queue), 10);
    }

    #[test]
    fn a_second_opinion_makes_a_dispute() {
        let mut backend = Backend::new(1);
        backend.rows[0].others = of_bo(Response::rated(Quality::Bad));
        backend.rows[0].state = RecordState::Rejected;
        let mut queue = Queue::new(RecordFilter::default(), None);
        backend.serve(&mut queue);
        decide(&mut queue, &good()).unwrap();
        assert_eq!(queue.current().unwrap().state, RecordState::Disputed);
    }

    #[test]
    fn a_second_wording_makes_a_dispute_and_the_same_words_end_it() {
        let edited = |text: &str| {
            let mut response = good();
            response.set_text("improved_response", Some(text));
            response
        };
        let mut backend = Backend::new(1);
        backend.rows[0].others = of_bo(edited("Theirs."));
        let mut queue = Queue::new(RecordFilter::default(), None);
        backend.serve(&mut queue);
        for (words, state) in [
            ("Mine.", RecordState::Disputed),
            ("Theirs.", RecordState::Accepted),
        ] {
            decide(&mut queue, &edited(words)).unwrap();
            assert_eq!(queue.current().unwrap().state, state);
        }
    }

    #[test]
    fn a_window_that_comes_while_a_decision_waits_leaves_it_as_it_was_painted() {
        let backend = Backend::new(3);
        let mut queue = Queue::new(pending(), None);
        backend.serve(&mut queue);
        decide(&mut queue, &good()).unwrap();
        queue.forward();
        queue.outdate();
        let fetch = queue.due().unwrap();
        let (total, position, rows) = backend.around(queue.filter(), fetch);
        queue.arrived(fetch.token, total, position, rows);
        queue.paint(|record| (record == "1").then(good));
        queue.back();
        assert_eq!(queue.current().unwrap().state, RecordState::Accepted);
        assert_eq!((queue.position(), queue.total()), (1, 3));
    }
}
