//! The steps of a publish, as a list that fills up.

use leptos::prelude::*;
use seedbed_core::messages::Step;

/// Steps in order, with what they are called.
const STEPS: [(Step, &str); 5] = [
    (Step::Reading, "Read what stands on the Hub"),
    (Step::Table, "Write the table"),
    (Step::Preparing, "Ask how to send each file"),
    (Step::Uploading, "Send the files"),
    (Step::Committing, "Commit"),
];

/// How far a publish is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Steps {
    now: Option<Step>,
    /// The Hub asked to wait.
    is_waiting: bool,
    done: u64,
    total: u64,
}

/// State of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Done,
    Now,
    Open,
}

impl Steps {
    /// Takes a progress message in. A wait keeps the step it interrupted; going back (another commit came between)
    /// is shown as it is.
    pub fn hear(&mut self, step: Step, done: u64, total: u64) {
        if step == Step::Waiting {
            self.is_waiting = true;
            return;
        }
        *self = Self {
            now: Some(step),
            is_waiting: false,
            done,
            total,
        };
    }

    fn mark(self, step: Step) -> Mark {
        match self.now {
            Some(now) if step < now => Mark::Done,
            Some(now) if step == now => Mark::Now,
            _ => Mark::Open,
        }
    }

    /// The share of the present step, if countable.
    fn share(self) -> Option<u64> {
        (self.total > 1).then(|| self.done.min(self.total) * 100 / self.total)
    }
}

/// The list.
pub(super) fn steps_view(steps: Steps) -> AnyView {
    let items = STEPS
        .iter()
        .map(|(step, label)| {
            let mark = steps.mark(*step);
            let (class, said) = match mark {
                Mark::Done => ("step done", "done"),
                Mark::Now => ("step now", "under way"),
                Mark::Open => ("step", "to come"),
            };
            let share = (mark == Mark::Now)
                .then(|| steps.share().map(|share| format!(" {share} %")))
                .flatten();
            let waiting = (mark == Mark::Now && steps.is_waiting)
                .then_some(" – the Hub asked to wait; Seedbed tries again by itself");
            view! {
                <li class=class aria-current=(mark == Mark::Now).then_some("step")>
                    {*label}
                    {share}
                    {waiting}
                    <span class="sr-only">{format!(", {said}")}</span>
                </li>
            }
            .into_any()
        })
        .collect::<Vec<_>>();
    view! { <ol class="steps">{items}</ol> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_keeps_the_step_it_interrupted() {
        let mut steps = Steps::default();
        steps.hear(Step::Committing, 0, 0);
        steps.hear(Step::Waiting, 0, 0);
        assert!(steps.is_waiting);
        assert_eq!(steps.mark(Step::Committing), Mark::Now);
        assert_eq!(steps.mark(Step::Uploading), Mark::Done);
    }

    #[test]
    fn a_merge_goes_back_to_reading() {
        let mut steps = Steps::default();
        steps.hear(Step::Committing, 0, 0);
        steps.hear(Step::Reading, 0, 0);
        assert_eq!(steps.mark(Step::Committing), Mark::Open);
    }

    #[test]
    fn a_share_is_shown_only_where_it_can_be_counted() {
        let mut steps = Steps::default();
        steps.hear(Step::Uploading, 0, 0);
        assert_eq!(steps.share(), None);
        steps.hear(Step::Uploading, 900, 300);
        assert_eq!(steps.share(), Some(100));
    }
}
