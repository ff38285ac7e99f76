//! What a model writes before any answer is paid for: proposals, drafted and evolved instructions, an example's answer.

use crate::project::Project;
use crate::{Backend, Result, Ticket};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use seedbed_core::chat::{ChatError, ChatModel, ChatReply, ChatRequest, ErrorClass};
use seedbed_core::messages::{
    Changed, DraftReport, Dropped, FailedCell, Failure, FailureKind, Progress, Proposal, Reply,
};
use seedbed_core::model::Endpoint;
use seedbed_core::prompt::{Cell, EvolutionKind, Prompt, PromptOrigin, PromptState};
use seedbed_core::seed::Seed;
use seedbed_grow::filter::{NoveltyIndex, evolution_verdict};
use seedbed_grow::{parse, plan, quality, tasks};
use seedbed_store::Store;
use std::cell::RefCell;
use std::rc::Rc;

/// Attempts after failures that may pass.
const ATTEMPTS: u32 = 4;
/// Waits that a server may ask for before we give up.
const WAITS: u32 = 8;
/// Longest single wait, in milliseconds.
const LONGEST_WAIT_MS: u64 = 60_000;
/// Instructions at most in one draft of a cell.
const MOST_PER_CELL: u32 = 50;

/// What a cell or parent gave: the prompts to store and the texts that were dropped.
struct Harvest {
    prompts: Vec<Prompt>,
    dropped: Vec<Dropped>,
}

impl Backend {
    /// The project's model with the seed, or what to do first.
    fn ready(&self, project: &Project) -> Result<(Seed, Endpoint, Rc<dyn ChatModel>)> {
        let seed = project.with(Store::seed)?;
        let Some(endpoint) = project.endpoint()?.filter(|e| !e.model.trim().is_empty()) else {
            return Err(
                Failure::new(FailureKind::Invalid, "No model is chosen yet.")
                    .next("Choose a model, then try again."),
            );
        };
        let model = self.model(&endpoint);
        Ok((seed, endpoint, model))
    }

    /// Asks, and asks again after failures that may pass.
    pub(crate) async fn ask(
        &self,
        model: &dyn ChatModel,
        request: ChatRequest,
        on_delta: &mut dyn FnMut(&str),
    ) -> std::result::Result<ChatReply, ChatError> {
        let (mut attempts, mut waits) = (1, 0);
        loop {
            let error = match model.chat(request.clone(), on_delta).await {
                Ok(reply) => {
                    let limit = request.sampling.max_tokens;
                    return quality::unanswered(&reply, limit).map_or(Ok(reply), Err);
                }
                Err(error) => error,
            };
            let wait_ms = match error.class {
                ErrorClass::SlowDown { wait_ms } if waits < WAITS => {
                    waits += 1;
                    wait_ms.unwrap_or(1000 << waits.min(6))
                }
                ErrorClass::Transient if attempts < ATTEMPTS => {
                    attempts += 1;
                    // Full jitter, so that several tabs do not come back at once.
                    (f64::from(500_u32 << attempts) * self.random_unit()) as u64
                }
                _ => return Err(error),
            };
            self.transport.sleep(wait_ms.min(LONGEST_WAIT_MS)).await;
        }
    }

    pub(crate) async fn propose(&self, id: &str, what: Proposal, count: u32) -> Result<Reply> {
        let project = self.project(id)?;
        let (seed, endpoint, model) = self.ready(&project)?;
        let count = count.clamp(1, 20) as usize;
        let request = ChatRequest {
            model: endpoint.model.clone(),
            messages: tasks::propose(&seed, what, count),
            sampling: project.settings()?.instruct,
        };
        let reply = self
            .ask(&*model, request, &mut |_| {})
            .await
            .map_err(|error| error.failure)?;
        let texts = parse::short_list(&reply.text, reply.finish_reason, count, &seed, what);
        if texts.is_empty() {
            return Err(Failure::new(
                FailureKind::Content,
                "The model's answer had nothing new in it.",
            )
            .next("Try again, describe the domain more, or choose a stronger model.")
            .detail(clip(&reply.text)));
        }
        Ok(Reply::Texts(texts))
    }

    pub(crate) async fn draft_answer(
        &self,
        ticket: &Ticket,
        id: &str,
        question: &str,
    ) -> Result<Reply> {
        let project = self.project(id)?;
        let (seed, endpoint, model) = self.ready(&project)?;
        if question.trim().is_empty() {
            return Err(Failure::new(FailureKind::Invalid, "The question is empty.")
                .next("Write the question, then let the model draft its answer."));
        }
        let request = ChatRequest {
            model: endpoint.model.clone(),
            messages: tasks::draft_answer(&seed, question),
            sampling: project.settings()?.answer,
        };
        let mut on_delta = |delta: &str| {
            ticket.progress(Progress::Text {
                delta: delta.to_owned(),
            });
        };
        let reply = self
            .ask(&*model, request, &mut on_delta)
            .await
            .map_err(|error| error.failure)?;
        Ok(Reply::Texts(vec![reply.text.trim().to_owned()]))
    }

    pub(crate) async fn draft_prompts(
        &self,
        ticket: &Ticket,
        id: &str,
        cells: Vec<Cell>,
        per_cell: u32,
    ) -> Result<Reply> {
        let project = self.project(id)?;
        let (seed, endpoint, model) = self.ready(&project)?;
        let count = per_cell.clamp(1, MOST_PER_CELL) as usize;
        let sampling = project.settings()?.instruct;
        let novelty = RefCell::new(novelty_index(&project, &seed)?);
        let jobs = cells.into_iter().map(|cell| {
            let (project, seed, endpoint, model, sampling, novelty) =
                (&project, &seed, &endpoint, &model, &sampling, &novelty);
            let place = cell.clone();
            let work = async move {
                let kept: Vec<String> = project.with(|store| {
                    Ok(store
                        .prompts()?
                        .into_iter()
                        .filter(|prompt| prompt.cell == cell)
                        .map(|prompt| prompt.text)
                        .collect())
                })?;
                let kept: Vec<&str> = kept.iter().map(String::as_str).collect();
                let request = ChatRequest {
                    model: endpoint.model.clone(),
                    messages: tasks::self_instruct(seed, &cell, count, &kept),
                    sampling: sampling.clone(),
                };
                let reply = self
                    .ask(&**model, request, &mut |_| {})
                    .await
                    .map_err(Stop::of)?;
                let context = parse::ListContext {
                    seed,
                    cell: Some(&cell),
                };
                let parsed = parse::instructions(&reply.text, reply.finish_reason, count, &context);
                let mut harvest = Harvest {
                    prompts: Vec::new(),
                    dropped: dropped(&cell, parsed.dropped),
                };
                for text in parsed.items {
                    if let Err(duplicate) = novelty.borrow().check(&text) {
                        let reason = format!("Too close to “{}”", clip(&duplicate.of));
                        harvest.dropped.push(Dropped {
                            cell: cell.clone(),
                            text,
                            reason,
                        });
                        continue;
                    }
                    novelty.borrow_mut().add(&text);
                    harvest.prompts.push(self.prompt(
                        &cell,
                        text,
                        PromptOrigin::Drafted {
                            model: endpoint.model.clone(),
                            prompt_version: tasks::SELF_INSTRUCT.to_owned(),
                        },
                        seed,
                    ));
                }
                if harvest.prompts.is_empty() && harvest.dropped.is_empty() {
                    return Err(Stop::content(&reply));
                }
                Ok(harvest)
            };
            (place, work)
        });
        let jobs: Vec<_> = jobs.collect();
        self.harvest(ticket, &project, jobs).await
    }

    pub(crate) async fn evolve_prompts(
        &self,
        ticket: &Ticket,
        id: &str,
        prompts: Vec<String>,
        evolution: Option<EvolutionKind>,
    ) -> Result<Reply> {
        let project = self.project(id)?;
        let (seed, endpoint, model) = self.ready(&project)?;
        let sampling = project.settings()?.instruct;
        let novelty = RefCell::new(novelty_index(&project, &seed)?);
        let mut parents = Vec::new();
        for id in prompts {
            if let Some(parent) = project.with(|store| store.prompt(&id))? {
                parents.push(parent);
            }
        }
        let jobs: Vec<_> = parents
            .into_iter()
            .map(|parent| {
                let (seed, endpoint, model, sampling, novelty) =
                    (&seed, &endpoint, &model, &sampling, &novelty);
                let cell = parent.cell.clone();
                let work = async move {
                    let kind = evolution.unwrap_or_else(|| plan::evolution_for(&parent.id));
                    let request = ChatRequest {
                        model: endpoint.model.clone(),
                        messages: tasks::evolve(seed, &parent.text, kind),
                        sampling: sampling.clone(),
                    };
                    let reply = self
                        .ask(&**model, request, &mut |_| {})
                        .await
                        .map_err(Stop::of)?;
                    let mut harvest = Harvest {
                        prompts: Vec::new(),
                        dropped: Vec::new(),
                    };
                    let verdict = parse::evolved(&reply.text, reply.finish_reason, &parent.text)
                        .map_err(|reason| (clip(&reply.text), reason))
                        .and_then(|text| match evolution_verdict(&parent.text, &text) {
                            Ok(()) => Ok(text),
                            Err(reason) => Err((text, reason)),
                        })
                        .and_then(|text| {
                            match novelty.borrow().check_against_others(&text, &parent.text) {
                                Ok(()) => Ok(text),
                                Err(duplicate) => {
                                    Err((text, format!("Too close to “{}”", clip(&duplicate.of))))
                                }
                            }
                        });
                    match verdict {
                        Ok(text) => {
                            novelty.borrow_mut().add(&text);
                            let round = match &parent.origin {
                                PromptOrigin::Evolved { round, .. } => round + 1,
                                _ => 1,
                            };
                            harvest.prompts.push(self.prompt(
                                &parent.cell,
                                text,
                                PromptOrigin::Evolved {
                                    parent: parent.id.clone(),
                                    evolution: kind,
                                    round,
                                    model: endpoint.model.clone(),
                                    prompt_version: tasks::EVOLVE.to_owned(),
                                },
                                seed,
                            ));
                        }
                        Err((text, reason)) => harvest.dropped.push(Dropped {
                            cell: parent.cell.clone(),
                            text,
                            reason,
                        }),
                    }
                    Ok(harvest)
                };
                (cell, work)
            })
            .collect();
        self.harvest(ticket, &project, jobs).await
    }

    fn prompt(&self, cell: &Cell, text: String, origin: PromptOrigin, seed: &Seed) -> Prompt {
        let now = self.now();
        Prompt {
            id: Prompt::make_id(cell, &text),
            cell: cell.clone(),
            text,
            state: PromptState::Proposed,
            origin,
            original_text: None,
            seed_hash: seed.hash(),
            created_ms: now,
            updated_ms: now,
        }
    }

    /// Runs the jobs, a few at a time, and stores what each brings before it is counted. A failure that hits all alike
    /// ends the rest.
    async fn harvest<F>(
        &self,
        ticket: &Ticket,
        project: &Rc<Project>,
        jobs: Vec<(Cell, F)>,
    ) -> Result<Reply>
    where
        F: Future<Output = std::result::Result<Harvest, Stop>>,
    {
        let total = jobs.len() as u32;
        let width = project.settings()?.concurrency.clamp(1, 16) as usize;
        let mut report = DraftReport::default();
        let mut waiting = jobs.into_iter();
        let mut running = FuturesUnordered::new();
        let mut stopped: Option<Failure> = None;
        let mut done = 0;
        ticket.progress(Progress::Cells {
            done: 0,
            total,
            made: 0,
        });
        loop {
            while stopped.is_none() && running.len() < width {
                let Some((cell, job)) = waiting.next() else {
                    break;
                };
                running.push(async move { (cell, job.await) });
            }
            let Some((cell, outcome)) = running.next().await else {
                break;
            };
            done += 1;
            match outcome {
                Ok(harvest) => {
                    let ids: Vec<String> = harvest.prompts.iter().map(|p| p.id.clone()).collect();
                    let writer = self.reviewer();
                    let new_id = || self.random_id(12);
                    let stored = project.with(|store| {
                        store.add_prompts(&harvest.prompts, &writer, &new_id, self.now())
                    });
                    let added = match stored {
                        Ok(added) => added,
                        // The drafts are paid for: what other cells bring may still find room, and these are told.
                        Err(failure) => {
                            report.failed.push(FailedCell {
                                cell,
                                failure: failure.clone(),
                            });
                            stopped.get_or_insert(failure);
                            continue;
                        }
                    };
                    if added.added > 0 {
                        self.touched(project);
                        self.changed(project, &[Changed::Prompts]);
                    }
                    report.made += added.added;
                    report.ids.extend(ids);
                    report.dropped.extend(harvest.dropped);
                }
                Err(stop) => {
                    if stop.is_for_all && stopped.is_none() {
                        stopped = Some(stop.failure.clone());
                    }
                    report.failed.push(FailedCell {
                        cell,
                        failure: stop.failure,
                    });
                }
            }
            ticket.progress(Progress::Cells {
                done,
                total,
                made: report.made,
            });
        }
        if let Some(failure) = stopped {
            if report.made == 0 {
                return Err(failure);
            }
            report.failed.extend(waiting.map(|(cell, _)| FailedCell {
                cell,
                failure: failure.clone(),
            }));
        }
        Ok(Reply::Drafted(report))
    }
}

/// Why a cell gave nothing.
struct Stop {
    /// The next cell would fail alike.
    is_for_all: bool,
    failure: Failure,
}

impl Stop {
    fn of(error: ChatError) -> Self {
        Self {
            is_for_all: matches!(error.class, ErrorClass::Stop) || error.is_network,
            failure: error.failure,
        }
    }

    fn content(reply: &ChatReply) -> Self {
        Self {
            is_for_all: false,
            failure: Failure::new(
                FailureKind::Content,
                "The model's answer had no instruction in it.",
            )
            .next("Draft this cell again, or choose a stronger model.")
            .detail(clip(&reply.text)),
        }
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self {
            is_for_all: true,
            failure,
        }
    }
}

fn dropped(cell: &Cell, texts: Vec<(String, String)>) -> Vec<Dropped> {
    texts
        .into_iter()
        .map(|(text, reason)| Dropped {
            cell: cell.clone(),
            text,
            reason,
        })
        .collect()
}

/// The beginning of a text, for a message.
pub(crate) fn clip(text: &str) -> String {
    let mut start: String = text.chars().take(300).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start
}

/// Everything a new instruction must differ from: all instructions, struck ones too, and the seed's examples.
fn novelty_index(project: &Project, seed: &Seed) -> Result<NoveltyIndex> {
    let mut index = NoveltyIndex::default();
    for prompt in project.with(Store::prompts)? {
        index.add(&prompt.text);
    }
    for example in seed.examples.iter().filter(|example| !example.is_blank()) {
        index.add(&example.question);
    }
    Ok(index)
}
