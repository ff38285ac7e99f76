//! A drafting or evolving of instructions: how far it is, how it ended, and what is said of both. It lives with the
//! desk, so that it goes on when the page is left and is found again there.

use crate::pages::desk::Desk;
use crate::pages::generate::words::{count, plural};
use leptos::prelude::*;
use seedbed_core::messages::{
    DraftReport, Failure, FailureKind, Progress, Reply, Request, RequestId,
};
use seedbed_core::prompt::{Cell, EvolutionKind};

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// New instructions for cells.
    Draft {
        /// The cells.
        cells: Vec<Cell>,
        /// Instructions per cell.
        per_cell: u32,
    },
    /// Variants of instructions.
    Evolve {
        /// Ids of the parents.
        prompts: Vec<String>,
        /// How; `None` lets each parent's id choose.
        evolution: Option<EvolutionKind>,
    },
}

impl Task {
    /// Requests it takes.
    pub fn requests(&self) -> u32 {
        match self {
            Self::Draft { cells, .. } => cells.len() as u32,
            Self::Evolve { prompts, .. } => prompts.len() as u32,
        }
    }

    /// What `n` of its steps are called.
    fn steps(&self, n: u32) -> String {
        match self {
            Self::Draft { .. } => plural(n.into(), "cell", "cells"),
            Self::Evolve { .. } => plural(n.into(), "instruction", "instructions"),
        }
    }
}

/// How far it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// Asking.
    Running,
    /// The person stopped it; what was made stays.
    Stopping,
    /// Stopped.
    Stopped,
    /// Done.
    Done(DraftReport),
    /// Nothing more could be asked.
    Failed(Failure),
}

/// A task with its state.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// The project it belongs to.
    pub project: String,
    /// What is asked for.
    pub task: Task,
    /// The request, to stop it.
    pub request: RequestId,
    /// Cells or parents worked on.
    pub done: u32,
    /// New instructions so far.
    pub made: u32,
    /// How far it is.
    pub phase: Phase,
}

impl Job {
    /// A task that begins.
    pub fn new(project: String, task: Task) -> Self {
        Self {
            project,
            task,
            request: 0,
            done: 0,
            made: 0,
            phase: Phase::Running,
        }
    }

    /// Still asking.
    pub fn is_active(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Stopping)
    }

    /// How far it is, in words.
    pub fn progress_text(&self) -> String {
        format!(
            "{} of {}, {} so far",
            count(self.done.into()),
            self.task.steps(self.task.requests()),
            plural(self.made.into(), "new instruction", "new instructions"),
        )
    }

    /// How it ended, in one sentence or two.
    pub fn outcome_text(&self) -> String {
        let made = |n: u32| match n {
            0 => "No new instruction.".to_owned(),
            n => format!(
                "{} to look at.",
                plural(n.into(), "new instruction", "new instructions")
            ),
        };
        match &self.phase {
            Phase::Running => self.progress_text(),
            Phase::Stopping => "Stopping…".to_owned(),
            Phase::Stopped if self.made > 0 => {
                format!("Stopped. {} What was drafted stays.", made(self.made))
            }
            Phase::Stopped => "Stopped before anything was drafted.".to_owned(),
            Phase::Done(report) => {
                let mut parts = vec![made(report.made)];
                if !report.dropped.is_empty() {
                    let dropped = plural(report.dropped.len() as u64, "text was", "texts were");
                    parts.push(format!("{dropped} left out."));
                }
                if !report.failed.is_empty() {
                    let failed = self.task.steps(report.failed.len() as u32);
                    parts.push(format!("{failed} got none."));
                }
                parts.join(" ")
            }
            Phase::Failed(failure) => failure.what.clone(),
        }
    }

    /// The task for what failed, to ask again. `None` where nothing did or parents can't be told apart.
    pub fn rest(&self) -> Option<Task> {
        let (Task::Draft { per_cell, .. }, Phase::Done(report)) = (&self.task, &self.phase) else {
            return None;
        };
        let mut cells: Vec<Cell> = Vec::new();
        for failed in &report.failed {
            if !cells.contains(&failed.cell) {
                cells.push(failed.cell.clone());
            }
        }
        (!cells.is_empty()).then_some(Task::Draft {
            cells,
            per_cell: *per_cell,
        })
    }
}

/// What drafting would ask: `25 cells × 2 = 50 instructions, in 25 requests`.
pub fn forecast(cells: u32, per_cell: u32) -> String {
    format!(
        "{} × {} = {}, in {}",
        plural(cells.into(), "cell", "cells"),
        count(per_cell.into()),
        plural(
            u64::from(cells) * u64::from(per_cell),
            "instruction",
            "instructions"
        ),
        plural(cells.into(), "request", "requests"),
    )
}

/// Starts a task, if none is under way.
pub fn start(desk: Desk, task: Task) {
    let job = desk.job();
    let is_busy = job.with_untracked(|job| job.as_ref().is_some_and(Job::is_active));
    if is_busy || task.requests() == 0 {
        return;
    }
    let project = desk.project_id();
    job.set(Some(Job::new(project.clone(), task.clone())));
    let request = match task {
        Task::Draft { cells, per_cell } => Request::DraftPrompts {
            project: project.clone(),
            cells,
            per_cell,
        },
        Task::Evolve { prompts, evolution } => Request::EvolvePrompts {
            project: project.clone(),
            prompts,
            evolution,
        },
    };
    let running = desk.ask_streaming(request, move |progress| {
        if let Progress::Cells { done, made, .. } = progress {
            let mut has_more = false;
            job.try_update(|job| {
                if let Some(job) = job {
                    has_more = made > job.made;
                    job.done = done;
                    job.made = made;
                }
            });
            if has_more {
                desk.prompts_changed();
            }
        }
    });
    let id = running.id();
    job.update(|job| {
        if let Some(job) = job {
            job.request = id;
        }
    });
    desk.spawn(async move {
        let phase = match running.await {
            Ok(Reply::Drafted(report)) => Phase::Done(report),
            Ok(_) => return,
            Err(failure) if failure.kind == FailureKind::Cancelled => Phase::Stopped,
            Err(failure) => Phase::Failed(failure),
        };
        job.try_update(|job| {
            if let Some(job) = job {
                if let Phase::Done(report) = &phase {
                    job.made = report.made;
                    job.done = job.task.requests();
                }
                job.phase = phase;
                desk.say(&job.outcome_text());
            }
        });
        desk.prompts_changed();
    });
}

/// Stops what is under way.
pub fn stop(desk: Desk) {
    let request = desk.job().try_update(|job| {
        let job = job.as_mut().filter(|job| job.phase == Phase::Running)?;
        job.phase = Phase::Stopping;
        Some(job.request)
    });
    if let Some(Some(request)) = request {
        desk.cancel(request);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedbed_core::messages::{Dropped, FailedCell};

    fn cell(topic: &str) -> Cell {
        Cell {
            topic: topic.to_owned(),
            perspective: String::new(),
        }
    }

    fn job(report: DraftReport) -> Job {
        let task = Task::Draft {
            cells: vec![cell("soil"), cell("water")],
            per_cell: 3,
        };
        Job {
            phase: Phase::Done(report),
            ..Job::new("p".to_owned(), task)
        }
    }

    #[test]
    fn the_forecast_says_what_is_asked_before_it_is_asked() {
        assert_eq!(
            forecast(25, 2),
            "25 cells × 2 = 50 instructions, in 25 requests"
        );
        assert_eq!(forecast(1, 1), "1 cell × 1 = 1 instruction, in 1 request");
    }

    #[test]
    fn the_outcome_counts_what_came_what_was_left_out_and_what_failed() {
        let full = job(DraftReport {
            made: 6,
            ..DraftReport::default()
        });
        assert_eq!(full.outcome_text(), "6 new instructions to look at.");
        assert_eq!(full.rest(), None);
        let failed = FailedCell {
            cell: cell("water"),
            failure: Failure::default(),
        };
        let partial = job(DraftReport {
            made: 1,
            dropped: vec![Dropped {
                cell: cell("soil"),
                text: "x".into(),
                reason: "y".into(),
            }],
            failed: vec![failed.clone(), failed],
            ..DraftReport::default()
        });
        assert_eq!(
            partial.outcome_text(),
            "1 new instruction to look at. 1 text was left out. 2 cells got none."
        );
        let again = Task::Draft {
            cells: vec![cell("water")],
            per_cell: 3,
        };
        assert_eq!(partial.rest(), Some(again));
    }

    #[test]
    fn a_stopped_task_says_that_its_work_stays() {
        let mut stopped = job(DraftReport::default());
        stopped.phase = Phase::Stopped;
        assert!(stopped.outcome_text().contains("before anything"));
        stopped.made = 4;
        assert_eq!(
            stopped.outcome_text(),
            "Stopped. 4 new instructions to look at. What was drafted stays."
        );
        assert!(!stopped.is_active());
    }
}
