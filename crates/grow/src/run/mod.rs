//! The scheduler of a run: which row to ask for next, when, and what a failure means.
//!
//! A state machine without clock, random source or I/O. The caller asks [`Scheduler::next`], does what the [`Step`]
//! says, and reports [`Scheduler::sent`], [`Scheduler::succeeded`] and [`Scheduler::failed`] with the time. The class
//! of an error decides everything:
//!
//! | class | what happens |
//! | --- | --- |
//! | stop | the run pauses and the row stays in the queue |
//! | bad request | the row fails at once; five alike in a row pause the run |
//! | slow down | nobody sends until the wait is over; the row keeps its attempt |
//! | transient | the row is tried again after a random backoff, five attempts in all |
//! | network | before any answer: five pause the run; repeated after a success: slow down; else transient |
//!
//! A model in this tab is no network ([`Limits::in_tab`]): nothing is waited for before a row is asked again, and when its
//! worker ends ([`Scheduler::died`]) the rows in flight go back without losing an attempt. One that was in flight at two
//! such ends fails; three in a row without an answer between them pause the run.
//!
//! At least half failed among the last ten to twenty finished rows pauses the run too. Times going backwards (a clock
//! set back) never lengthen a wait.

mod backoff;
mod failures;
#[cfg(test)]
mod tests;

use seedbed_core::chat::{ChatError, ErrorClass};
use seedbed_core::messages::Failure;
use seedbed_core::params::RunSettings;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

/// Numbers that bound a run; [`Limits::default`] has the ones of the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests in flight at most; 0 counts as 1.
    pub concurrency: u32,
    /// Requests per row at most.
    pub max_attempts: u32,
    /// Alike bad requests in a row that pause the run.
    pub alike_refusals: u32,
    /// Network errors before any answer that pause the run.
    pub offline_after: u32,
    /// Two network errors within this time, in milliseconds, are a burst.
    pub network_burst_ms: u64,
    /// A server's wait above this, in milliseconds, pauses the run.
    pub longest_wait_ms: u64,
    /// Refused for so long without one success, in milliseconds, pauses the run.
    pub slow_patience_ms: u64,
    /// No answer at all for so long after earlier successes, in milliseconds, pauses the run.
    pub network_patience_ms: u64,
    /// A row is asked again after a random wait.
    pub backs_off: bool,
    /// Ends of the model's worker that a row may be in flight at.
    pub row_deaths: u32,
    /// Ends of the model's worker in a row, without an answer between them, that pause the run.
    pub deaths_in_vain: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrency: 6,
            max_attempts: 5,
            alike_refusals: 5,
            offline_after: 5,
            network_burst_ms: 2_000,
            longest_wait_ms: 120_000,
            slow_patience_ms: 600_000,
            network_patience_ms: 300_000,
            backs_off: true,
            row_deaths: 2,
            deaths_in_vain: 3,
        }
    }
}

impl Limits {
    /// The app's limits with the person's concurrency (1..=16).
    pub fn of(settings: &RunSettings) -> Self {
        Self {
            concurrency: settings.concurrency.clamp(1, 16),
            ..Self::default()
        }
    }

    /// The same for a model in this tab, which is asked for as many as it makes side by side
    /// ([`Scheduler::set_concurrency`]).
    pub fn in_tab(settings: &RunSettings) -> Self {
        Self {
            backs_off: false,
            ..Self::of(settings)
        }
    }
}

/// Bursts of refusals that must have been waited out in vain before patience ends.
const PATIENT_ROUNDS: u32 = 5;
/// From this burst on our own backoff is the least wait, even if the server names a shorter one.
const TRUSTED_ROUNDS: u32 = 3;
/// Finished rows that the failure share is taken from: at least, at most.
const RECENT: (usize, usize) = (10, 20);
/// Span of the rate, in milliseconds.
const RATE_SPAN_MS: u64 = 60_000;

/// What to do now.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Send this row, then report [`Scheduler::sent`].
    Send(String),
    /// Nothing can be sent before this time (milliseconds since 1970); requests may be in flight meanwhile.
    WaitUntil(u64),
    /// Nothing to do until a request in flight comes back.
    Idle,
    /// Every row is done or given up.
    Finished,
    /// Paused with nothing in flight: by the person (`None`) or for this reason.
    Paused(Option<Failure>),
}

/// What becomes of a row whose request failed.
#[derive(Clone, Debug, PartialEq)]
pub enum ItemOutcome {
    /// It is queued again.
    Retry {
        /// Not before this time (milliseconds since 1970).
        at_ms: u64,
        /// The request counts against the row's attempts.
        counts_attempt: bool,
    },
    /// The row failed for good, for this reason.
    GiveUp(Failure),
    /// The row was not in flight; nothing changed.
    Ignored,
}

/// A row that waits.
#[derive(Clone, Debug)]
struct Waiting {
    attempts: u32,
    /// Its key in `later`, or `None` when it stands in `ready`.
    later: Option<(u64, u64)>,
}

/// A request in flight.
#[derive(Clone, Debug)]
struct Flight {
    /// Attempts of the row, this one included.
    attempts: u32,
    /// How many bursts of refusals had been seen when it was sent.
    burst: u64,
    /// Which of the model's workers has it.
    life: u32,
}

/// The state of a run. Keys are record ids.
#[derive(Clone, Debug)]
pub struct Scheduler {
    limits: Limits,
    /// Rows that may be sent, in plan order.
    ready: VecDeque<String>,
    /// Rows that were tried before, by time and order of their return.
    later: BTreeMap<(u64, u64), String>,
    /// Every row in `ready` or `later`.
    waiting: HashMap<String, Waiting>,
    flights: HashMap<String, Flight>,
    succeeded: HashSet<String>,
    order: u64,

    is_paused: bool,
    stopped_by: Option<Failure>,
    /// When a wait that was too long to sit out will be over.
    come_back_at: Option<u64>,

    /// Nobody sends before this time.
    blocked_until: u64,
    burst: u64,
    slow_rounds: u32,
    slow_since: Option<u64>,

    was_answered: bool,
    network_streak: u32,
    last_network: Option<u64>,

    alike: Option<(String, u32)>,
    /// The model's workers that ended.
    life: u32,
    /// Those since the last answer.
    deaths_in_vain: u32,
    /// Those that a row was in flight at.
    deaths: HashMap<String, u32>,
    /// The last finished rows: `true` is a success.
    recent: VecDeque<bool>,

    /// Times of the successes of the last minute.
    successes: VecDeque<u64>,
    active_since: Option<u64>,

    /// Added to the caller's clock so that ours never goes back.
    clock_offset: u64,
    clock: u64,
}

impl Scheduler {
    /// A run over `queue`: keys in plan order with the attempts they had already. A key named twice counts once. A row
    /// that has used up its attempts (its tab was closed each time) gets one more.
    pub fn new(limits: Limits, queue: Vec<(String, u32)>) -> Self {
        let mut scheduler = Self {
            limits,
            ready: VecDeque::with_capacity(queue.len()),
            later: BTreeMap::new(),
            waiting: HashMap::with_capacity(queue.len()),
            flights: HashMap::new(),
            succeeded: HashSet::new(),
            order: 0,
            is_paused: false,
            stopped_by: None,
            come_back_at: None,
            blocked_until: 0,
            burst: 0,
            slow_rounds: 0,
            slow_since: None,
            was_answered: false,
            network_streak: 0,
            last_network: None,
            alike: None,
            life: 0,
            deaths_in_vain: 0,
            deaths: HashMap::new(),
            recent: VecDeque::new(),
            successes: VecDeque::new(),
            active_since: None,
            clock_offset: 0,
            clock: 0,
        };
        scheduler.add(queue);
        scheduler
    }

    /// Queues more rows behind the others (failed ones to try again, say); rows that wait, are in flight or have
    /// succeeded are passed over.
    pub fn add(&mut self, queue: Vec<(String, u32)>) {
        for (key, attempts) in queue {
            if self.succeeded.contains(&key)
                || self.flights.contains_key(&key)
                || self.waiting.contains_key(&key)
            {
                continue;
            }
            let later = None;
            self.deaths.remove(&key);
            self.waiting
                .insert(key.clone(), Waiting { attempts, later });
            self.ready.push_back(key);
        }
    }

    /// What to do at `now_ms`. Asking changes nothing in the queue: the same row is named until it is reported sent.
    pub fn next(&mut self, now_ms: u64) -> Step {
        let now = self.tick(now_ms);
        if self.waiting.is_empty() && self.flights.is_empty() {
            return Step::Finished;
        }
        if self.is_paused {
            return if self.flights.is_empty() {
                Step::Paused(self.stopped_by.clone())
            } else {
                Step::Idle
            };
        }
        if self.waiting.is_empty() || self.flights.len() >= self.limits.concurrency.max(1) as usize
        {
            return Step::Idle;
        }
        if self.blocked_until > now {
            return Step::WaitUntil(self.wall(self.blocked_until));
        }
        match (self.later.first_key_value(), self.ready.front()) {
            (Some((&(at, _), key)), _) if at <= now => Step::Send(key.clone()),
            (_, Some(key)) => Step::Send(key.clone()),
            (Some((&(at, _), _)), None) => Step::WaitUntil(self.wall(at)),
            (None, None) => Step::Idle,
        }
    }

    /// The row is on its way. `false`, and no change, when it was not waiting.
    pub fn sent(&mut self, key: &str, now_ms: u64) -> bool {
        let now = self.tick(now_ms);
        let Some(waiting) = self.waiting.remove(key) else {
            return false;
        };
        if let Some(later) = waiting.later {
            self.later.remove(&later);
        } else if self.ready.front().is_some_and(|front| front == key) {
            self.ready.pop_front();
        } else {
            self.ready.retain(|other| other != key);
        }
        self.active_since.get_or_insert(now);
        let flight = Flight {
            attempts: waiting.attempts.saturating_add(1),
            burst: self.burst,
            life: self.life,
        };
        self.flights.insert(key.to_owned(), flight);
        true
    }

    /// The row's reply is stored. `false`, and no change, when it was not in flight.
    pub fn succeeded(&mut self, key: &str, now_ms: u64) -> bool {
        let now = self.tick(now_ms);
        if self.flights.remove(key).is_none() {
            return false;
        }
        self.succeeded.insert(key.to_owned());
        self.was_answered = true;
        self.network_streak = 0;
        self.slow_rounds = 0;
        self.slow_since = None;
        self.alike = None;
        self.deaths_in_vain = 0;
        self.deaths.remove(key);
        self.remember(true);
        self.successes.push_back(now);
        while self
            .successes
            .front()
            .is_some_and(|at| at + RATE_SPAN_MS < now)
        {
            self.successes.pop_front();
        }
        true
    }

    /// The row's request gave no whole reply. `random` is uniform in 0..=1 and spreads the retries.
    pub fn failed(
        &mut self,
        key: &str,
        error: &ChatError,
        random: f64,
        now_ms: u64,
    ) -> ItemOutcome {
        let now = self.tick(now_ms);
        let Some(flight) = self.flights.remove(key) else {
            return ItemOutcome::Ignored;
        };
        let was_cancelled = error.class == ErrorClass::Cancelled;
        if !error.is_network && !was_cancelled {
            self.was_answered = true;
            self.network_streak = 0;
        }
        match error.class {
            ErrorClass::Cancelled => self.give_back(key, &flight, now),
            ErrorClass::Stop => {
                self.stop(failures::needs_a_person(&error.failure));
                self.give_back(key, &flight, now)
            }
            ErrorClass::BadRequest => self.refused(&error.failure),
            ErrorClass::SlowDown { wait_ms } => {
                self.slowed(key, &flight, wait_ms, error, random, now)
            }
            ErrorClass::Transient if error.is_network => {
                self.unreachable(key, &flight, error, random, now)
            }
            ErrorClass::Transient => self.try_again(key, &flight, error, random, now),
        }
    }

    /// The model's worker ended for this reason while the row was in flight. All rows in flight are reported; they count as
    /// one end.
    pub fn died(&mut self, key: &str, reason: &str, now_ms: u64) -> ItemOutcome {
        let now = self.tick(now_ms);
        let Some(flight) = self.flights.remove(key) else {
            return ItemOutcome::Ignored;
        };
        if flight.life == self.life {
            self.life += 1;
            self.deaths_in_vain += 1;
            if self.deaths_in_vain >= self.limits.deaths_in_vain {
                self.stop(failures::dies_in_vain(self.deaths_in_vain, reason));
            }
        }
        let deaths = self.deaths.entry(key.to_owned()).or_default();
        *deaths += 1;
        if *deaths >= self.limits.row_deaths {
            let failure = failures::died(*deaths, reason);
            self.deaths.remove(key);
            return self.give_up(failure);
        }
        self.give_back(key, &flight, now)
    }

    /// How often the model's worker ended.
    pub fn restarts(&self) -> u32 {
        self.life
    }

    /// The model makes so many answers side by side.
    pub fn set_concurrency(&mut self, concurrency: u32) {
        self.limits.concurrency = concurrency;
    }

    /// The person pauses: nothing more is sent, requests in flight land.
    pub fn pause(&mut self) {
        self.is_paused = true;
    }

    /// Goes on. Earlier refusals are forgotten, a wait that still runs is not.
    pub fn resume(&mut self) {
        self.is_paused = false;
        self.stopped_by = None;
        self.come_back_at = None;
        self.slow_rounds = 0;
        self.slow_since = None;
        self.network_streak = 0;
        self.alike = None;
        self.deaths_in_vain = 0;
        self.recent.clear();
        self.successes.clear();
        self.active_since = None;
    }

    /// Requests in flight.
    pub fn in_flight(&self) -> u32 {
        self.flights.len() as u32
    }

    /// Rows that wait to be sent, for the first time or again.
    pub fn queued(&self) -> u32 {
        self.waiting.len() as u32
    }

    /// Nothing more is sent; requests may still be in flight.
    pub fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Why it paused by itself.
    pub fn stopped_by(&self) -> Option<&Failure> {
        self.stopped_by.as_ref()
    }

    /// Alike bad requests in a row until now.
    pub fn alike_refusals(&self) -> u32 {
        self.alike.as_ref().map_or(0, |(_, count)| *count)
    }

    /// Successes a minute over the last minute, or over the time since the start or the resume where that is shorter.
    pub fn rows_per_minute(&self, now_ms: u64) -> f64 {
        let now = self.clock_at(now_ms);
        let Some(since) = self.active_since else {
            return 0.0;
        };
        let from = since.max(now.saturating_sub(RATE_SPAN_MS));
        let count = self.successes.len() - self.successes.partition_point(|at| *at < from);
        // Under a second there is no rate worth the name.
        let span = now.saturating_sub(from).max(1_000);
        count as f64 * RATE_SPAN_MS as f64 / span as f64
    }

    /// When the wait that the server asked for is over (milliseconds since 1970), if one runs. While the run is paused
    /// it is the time worth coming back at, if the wait was too long to sit out.
    pub fn waiting_until(&self, now_ms: u64) -> Option<u64> {
        let until = if self.is_paused {
            self.come_back_at?
        } else {
            self.blocked_until
        };
        (until > self.clock_at(now_ms)).then(|| self.wall(until))
    }

    fn clock_at(&self, now_ms: u64) -> u64 {
        now_ms.saturating_add(self.clock_offset).max(self.clock)
    }

    /// Takes the caller's time over into a clock that never goes back.
    fn tick(&mut self, now_ms: u64) -> u64 {
        self.clock = self.clock_at(now_ms);
        self.clock_offset = self.clock.saturating_sub(now_ms);
        self.clock
    }

    fn wall(&self, at: u64) -> u64 {
        at.saturating_sub(self.clock_offset)
    }

    fn stop(&mut self, failure: Failure) {
        self.is_paused = true;
        self.stopped_by.get_or_insert(failure);
    }

    fn queue_again(&mut self, key: &str, attempts: u32, at: u64) {
        self.order += 1;
        let place = (at, self.order);
        let later = Some(place);
        self.later.insert(place, key.to_owned());
        self.waiting
            .insert(key.to_owned(), Waiting { attempts, later });
    }

    /// Queues the row again as if it had not been sent.
    fn give_back(&mut self, key: &str, flight: &Flight, at: u64) -> ItemOutcome {
        self.queue_again(key, flight.attempts.saturating_sub(1), at);
        ItemOutcome::Retry {
            at_ms: self.wall(at),
            counts_attempt: false,
        }
    }

    fn try_again(
        &mut self,
        key: &str,
        flight: &Flight,
        error: &ChatError,
        random: f64,
        now: u64,
    ) -> ItemOutcome {
        if flight.attempts >= self.limits.max_attempts {
            return self.give_up(failures::after_attempts(&error.failure, flight.attempts));
        }
        let wait = if self.limits.backs_off {
            backoff::after_failure(flight.attempts, random)
        } else {
            0
        };
        let at = now.saturating_add(wait);
        self.queue_again(key, flight.attempts, at);
        ItemOutcome::Retry {
            at_ms: self.wall(at),
            counts_attempt: true,
        }
    }

    fn give_up(&mut self, failure: Failure) -> ItemOutcome {
        self.remember(false);
        let failed = self
            .recent
            .iter()
            .filter(|is_success| !**is_success)
            .count();
        if self.recent.len() >= RECENT.0 && failed * 2 >= self.recent.len() {
            self.stop(failures::mostly_failing(
                &failure,
                failed,
                self.recent.len(),
            ));
        }
        ItemOutcome::GiveUp(failure)
    }

    fn remember(&mut self, is_success: bool) {
        self.recent.push_back(is_success);
        if self.recent.len() > RECENT.1 {
            self.recent.pop_front();
        }
    }

    fn refused(&mut self, failure: &Failure) -> ItemOutcome {
        let likeness = failures::likeness(failure);
        let count = match &self.alike {
            Some((text, count)) if *text == likeness => count + 1,
            _ => 1,
        };
        self.alike = Some((likeness, count));
        if count >= self.limits.alike_refusals {
            self.stop(failures::alike(failure, count));
        }
        self.give_up(failure.clone())
    }

    fn slowed(
        &mut self,
        key: &str,
        flight: &Flight,
        wait_ms: Option<u64>,
        error: &ChatError,
        random: f64,
        now: u64,
    ) -> ItemOutcome {
        if let Some(wait) = wait_ms.filter(|wait| *wait > self.limits.longest_wait_ms) {
            self.come_back_at = Some(now.saturating_add(wait));
            self.stop(failures::long_wait(&error.failure, wait));
            return self.give_back(key, flight, now);
        }
        // Refusals of requests that were sent before the last wait began belong to the same burst.
        let is_new_burst = flight.burst == self.burst;
        if is_new_burst {
            self.burst += 1;
            self.slow_rounds += 1;
        }
        let since = *self.slow_since.get_or_insert(now);
        let own = backoff::after_slow_down(self.slow_rounds, random);
        let wait = match wait_ms {
            Some(wait) if self.slow_rounds > TRUSTED_ROUNDS => wait.max(own),
            Some(wait) => wait,
            None if is_new_burst => own,
            None => 0,
        };
        self.blocked_until = self.blocked_until.max(now.saturating_add(wait));
        let patience = if error.is_network {
            self.limits.network_patience_ms
        } else {
            self.limits.slow_patience_ms
        };
        let waited = now.saturating_sub(since);
        if self.slow_rounds >= PATIENT_ROUNDS && waited >= patience {
            self.stop(failures::out_of_patience(error, waited));
        }
        self.give_back(key, flight, self.blocked_until.max(now))
    }

    fn unreachable(
        &mut self,
        key: &str,
        flight: &Flight,
        error: &ChatError,
        random: f64,
        now: u64,
    ) -> ItemOutcome {
        self.network_streak += 1;
        let is_burst = self
            .last_network
            .replace(now)
            .is_some_and(|last| now.saturating_sub(last) <= self.limits.network_burst_ms);
        if !self.was_answered {
            // Nothing has ever been answered: not the rows' fault, so it costs them no attempt.
            let at = now.saturating_add(backoff::after_failure(self.network_streak, random));
            if self.network_streak >= self.limits.offline_after {
                self.network_streak = 0;
                self.stop(failures::needs_a_person(&error.failure));
            }
            return self.give_back(key, flight, at);
        }
        let has_succeeded = !self.succeeded.is_empty();
        if has_succeeded && (is_burst || self.network_streak > 1) {
            self.slowed(key, flight, None, error, random, now)
        } else {
            self.try_again(key, flight, error, random, now)
        }
    }
}
