//! The large parts of the back end that are not wanted at once: files, instructions and models, the Hub.
//!
//! A build with the feature `split` of the app cuts each into a file of its own, fetched when it is first needed or when
//! nothing else is to do; any other build, the native one among them, has them all at hand ([`Pieces::WHOLE`]). What a
//! person sees first (projects, seed, review) is in none of them.

use crate::{Backend, Result, Ticket, publish};
use futures::future::{LocalBoxFuture, ready};
use seedbed_core::messages::{Failure, FailureKind, Reply, Request};

/// Answers the requests of a piece.
pub type Answer = fn(Backend, Ticket, Request) -> LocalBoxFuture<'static, Result<Reply>>;
/// Sees to it that the code of a piece is there.
pub type Load = fn() -> LocalBoxFuture<'static, Result<Answer>>;

/// Names a piece.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Piece {
    /// Imports, exports and the example.
    Files,
    /// Instructions, runs, and everything that asks a model.
    Models,
    /// Signing in, identities, repos, sync and publish.
    Hub,
}

/// Ways to all pieces.
#[derive(Clone, Copy)]
pub struct Pieces {
    /// To [`answer_files`].
    pub files: Load,
    /// To [`answer_models`].
    pub models: Load,
    /// To [`answer_hub`].
    pub hub: Load,
}

impl Pieces {
    /// Everything is at hand.
    pub const WHOLE: Self = Self {
        files: || Box::pin(ready(Ok(answer_files as Answer))),
        models: || Box::pin(ready(Ok(answer_models as Answer))),
        hub: || Box::pin(ready(Ok(answer_hub as Answer))),
    };

    fn load(&self, piece: Piece) -> Load {
        match piece {
            Piece::Files => self.files,
            Piece::Models => self.models,
            Piece::Hub => self.hub,
        }
    }
}

impl Backend {
    /// Has `piece` answer. Once it is there, that costs no turn of the event loop, so that requests keep their order.
    pub(crate) async fn hand_on(
        &self,
        piece: Piece,
        ticket: Ticket,
        request: Request,
    ) -> Result<Reply> {
        let known = self.answers.borrow().get(&piece).copied();
        let answer = match known {
            Some(answer) => answer,
            None => self.fetch(piece).await?,
        };
        answer(self.clone(), ticket, request).await
    }

    async fn fetch(&self, piece: Piece) -> Result<Answer> {
        let answer = self.pieces.load(piece)().await?;
        self.answers.borrow_mut().insert(piece, answer);
        Ok(answer)
    }

    /// Fetches what is not there yet, so that a tab that goes offline later can still do everything.
    pub async fn fetch_all(self) {
        for piece in [Piece::Files, Piece::Models, Piece::Hub] {
            // What fails now is fetched again, and said, when it is needed.
            let _ = self.fetch(piece).await;
        }
    }
}

/// A piece could not be fetched.
pub fn not_fetched() -> Failure {
    Failure::new(FailureKind::Network, "This part of Seedbed could not be loaded.")
        .means("Nothing was changed; your work is stored.")
        .next("Check the connection and try again. If it keeps failing, reload the page: there may be a new version.")
}

/// A request came to a piece that does not answer it; [`Backend`] knows better.
fn misled() -> Failure {
    Failure::new(
        FailureKind::Internal,
        "A request went to the wrong part of Seedbed.",
    )
    .means("Nothing was changed.")
}

/// Imports, exports, the example.
pub fn answer_files(
    backend: Backend,
    ticket: Ticket,
    request: Request,
) -> LocalBoxFuture<'static, Result<Reply>> {
    Box::pin(async move {
        match request {
            Request::CreateExample => backend.create_example().await,
            Request::ImportProject { name, text } => backend.import_project(&name, &text).await,
            Request::ImportInto {
                project,
                name,
                text,
            } => backend.import_into(&project, &name, &text),
            Request::Table { call, .. } => backend.answer_table(&ticket, call.open()?).await,
            Request::BeginImport { name, into } => {
                backend.begin_import(&name, into.as_deref()).await
            }
            Request::ImportPiece { import, text } => backend.import_piece(import, &text),
            Request::EndImport { import, gives_up } => backend.end_import(import, gives_up).await,
            Request::Export {
                project,
                kind,
                after,
            } => backend.export(&project, kind, after.as_deref()),
            Request::Exported { project } => backend.exported(&project),
            _ => Err(misled()),
        }
    })
}

/// Instructions, runs, everything that asks a model.
pub fn answer_models(
    backend: Backend,
    ticket: Ticket,
    request: Request,
) -> LocalBoxFuture<'static, Result<Reply>> {
    Box::pin(async move {
        match request {
            Request::ListPrompts {
                project,
                filter,
                offset,
                limit,
            } => backend
                .project(&project)?
                .with(|store| store.prompt_page(&filter, offset, limit))
                .map(Reply::Prompts),
            Request::AddPrompt {
                project,
                cell,
                text,
            } => backend.add_prompt(&project, cell, &text),
            Request::EditPrompt { project, id, text } => backend.edit_prompt(&project, &id, &text),
            Request::SetPromptState {
                project,
                ids,
                state,
            } => backend.set_prompt_state(&project, &ids, state),
            Request::RunItems {
                project,
                run,
                state,
                offset,
                limit,
            } => {
                let (total, items) = backend
                    .project(&project)?
                    .with(|store| store.run_items(&run, state, offset, limit))?;
                Ok(Reply::RunItems { total, items })
            }
            Request::Propose {
                project,
                what,
                count,
            } => backend.propose(&project, what, count).await,
            Request::DraftAnswer { project, question } => {
                backend.draft_answer(&ticket, &project, &question).await
            }
            Request::DraftPrompts {
                project,
                cells,
                per_cell,
            } => {
                backend
                    .draft_prompts(&ticket, &project, cells, per_cell)
                    .await
            }
            Request::EvolvePrompts {
                project,
                prompts,
                evolution,
            } => {
                backend
                    .evolve_prompts(&ticket, &project, prompts, evolution)
                    .await
            }
            Request::ListModels { endpoint } => backend.list_models(&endpoint).await,
            Request::TestEndpoint { endpoint } => backend.test_endpoint(&endpoint).await,
            Request::EngineState => backend.engine_state().await,
            Request::EngineLoad(order) => backend.engine_load(&ticket, &order).await,
            Request::EngineUnload => backend.engine_unload().await,
            Request::EngineForget { url } => backend.engine_forget(&url).await,
            Request::EngineMeasure => backend.engine_measure(&ticket).await,
            Request::Forecast { project } => backend.forecast(&project),
            Request::StartRun { project } => backend.start_run(&project),
            Request::PauseRun { project, run } => backend.pause_run(&project, &run),
            Request::ResumeRun { project, run } => backend.resume_run(&project, &run, false),
            Request::RetryFailed { project, run } => backend.resume_run(&project, &run, true),
            _ => Err(misled()),
        }
    })
}

/// Signing in, identities, repos, sync and publish.
pub fn answer_hub(
    backend: Backend,
    ticket: Ticket,
    request: Request,
) -> LocalBoxFuture<'static, Result<Reply>> {
    Box::pin(async move {
        match request {
            Request::OpenHub { repo } => backend.open_hub(&ticket, &repo).await,
            Request::ListTables { repo } => backend.list_tables(&repo).await,
            Request::OauthFinish {
                pending,
                state,
                code,
            } => backend.oauth_finish(&pending, &state, &code).await,
            Request::SignIn { token } => backend.sign_in(&token).await,
            Request::SetReviewer { name } => backend.set_reviewer(&name).await,
            Request::NewReviewer { name } => backend.new_reviewer(&name).await,
            Request::UseReviewer { id } => backend.use_reviewer(&id).await,
            Request::ClaimDecisions { from, are_mine } => {
                backend.claim_decisions(&from, are_mine).await
            }
            Request::ListIdentities => backend.identities().map(Reply::Identities),
            Request::ListRepos => backend.list_repos().await,
            Request::CreateRepo {
                project,
                repo,
                private,
            } => backend.create_repo(&project, &repo, private).await,
            Request::LinkRepo {
                project,
                repo,
                is_confirmed,
            } => backend.link_repo(&project, &repo, is_confirmed).await,
            Request::Sync { project } => backend.sync(&ticket, &project).await.map(Reply::Synced),
            Request::PlanPublish { project } => backend
                .plan_publish(&ticket, &project)
                .await
                .map(Reply::PublishPlan),
            Request::Publish {
                project,
                summary,
                license,
                languages,
                as_pull_request,
                drops_unknown,
                replaces_table,
            } => {
                let options = publish::PublishOptions {
                    summary,
                    license,
                    languages,
                    as_pull_request,
                    drops_unknown,
                    replaces_table,
                };
                backend
                    .publish(&ticket, &project, &options)
                    .await
                    .map(Reply::Published)
            }
            _ => Err(misled()),
        }
    })
}
