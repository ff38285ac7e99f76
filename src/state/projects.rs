//! The projects on this machine, and what can be done with a whole one.

use super::{Shell, Toast};
use crate::route::{Route, Step};
use leptos::prelude::*;
use seedbed_core::messages::{Failure, ImportReport, ProjectSummary, ProjectView, Reply, Request};

/// The list as it was read last.
#[derive(Clone, Copy)]
pub struct Projects {
    list: RwSignal<Option<Result<Vec<ProjectSummary>, Failure>>>,
}

impl Default for Projects {
    fn default() -> Self {
        Self {
            list: RwSignal::new(None),
        }
    }
}

impl Projects {
    /// `None` until it was read for the first time.
    pub fn list(self) -> RwSignal<Option<Result<Vec<ProjectSummary>, Failure>>> {
        self.list
    }

    /// Reads it again.
    pub fn reload(self, shell: Shell) {
        shell.desk.spawn(self.read(shell));
    }

    pub(super) async fn read(self, shell: Shell) {
        let answer = match shell.desk.ask(Request::ListProjects).await {
            Ok(Reply::Projects(projects)) => Ok(projects),
            Ok(_) => return,
            Err(failure) => Err(failure),
        };
        self.list.try_set(Some(answer));
    }

    /// A project here is linked to this repo.
    pub(super) fn has_repo(self, repo: &str) -> bool {
        self.list.with_untracked(|list| match list {
            Some(Ok(projects)) => projects.iter().any(|project| {
                project.deleted_ms.is_none()
                    && project
                        .repo
                        .as_deref()
                        .is_some_and(|linked| linked.eq_ignore_ascii_case(repo))
            }),
            _ => false,
        })
    }

    /// The project made from the example, if one is there.
    pub fn example(self) -> Option<String> {
        self.list.with(|list| match list {
            Some(Ok(projects)) => projects
                .iter()
                .find(|project| {
                    project.is_example && project.deleted_ms.is_none() && !project.is_newer_format
                })
                .map(|project| project.id.clone()),
            _ => None,
        })
    }

    /// Deletes a project and offers to take that back.
    pub fn delete(self, shell: Shell, id: String, name: String) {
        shell.desk.spawn(async move {
            let request = Request::DeleteProject { id: id.clone() };
            match shell.desk.ask(request).await {
                Ok(_) => {
                    let undo = Callback::new(move |()| self.restore(shell, id.clone()));
                    shell.show_toast(Toast {
                        text: format!("Deleted “{name}”."),
                        action: Some(("Undo", undo)),
                    });
                }
                Err(failure) => shell.show_toast(Toast::say(&failure.to_string())),
            }
            self.read(shell).await;
        });
    }

    /// Puts a deleted project back.
    pub fn restore(self, shell: Shell, id: String) {
        shell.desk.spawn(async move {
            match shell.desk.ask(Request::RestoreProject { id }).await {
                Ok(_) => shell.show_toast(Toast::say("The project is back.")),
                Err(failure) => shell.show_toast(Toast::say(&failure.to_string())),
            }
            self.read(shell).await;
        });
    }

    /// Makes a project by `request`, opens it, and goes to its first page that has something to do.
    pub async fn make(
        self,
        shell: Shell,
        request: Request,
        step: Option<Step>,
    ) -> Result<(), Failure> {
        enter_made(shell, shell.desk.ask(request).await?, step)
    }
}

/// Goes to a project that was made, to its first page that has something to do.
pub fn enter_made(shell: Shell, reply: Reply, step: Option<Step>) -> Result<(), Failure> {
    match reply {
        Reply::Opened(project) => {
            enter(shell, *project, step, None);
            Ok(())
        }
        Reply::Imported { project, report } => {
            enter(shell, *project, step, Some(report));
            Ok(())
        }
        _ => Err(crate::pages::desk::failure_of(
            "The worker gave another answer than asked for.",
        )),
    }
}

fn enter(shell: Shell, project: ProjectView, step: Option<Step>, report: Option<ImportReport>) {
    let step = step.unwrap_or(if project.summary.records > 0 {
        Step::Review
    } else {
        Step::Seed
    });
    let id = project.summary.id.clone();
    shell.adopt(project);
    shell.import_report.set(report);
    shell.keep_storage();
    shell.go(&Route::project(&id, step));
}
