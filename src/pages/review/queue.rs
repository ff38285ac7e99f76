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
    /// The target is a place: if its record does not belong to the queue any more, the next one is shown.
    is_place: bool,
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

    /// Starts over with another filter, at the record with this `seq` or, if that does not belong to it, at the next one.
    pub fn resume(&mut self, filter: RecordFilter, seq: Option<u64>) {
        self.set_filter(filter, false);
        self.target = seq;
        self.is_place = seq.is_some();
    }

    /// What [`Self::resume`] needs to come back to here.
    pub fn here(&self) -> Option<u64> {
        match self.current() {
            Some(row) => Some(row.seq),
            // Behind the last one.
            None => self.rows.back().map(|row| row.seq + 1),
        }
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
        let mut rows = rows;
        if fetch.side == Side::Around && std::mem::take(&mut self.is_place) {
            // The record that is asked for comes along whether it matches or not.
            rows.retain(|row| Some(row.seq) != fetch.anchor || matches_state(&self.filter, row));
        }
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
        self.is_place = false;
        true
    }
}

/// Where one was in the queues that were read, so that a search or a filter is left to the record that was open before.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The last place in each queue that nothing narrowed down.
    left: Vec<(RecordFilter, u64)>,
    /// The queue that something narrows down now.
    whole: Option<RecordFilter>,
}

impl Places {
    /// One goes from `now`, where one is at `here`, to a queue that is named as a whole.
    pub fn go(
        &mut self,
        now: &RecordFilter,
        here: Option<u64>,
        wanted: &RecordFilter,
    ) -> Option<u64> {
        self.leave(now, here);
        self.whole = None;
        self.place_in(wanted)
    }

    /// One narrows the queue down, or less. Returns the filter that is left then, and where to go on in it.
    pub fn narrow(
        &mut self,
        now: &RecordFilter,
        here: Option<u64>,
        mut wanted: RecordFilter,
    ) -> (RecordFilter, Option<u64>) {
        self.leave(now, here);
        let begins_search = now.search.is_empty() && !wanted.search.is_empty();
        if !is_narrowed(now) {
            self.whole = is_narrowed(&wanted).then(|| now.clone());
        } else if (now.state, now.with_draft) != (wanted.state, wanted.with_draft) && !begins_search
        {
            // Another queue was chosen meanwhile: it is the one to come back to.
            self.whole = Some(whole(&wanted));
        } else if !is_narrowed(&wanted)
            && let Some(before) = self.whole.take()
        {
            wanted = before;
        }
        if !is_narrowed(&wanted) {
            let place = self.place_in(&wanted);
            return (wanted, place);
        }
        let stays = is_wider(&wanted, now);
        (wanted, here.filter(|_| stays))
    }

    fn leave(&mut self, now: &RecordFilter, here: Option<u64>) {
        if let (Some(here), false) = (here, is_narrowed(now)) {
            self.left.retain(|(filter, _)| filter != now);
            self.left.push((now.clone(), here));
        }
    }

    fn place_in(&self, wanted: &RecordFilter) -> Option<u64> {
        let found = self.left.iter().find(|(filter, _)| filter == wanted);
        found.map(|(_, seq)| *seq)
    }
}

/// Whether something narrows a queue down.
pub fn is_narrowed(filter: &RecordFilter) -> bool {
    filter.topic.is_some()
        || filter.perspective.is_some()
        || filter.model.is_some()
        || filter.stale
        || !filter.search.is_empty()
}

/// The queue with nothing narrowed down.
pub fn whole(filter: &RecordFilter) -> RecordFilter {
    RecordFilter {
        state: filter.state,
        with_draft: filter.with_draft,
        ..RecordFilter::default()
    }
}

/// Whether every record of `narrow` belongs to `wide`.
fn is_wider(wide: &RecordFilter, narrow: &RecordFilter) -> bool {
    fn holds<T: PartialEq>(wide: Option<&T>, narrow: Option<&T>) -> bool {
        wide.is_none() || wide == narrow
    }
    holds(wide.topic.as_ref(), narrow.topic.as_ref())
        && holds(wide.perspective.as_ref(), narrow.perspective.as_ref())
        && holds(wide.model.as_ref(), narrow.model.as_ref())
        && holds(wide.state.as_ref(), narrow.state.as_ref())
        && (!wide.stale || narrow.stale)
        && (!wide.with_draft || narrow.with_draft)
        && (wide.search.is_empty() || wide.search == narrow.search)
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

    /// Searches and filters as the panel asks for them, over records of topics that alternate.
    struct Panel {
        backend: Backend,
        queue: Queue,
        places: Places,
    }

    impl Panel {
        fn at(position: u32) -> Self {
            let mut panel = Self {
                backend: Backend::new(40),
                queue: Queue::new(pending(), None),
                places: Places::default(),
            };
            panel.backend.serve(&mut panel.queue);
            for _ in 1..position {
                panel.queue.forward();
                panel.backend.serve(&mut panel.queue);
            }
            panel
        }

        fn narrow(&mut self, change: impl FnOnce(&mut RecordFilter)) {
            let mut wanted = self.queue.filter().clone();
            change(&mut wanted);
            let now = self.queue.filter().clone();
            let (filter, place) = self.places.narrow(&now, self.queue.here(), wanted);
            self.queue.resume(filter, place);
            self.backend.serve(&mut self.queue);
        }

        fn go(&mut self, wanted: RecordFilter) {
            let now = self.queue.filter().clone();
            let place = self.places.go(&now, self.queue.here(), &wanted);
            self.queue.resume(wanted, place);
            self.backend.serve(&mut self.queue);
        }

        fn place(&self) -> (u64, u32, u32) {
            (
                shown(&self.queue),
                self.queue.position(),
                self.queue.total(),
            )
        }
    }

    fn clear(filter: &mut RecordFilter) {
        *filter = whole(filter);
    }

    #[test]
    fn the_record_that_was_open_before_a_filter_is_shown_when_it_is_cleared() {
        let mut panel = Panel::at(25);
        panel.narrow(|filter| filter.topic = Some("storage".into()));
        assert_eq!(
            shown(&panel.queue),
            10,
            "a filter begins at its first record"
        );
        panel.queue.forward();
        panel.narrow(clear);
        assert_eq!(panel.place(), (250, 25, 40));
        // By search, which looks among all records.
        panel.narrow(|filter| {
            filter.search = "cod".into();
            filter.state = None;
        });
        panel.narrow(|filter| filter.search = "codling".into());
        panel.narrow(|filter| filter.search.clear());
        assert_eq!(panel.place(), (250, 25, 40));
        assert_eq!(*panel.queue.filter(), pending());
        // One on top of the other, taken off one by one: what is open stays while it may.
        panel.narrow(|filter| filter.topic = Some("storage".into()));
        panel.narrow(|filter| {
            filter.search = "codling".into();
            filter.state = None;
        });
        panel.queue.forward();
        panel.narrow(|filter| filter.search.clear());
        assert_eq!(shown(&panel.queue), 20);
        panel.narrow(|filter| filter.topic = None);
        assert_eq!(panel.place(), (250, 25, 40));
    }

    #[test]
    fn the_next_record_is_shown_where_the_one_from_before_was_decided_meanwhile() {
        let mut panel = Panel::at(25);
        panel.narrow(|filter| filter.topic = Some("storage".into()));
        let decided = answered(&panel.backend.rows[24], &good());
        panel.backend.store(&decided);
        panel.narrow(clear);
        assert_eq!(panel.place(), (260, 25, 39));
        panel.queue.back();
        assert_eq!(panel.place(), (240, 24, 39));
    }

    #[test]
    fn another_queue_begins_at_its_start_and_the_first_one_is_found_again() {
        let mut panel = Panel::at(25);
        panel.go(RecordFilter::default());
        assert_eq!(panel.place(), (10, 1, 40));
        panel.queue.forward();
        panel.go(pending());
        assert_eq!(panel.place(), (250, 25, 40));
        panel.go(RecordFilter::default());
        assert_eq!(panel.place(), (20, 2, 40));
    }

    #[test]
    fn a_queue_that_is_chosen_while_something_narrows_it_down_is_what_is_left() {
        let mut panel = Panel::at(25);
        panel.narrow(|filter| filter.topic = Some("storage".into()));
        panel.narrow(|filter| filter.state = None);
        panel.narrow(clear);
        assert_eq!(*panel.queue.filter(), RecordFilter::default());
    }

    #[test]
    fn one_who_was_behind_the_last_record_comes_back_there() {
        let mut panel = Panel::at(41);
        assert_eq!(panel.queue.place(), Place::End);
        panel.narrow(|filter| filter.topic = Some("storage".into()));
        panel.narrow(clear);
        assert_eq!(panel.queue.place(), Place::End);
        panel.queue.back();
        assert_eq!(panel.place(), (400, 40, 40));
    }
}
