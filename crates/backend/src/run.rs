//! A run: drives the scheduler of `grow`, sends what it says, and stores each answer before anybody hears of it.

use crate::engine::{Landed, RowWay, is_here};
use crate::project::Project;
use crate::{Backend, Result};
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::future::{AbortHandle, Either, LocalBoxFuture, abortable, pending, select};
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use seedbed_core::chat::{ChatModel, ChatReply, ChatRequest};
use seedbed_core::line::{MOST_NUMBER, MOST_TEXT};
use seedbed_core::messages::{
    Changed, Event, Failure, FailureKind, Forecast, Reply, RunPhase, RunStatus,
};
use seedbed_core::model::{Message, Usage};
use seedbed_core::record::{Fields, Inputs, Provenance, Record};
use seedbed_core::seed::Seed;
use seedbed_grow::forecast::{self, History};
use seedbed_grow::plan::{self, PlannedRow};
use seedbed_grow::quality;
use seedbed_grow::run::{ItemOutcome, Limits, Scheduler, Step};
use seedbed_grow::tasks;
use seedbed_store::{PlannedItem, RunCounts, Store, StoredRun};
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;

/// How long answers are gathered before they are stored in one transaction, in milliseconds: each waits for the disk, and
/// meanwhile the connections are busy with the next requests.
const FLUSH_AFTER_MS: u64 = 100;
/// The page hears of a run at most this often, in milliseconds.
const REPORT_EVERY_MS: u64 = 250;
/// The page is told to read records again at most this often, in milliseconds.
const RECORDS_EVERY_MS: u64 = 1000;

/// A run that is asking.
pub(crate) struct ActiveRun {
    id: String,
    scheduler: RefCell<Scheduler>,
    /// The run as the driver knows it; the stored one may be older when the storage is full.
    latest: RefCell<StoredRun>,
    /// Failure of our own side (storage) that paused it.
    ours: RefCell<Option<Failure>>,
    /// Answers that came but could not be stored: tried again on resume.
    unsaved: RefCell<Vec<Answered>>,
    /// What happened and is not stored yet, in order.
    writes: RefCell<Vec<Write>>,
    /// [`ActiveRun::store_writes`]. By a pointer, so that whoever stops a run need not be with the piece that runs it.
    keep: fn(&Self, &Project) -> (bool, Result<()>),
    wake: UnboundedSender<()>,
    task: RefCell<Option<AbortHandle>>,
    reported_ms: Cell<u64>,
    records_told_ms: Cell<u64>,
}

/// An answer with the request it answers.
struct Answered {
    key: String,
    record: Record,
    messages: Vec<Message>,
}

impl ActiveRun {
    /// Makes durable what happened, and tells whether rows were among it. What can't be stored waits in memory.
    fn store_writes(&self, project: &Project) -> (bool, Result<()>) {
        let writes = self.writes.take();
        if writes.is_empty() {
            return (false, Ok(()));
        }
        let has_rows = writes.iter().any(|write| matches!(write, Write::Done(_)));
        // In one go, because each transaction waits for the disk.
        let together = project.with(|store| {
            store.together(|store| {
                writes
                    .iter()
                    .try_for_each(|write| write.apply(store, &self.id))
            })
        });
        if together.is_ok() {
            return (has_rows, Ok(()));
        }
        // One by one: what fits is stored, and the first that does not says why.
        let mut stored = Ok(());
        for write in writes {
            let Err(failure) = project.with(|store| write.apply(store, &self.id)) else {
                continue;
            };
            stored = stored.and(Err(failure));
            if let Write::Done(done) = write {
                // The answer is paid for: it waits in memory for room.
                self.unsaved.borrow_mut().push(*done);
            }
        }
        (has_rows, stored)
    }
}

type Landing = (PlannedItem, Landed);

impl Backend {
    pub(crate) fn forecast(&self, id: &str) -> Result<Reply> {
        let project = self.project(id)?;
        let (_, forecast) = plan_run(&project)?;
        Ok(Reply::Forecast(forecast))
    }

    /// The newest run, if it is not over.
    pub(crate) fn open_run(&self, project: &Rc<Project>) -> Result<Option<RunStatus>> {
        let runs = project.with(Store::runs)?;
        runs.first()
            .filter(|run| run.phase != RunPhase::Finished)
            .map(|run| self.status(project, run))
            .transpose()
    }

    fn status(&self, project: &Project, run: &StoredRun) -> Result<RunStatus> {
        let counts = project.with(|store| store.run_counts(&run.id))?;
        let now = self.now();
        let active = project.run.borrow().clone().filter(|a| a.id == run.id);
        let latest = active.as_ref().map(|active| active.latest.borrow().clone());
        let run = latest.as_ref().unwrap_or(run);
        let mut status = RunStatus {
            id: run.id.clone(),
            phase: run.phase,
            stopped_by: run.stopped_by.clone(),
            model: run.endpoint.model.clone(),
            host: host(&run.endpoint.base_url),
            planned: counts.planned,
            done: counts.done,
            failed: counts.failed,
            in_flight: counts.in_flight,
            tokens_in: counts.tokens_in,
            tokens_out: counts.tokens_out,
            cost: cost(run, &counts),
            started_ms: run.started_ms,
            finished_ms: run.finished_ms,
            ..RunStatus::default()
        };
        if let Some(active) = active {
            let scheduler = active.scheduler.borrow();
            status.rows_per_minute = scheduler.rows_per_minute(now);
            status.waiting_until_ms = scheduler.waiting_until(now);
            status.restarts = scheduler.restarts();
            let left = counts.queued + counts.in_flight;
            status.eta_s = (status.rows_per_minute > 0.0 && left > 0)
                .then(|| (f64::from(left) * 60.0 / status.rows_per_minute).ceil() as u64);
            // What could not be stored is not under way any more.
            status.in_flight = scheduler.in_flight();
            if scheduler.is_paused() && status.in_flight > 0 {
                status.phase = RunPhase::Pausing;
            }
        }
        Ok(status)
    }

    pub(crate) fn start_run(&self, id: &str) -> Result<Reply> {
        let project = self.project(id)?;
        if project.run.borrow().is_some() {
            return Err(
                Failure::new(FailureKind::Invalid, "A run is under way already.")
                    .next("Wait for it, or pause it first."),
            );
        }
        let (rows, forecast) = plan_run(&project)?;
        if let Some(reason) = forecast.blocked {
            return Err(Failure::new(FailureKind::Invalid, reason));
        }
        let Some(endpoint) = project.endpoint()? else {
            return Err(
                Failure::new(FailureKind::Invalid, "No model is chosen yet.")
                    .next("Choose a model, then start the run."),
            );
        };
        let now = self.now();
        // What an older run left open is part of this plan.
        for mut older in project.with(Store::runs)? {
            if older.phase != RunPhase::Finished {
                older.phase = RunPhase::Finished;
                older.finished_ms = Some(now);
                project.with(|store| store.save_run(&older))?;
            }
        }
        let run = StoredRun {
            id: format!("{now:013}-{}", self.random_id(4)),
            phase: RunPhase::Running,
            stopped_by: None,
            endpoint,
            settings: project.settings()?,
            seed_hash: project.with(Store::seed)?.hash(),
            seed_part: project.with(Store::seed)?.answer_part(),
            started_ms: now,
            finished_ms: None,
        };
        let seed = project.with(Store::seed)?;
        let items: Vec<PlannedItem> = rows
            .into_iter()
            .map(|row| planned_item(&seed, row))
            .collect();
        project.with(|store| store.create_run(&run, &items))?;
        self.launch(&project, run)
    }

    pub(crate) fn pause_run(&self, id: &str, run: &str) -> Result<Reply> {
        let project = self.project(id)?;
        if let Some(active) = project.run.borrow().as_ref().filter(|a| a.id == run) {
            active.scheduler.borrow_mut().pause();
            active.wake.unbounded_send(()).ok();
        }
        let stored = stored_run(&project, run)?;
        self.status(&project, &stored).map(Reply::Run)
    }

    pub(crate) fn resume_run(&self, id: &str, run: &str, retries_failed: bool) -> Result<Reply> {
        let project = self.project(id)?;
        let active = project.run.borrow().clone();
        if let Some(active) = active {
            if active.id != run {
                return Err(
                    Failure::new(FailureKind::Invalid, "Another run is under way.")
                        .next("Wait for it, or pause it first."),
                );
            }
            if retries_failed {
                let keys = project.with(|store| {
                    let before: HashSet<String> = store
                        .queued_items(run)?
                        .into_iter()
                        .map(|(key, _)| key)
                        .collect();
                    store.requeue_failed(run)?;
                    let after = store.queued_items(run)?;
                    Ok(after
                        .into_iter()
                        .filter(|(key, _)| !before.contains(key))
                        .collect::<Vec<_>>())
                })?;
                active.scheduler.borrow_mut().add(keys);
            }
            active.scheduler.borrow_mut().resume();
            active.wake.unbounded_send(()).ok();
            let stored = stored_run(&project, run)?;
            return self.status(&project, &stored).map(Reply::Run);
        }
        let mut stored = stored_run(&project, run)?;
        project.with(|store| {
            if retries_failed {
                store.requeue_failed(run)?;
            }
            stored.phase = RunPhase::Running;
            stored.stopped_by = None;
            stored.finished_ms = None;
            store.save_run(&stored)
        })?;
        self.launch(&project, stored)
    }

    /// Starts the task of a run whose plan is stored.
    fn launch(&self, project: &Rc<Project>, run: StoredRun) -> Result<Reply> {
        // What a full disk kept from being noted as waiting again waits again now: nothing is in flight.
        project.with(|store| store.requeue_in_flight(&run.id))?;
        let queue = project.with(|store| store.queued_items(&run.id))?;
        let limits = if is_here(&run.endpoint) {
            Limits::in_tab(&run.settings)
        } else {
            Limits::of(&run.settings)
        };
        let (wake, woken) = unbounded();
        let active = Rc::new(ActiveRun {
            id: run.id.clone(),
            latest: RefCell::new(run.clone()),
            scheduler: RefCell::new(Scheduler::new(limits, queue)),
            ours: RefCell::default(),
            unsaved: RefCell::default(),
            writes: RefCell::default(),
            keep: ActiveRun::store_writes,
            wake,
            task: RefCell::default(),
            reported_ms: Cell::new(0),
            records_told_ms: Cell::new(0),
        });
        *project.run.borrow_mut() = Some(Rc::clone(&active));
        self.touched(project);
        let status = self.status(project, &run)?;
        let driver = Driver {
            model: self.model(&run.endpoint),
            backend: self.clone(),
            project: Rc::clone(project),
            active: Rc::clone(&active),
            slots: None,
            run,
        };
        let (task, handle) = abortable(driver.drive(woken));
        *active.task.borrow_mut() = Some(handle);
        self.spawn(task.map(|_| ()));
        Ok(Reply::Run(status))
    }
}

/// One run's task.
struct Driver {
    backend: Backend,
    project: Rc<Project>,
    active: Rc<ActiveRun>,
    run: StoredRun,
    model: Rc<dyn ChatModel>,
    /// Answers that a model in this tab makes side by side, once that is known.
    slots: Option<u32>,
}

/// A change of a row that is to be stored.
enum Write {
    /// It was asked.
    Sent(String),
    /// It was answered.
    Done(Box<Answered>),
    /// It waits again.
    Requeued { key: String, counts_attempt: bool },
    /// It is given up.
    Failed { key: String, failure: Failure },
}

impl Write {
    fn apply(
        &self,
        store: &Store,
        run: &str,
    ) -> std::result::Result<(), seedbed_store::StoreError> {
        match self {
            Self::Sent(key) => store.item_sent(run, key),
            Self::Done(done) => store.item_done(run, &done.key, &done.record, &done.messages),
            Self::Requeued {
                key,
                counts_attempt,
            } => store.item_requeued(run, key, *counts_attempt),
            Self::Failed { key, failure } => store.item_failed(run, key, failure),
        }
    }
}

impl Driver {
    async fn drive(mut self, mut woken: UnboundedReceiver<()>) {
        let mut flights: FuturesUnordered<LocalBoxFuture<'static, Landing>> =
            FuturesUnordered::new();
        // When what happened is to be stored.
        let mut flush_at = None;
        self.ask_for_slots().await;
        loop {
            let now = self.backend.now();
            let step = self.active.scheduler.borrow_mut().next(now);
            let is_due = match step {
                Step::Send(_) => false,
                Step::Finished | Step::Paused(_) => true,
                Step::Idle | Step::WaitUntil(_) => {
                    flush_at.is_some_and(|flush_at: u64| now >= flush_at)
                }
            };
            if is_due {
                flush_at = None;
                if !self.flush() {
                    continue;
                }
            }
            let wait_until = match step {
                Step::Send(key) => {
                    match self.send(&key) {
                        Ok(flight) => {
                            let mut scheduler = self.active.scheduler.borrow_mut();
                            scheduler.sent(&key, now);
                            match flight {
                                Some(flight) => flights.push(flight),
                                // Stored by another way meanwhile (a sync): nothing to ask.
                                None => {
                                    scheduler.succeeded(&key, now);
                                }
                            }
                        }
                        Err(failure) => self.pause_by_us(failure),
                    }
                    continue;
                }
                Step::Finished if self.active.unsaved.borrow().is_empty() => {
                    if self.end(RunPhase::Finished, None) {
                        return;
                    }
                    self.wait_for_room(&mut woken).await;
                    continue;
                }
                Step::Finished | Step::Paused(_) => {
                    let ours = self.active.ours.borrow_mut().take();
                    let reason = match step {
                        Step::Paused(reason) => ours.or(reason),
                        _ => ours,
                    };
                    self.saves_rest();
                    if self.end(RunPhase::Paused, reason) {
                        return;
                    }
                    self.wait_for_room(&mut woken).await;
                    continue;
                }
                Step::WaitUntil(at_ms) => Some(at_ms),
                Step::Idle => None,
            };
            // Rows of this tab are few and take long: that one is under way is stored before it is told, because nothing
            // else may be told for a minute.
            if is_here(&self.run.endpoint) && !self.active.writes.borrow().is_empty() {
                flush_at = None;
                if !self.flush() {
                    continue;
                }
            }
            self.report(false);
            if flush_at.is_none() && !self.active.writes.borrow().is_empty() {
                flush_at = Some(now + FLUSH_AFTER_MS);
            }
            let wait_until = wait_until.into_iter().chain(flush_at).min();
            let timer = match wait_until {
                Some(at_ms) => self
                    .backend
                    .transport
                    .sleep(at_ms.saturating_sub(now).max(1)),
                None => Box::pin(pending()),
            };
            let landing = async {
                if flights.is_empty() {
                    pending().await
                } else {
                    flights.next().await
                }
            };
            let nudge = select(woken.next(), timer);
            futures::pin_mut!(landing);
            let landed = match select(landing, nudge).await {
                Either::Left((landed, _)) => landed,
                Either::Right(_) => None,
            };
            let mut landed = landed;
            let has_landed = landed.is_some();
            while let Some((item, result)) = landed {
                self.land(item, result);
                // What came while the last ones were being stored.
                landed = flights.next().now_or_never().flatten();
            }
            if has_landed {
                // It may have been loaded for the first of them.
                self.ask_for_slots().await;
            }
        }
    }

    /// Asks the engine how many rows it answers side by side, if that matters and is not known.
    async fn ask_for_slots(&mut self) {
        if self.slots.is_some() || !is_here(&self.run.endpoint) {
            return;
        }
        self.slots = self
            .backend
            .engine_slots(&self.run.endpoint.model)
            .await
            .filter(|slots| *slots > 0);
        if let Some(slots) = self.slots {
            self.active.scheduler.borrow_mut().set_concurrency(slots);
        }
    }

    /// Makes durable what happened. `false` = something did not get through, and the run pauses.
    fn flush(&self) -> bool {
        let (has_rows, stored) = self.active.store_writes(&self.project);
        if has_rows {
            self.backend.touched(&self.project);
        }
        match stored {
            Ok(()) => true,
            Err(failure) => {
                self.pause_by_us(failure);
                false
            }
        }
    }

    /// The request of one row, marked as sent. `None` when its record is there already.
    fn send(&self, key: &str) -> Result<Option<LocalBoxFuture<'static, Landing>>> {
        let run = &self.run.id;
        let item = self.project.with(|store| {
            let Some(item) = store.item(run, key)? else {
                return Ok(None);
            };
            if !store.answered([key])?.is_empty() {
                store.item_answered(run, key)?;
                return Ok(None);
            }
            Ok(Some(item))
        })?;
        let Some(item) = item else { return Ok(None) };
        self.active
            .writes
            .borrow_mut()
            .push(Write::Sent(key.to_owned()));
        let request = ChatRequest {
            model: self.run.endpoint.model.clone(),
            messages: item.messages.clone(),
            sampling: item.sampling.clone(),
        };
        if is_here(&self.run.endpoint) {
            let way = Rc::new(RowWay::new(Rc::clone(&self.backend.transport), key));
            let model = self
                .backend
                .model_by(Rc::<RowWay>::clone(&way), &self.run.endpoint);
            return Ok(Some(Box::pin(async move {
                let result = model.chat(request, &mut |_| {}).await;
                (item, way.landed(result))
            })));
        }
        let model = Rc::clone(&self.model);
        Ok(Some(Box::pin(async move {
            let result = model.chat(request, &mut |_| {}).await;
            (item, result.into())
        })))
    }

    fn land(&self, item: PlannedItem, landed: Landed) {
        let now = self.backend.now();
        let key = &item.key;
        let landed = match landed {
            Landed::Answer(reply) => match quality::unanswered(&reply, item.sampling.max_tokens) {
                Some(error) => Landed::Failed(error),
                None => Landed::Answer(reply),
            },
            landed => landed,
        };
        let outcome = match landed {
            Landed::Answer(reply) => {
                self.active.scheduler.borrow_mut().succeeded(key, now);
                let record = self.record(&item, reply, now);
                let write = Write::Done(Box::new(Answered {
                    key: item.key,
                    record,
                    messages: item.messages,
                }));
                self.active.writes.borrow_mut().push(write);
                return;
            }
            Landed::Failed(error) => {
                let random = self.backend.random_unit();
                let mut scheduler = self.active.scheduler.borrow_mut();
                scheduler.failed(key, &error, random, now)
            }
            Landed::Died(why) => self.active.scheduler.borrow_mut().died(key, &why, now),
        };
        let key = item.key;
        let write = match outcome {
            ItemOutcome::Retry { counts_attempt, .. } => Write::Requeued {
                key,
                counts_attempt,
            },
            ItemOutcome::GiveUp(failure) => Write::Failed { key, failure },
            ItemOutcome::Ignored => return,
        };
        self.active.writes.borrow_mut().push(write);
    }

    fn record(&self, item: &PlannedItem, reply: ChatReply, now: u64) -> Record {
        let endpoint = &self.run.endpoint;
        let (model, suffix) = match endpoint.model.split_once(':') {
            Some((model, suffix))
                if endpoint.kind == seedbed_core::model::EndpointKind::HuggingFace =>
            {
                (model, Some(suffix))
            }
            _ => (endpoint.model.as_str(), None),
        };
        let flags = quality::flags(&item.instruction, &reply);
        let is_tab = endpoint.kind == seedbed_core::model::EndpointKind::Tab;
        let [engine, quantization, revision] = if is_tab {
            made_by(reply.fingerprint.as_deref().unwrap_or_default())
        } else {
            [None, None, None]
        };
        let mut response = reply.text.trim().to_owned();
        let mut flags = flags;
        let thought = reply.reasoning.trim();
        let reasoning: String = thought.chars().take(MOST_TEXT).collect();
        // No border takes more: what a person can't read is of no use in a record.
        if response.chars().count() > MOST_TEXT {
            response = response.chars().take(MOST_TEXT).collect();
            if !flags.iter().any(|flag| flag == "truncated") {
                flags.push("truncated".to_owned());
            }
        }
        let fields = Fields::of_pair(item.instruction.clone(), response);
        let usage = reply.usage.map(|usage| Usage {
            prompt_tokens: usage.prompt_tokens.min(MOST_NUMBER),
            completion_tokens: usage.completion_tokens.min(MOST_NUMBER),
            ..usage
        });
        Record {
            id: Record::make_id(Some(&item.key), &fields),
            key: Some(item.key.clone()),
            inputs: Inputs {
                task: item.prompt_version.clone(),
                seed_part: self.run.seed_part.clone(),
                on: vec![item.prompt_id.clone()],
            },
            fields,
            reasoning,
            prompt_id: Some(item.prompt_id.clone()),
            run_id: Some(self.run.id.clone()),
            cell: item.cell.clone(),
            provenance: Provenance {
                seed_hash: self.run.seed_hash.clone(),
                model: model.to_owned(),
                revision,
                quantization,
                provider: engine
                    .or_else(|| suffix.map(str::to_owned))
                    .unwrap_or_else(|| host(&endpoint.base_url)),
                sampling: Some(item.sampling.clone()),
                prompt_version: item.prompt_version.clone(),
                sample_index: item.sample_index,
                finish_reason: reply.finish_reason,
                usage,
                flags,
                ..Provenance::default()
            },
            created_ms: now,
            ..Record::default()
        }
    }

    /// Tries to store the answers that found no room. `true` = none is left.
    fn saves_rest(&self) -> bool {
        let waiting = std::mem::take(&mut *self.active.unsaved.borrow_mut());
        for done in waiting {
            let saved = self.project.with(|store| {
                store.item_done(&self.run.id, &done.key, &done.record, &done.messages)
            });
            if saved.is_err() {
                self.active.unsaved.borrow_mut().push(done);
            }
        }
        self.active.unsaved.borrow().is_empty()
    }

    /// Holds answers that are not stored yet until the person goes on and there is room.
    async fn wait_for_room(&mut self, woken: &mut UnboundedReceiver<()>) {
        while woken.next().await.is_some() {
            let mut run = self.run.clone();
            run.phase = RunPhase::Running;
            run.stopped_by = None;
            run.finished_ms = None;
            let saved = self.project.with(|store| store.save_run(&run));
            match saved {
                Ok(()) if self.saves_rest() => {
                    self.run = run;
                    self.active.latest.replace(self.run.clone());
                    self.active.scheduler.borrow_mut().resume();
                    self.report(true);
                    return;
                }
                Ok(()) => {}
                Err(failure) => {
                    self.run.stopped_by = Some(failure);
                    self.active.latest.replace(self.run.clone());
                }
            }
            // Still no room.
            self.active.scheduler.borrow_mut().pause();
            self.report(true);
        }
    }

    fn pause_by_us(&self, failure: Failure) {
        self.active.ours.borrow_mut().get_or_insert(failure);
        self.active.scheduler.borrow_mut().pause();
    }

    /// Tells the page, not too often.
    fn report(&self, is_due: bool) {
        let now = self.backend.now();
        if is_due || now.saturating_sub(self.active.reported_ms.get()) >= REPORT_EVERY_MS {
            self.active.reported_ms.set(now);
            if let Ok(mut status) = self.backend.status(&self.project, &self.run) {
                // Known at its end too, when the run is not the active one any more.
                status.restarts = self.active.scheduler.borrow().restarts();
                self.backend.platform.emit(Event::Run {
                    project: self.project.id.clone(),
                    status,
                });
            }
        }
        if is_due || now.saturating_sub(self.active.records_told_ms.get()) >= RECORDS_EVERY_MS {
            self.active.records_told_ms.set(now);
            self.backend
                .changed(&self.project, &[Changed::Records, Changed::Runs]);
        }
    }

    /// Ends the task's work for now. `false` = something could not be stored, and the run has to be held in memory.
    fn end(&mut self, phase: RunPhase, stopped_by: Option<Failure>) -> bool {
        self.run.phase = phase;
        self.run.stopped_by = stopped_by;
        self.run.finished_ms = (phase == RunPhase::Finished).then(|| self.backend.now());
        let saved = self.project.with(|store| store.save_run(&self.run));
        let is_stored = saved.is_ok() && self.active.unsaved.borrow().is_empty();
        if let Err(failure) = saved {
            self.run.stopped_by.get_or_insert(failure);
        }
        self.active.latest.replace(self.run.clone());
        if is_stored {
            *self.project.run.borrow_mut() = None;
        }
        self.report(true);
        self.backend.touched(&self.project);
        if self.project.is_left.get() && is_stored {
            let (backend, id) = (self.backend.clone(), self.project.id.clone());
            self.backend.spawn(async move {
                backend.release(&id).await;
            });
        }
        is_stored
    }
}

fn planned_item(seed: &Seed, row: PlannedRow) -> PlannedItem {
    PlannedItem {
        messages: tasks::answer(seed, &row.instruction),
        key: row.key,
        prompt_id: row.prompt_id,
        cell: row.cell,
        instruction: row.instruction,
        sample_index: row.sample_index,
        sampling: row.sampling,
        prompt_version: row.prompt_version,
    }
}

/// The engine's version, quantization and file hash, from `seedbed-engine 0.1.0; Q4_1; sha256:…`.
fn made_by(fingerprint: &str) -> [Option<String>; 3] {
    let mut parts = fingerprint.split("; ").map(str::to_owned);
    [
        parts.next().filter(|text| !text.is_empty()),
        parts.next(),
        parts.next(),
    ]
}

/// Host of an address, with its port.
fn host(address: &str) -> String {
    seedbed_core::model::origin(address)
        .split_once("://")
        .map_or_else(String::new, |(_, host)| host.to_owned())
}

fn cost(run: &StoredRun, counts: &RunCounts) -> Option<f64> {
    let (price_in, price_out) = (run.endpoint.price_in?, run.endpoint.price_out?);
    Some((counts.tokens_in as f64 * price_in + counts.tokens_out as f64 * price_out) / 1e6)
}

/// `.seedbed/runs/<run>.json`: settings and counts; no address, which may be private.
pub(crate) fn run_file(run: &StoredRun, counts: &RunCounts) -> String {
    let mut text = serde_json::to_string_pretty(&json!({
        "id": run.id, "model": run.endpoint.model, "seed_hash": run.seed_hash, "settings": run.settings,
        "planned": counts.planned, "done": counts.done, "failed": counts.failed,
        "tokens_in": counts.tokens_in, "tokens_out": counts.tokens_out, "cost_usd": cost(run, counts),
        "started_ms": run.started_ms, "finished_ms": run.finished_ms,
    }))
    .unwrap_or_default();
    text.push('\n');
    text
}

/// Mean length of the answers so far.
fn history(project: &Project) -> Result<Option<History>> {
    let (mut tokens, mut rows) = (0_u64, 0_u64);
    for run in project.with(Store::runs)? {
        let counts = project.with(|store| store.run_counts(&run.id))?;
        tokens += counts.tokens_out;
        rows += u64::from(counts.done);
    }
    Ok((rows > 0 && tokens > 0).then(|| History {
        mean_tokens_out: tokens as f64 / rows as f64,
    }))
}

fn stored_run(project: &Project, run: &str) -> Result<StoredRun> {
    project.with(|store| store.run(run))?.ok_or_else(|| {
        Failure::new(
            FailureKind::NotFound,
            "There is no such run in this project.",
        )
        .next("Reload the page to see the present runs.")
    })
}

/// Stops the run's task at once; what was in flight is queued again.
pub(crate) fn stop_run(project: &Project) {
    let active = project.run.borrow_mut().take();
    if let Some(active) = active {
        if let Some(task) = active.task.borrow_mut().take() {
            task.abort();
        }
        // What came just now; if it can't be stored, it will be asked again.
        (active.keep)(&active, project).1.ok();
        // If this fails, the next opening does it.
        project.with(Store::recover).ok();
    }
}

/// Rows that a run would ask for now, and what it would cost.
fn plan_run(project: &Project) -> Result<(Vec<PlannedRow>, Forecast)> {
    let seed = project.with(Store::seed)?;
    let prompts = project.with(Store::prompts)?;
    let settings = project.settings()?;
    let endpoint = project.endpoint()?.filter(|e| !e.model.trim().is_empty());
    let rows = plan::plan(
        &seed,
        &prompts,
        &settings,
        &endpoint.clone().unwrap_or_default(),
    );
    let done = project.with(|store| {
        let keys = rows
            .iter()
            .flat_map(|row| [Some(row.key.as_str()), row.old_key.as_deref()]);
        store.answered(keys.flatten())
    })?;
    let history = history(project)?;
    let forecast = forecast::forecast(&rows, &done, &settings, endpoint.as_ref(), history);
    let cap = settings.row_cap.map_or(usize::MAX, |cap| cap as usize);
    let rows = rows
        .into_iter()
        .filter(|row| !row.is_done(&done))
        .take(cap)
        .collect();
    Ok((rows, forecast))
}
