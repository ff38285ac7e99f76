use super::*;
use seedbed_core::messages::FailureKind;

const T0: u64 = 1_790_000_000_000;

fn keys(count: usize) -> Vec<(String, u32)> {
    (0..count).map(|n| (format!("r{n}"), 0)).collect()
}

fn scheduler(count: usize, concurrency: u32) -> Scheduler {
    let limits = Limits {
        concurrency,
        ..Limits::default()
    };
    Scheduler::new(limits, keys(count))
}

fn error(class: ErrorClass, kind: FailureKind, what: &str) -> ChatError {
    ChatError {
        class,
        is_network: false,
        failure: Failure::new(kind, what),
    }
}

fn stop() -> ChatError {
    error(
        ErrorClass::Stop,
        FailureKind::Credits,
        "No credits are left.",
    )
}

fn transient() -> ChatError {
    error(
        ErrorClass::Transient,
        FailureKind::Server,
        "The server failed.",
    )
}

fn slow(wait_ms: Option<u64>) -> ChatError {
    error(
        ErrorClass::SlowDown { wait_ms },
        FailureKind::RateLimited,
        "Too many requests.",
    )
}

fn refused(what: &str) -> ChatError {
    error(ErrorClass::BadRequest, FailureKind::Invalid, what)
}

fn network() -> ChatError {
    ChatError {
        is_network: true,
        ..error(ErrorClass::Transient, FailureKind::Network, "No answer.")
    }
}

/// Sends the next row and names it.
fn send(run: &mut Scheduler, now: u64) -> String {
    match run.next(now) {
        Step::Send(key) => {
            assert!(run.sent(&key, now));
            key
        }
        other => panic!("expected a row to send at {now}, got {other:?}"),
    }
}

fn counts(outcome: &ItemOutcome) -> Option<bool> {
    match outcome {
        ItemOutcome::Retry { counts_attempt, .. } => Some(*counts_attempt),
        _ => None,
    }
}

#[test]
fn rows_go_out_in_plan_order_up_to_the_concurrency_and_refill_on_every_completion() {
    let mut run = scheduler(5, 2);
    assert_eq!(send(&mut run, T0), "r0");
    assert_eq!(send(&mut run, T0), "r1");
    assert_eq!(run.next(T0), Step::Idle);
    assert!(run.succeeded("r1", T0 + 10));
    assert_eq!(send(&mut run, T0 + 10), "r2");
    assert_eq!((run.in_flight(), run.queued()), (2, 2));
    for key in ["r0", "r2"] {
        assert!(run.succeeded(key, T0 + 20));
        send(&mut run, T0 + 20);
    }
    assert!(run.succeeded("r3", T0 + 30) && run.succeeded("r4", T0 + 30));
    assert_eq!(run.next(T0 + 30), Step::Finished);
    assert_eq!((run.in_flight(), run.queued()), (0, 0));
}

#[test]
fn asking_twice_names_the_same_row_and_a_row_is_sent_and_lands_once() {
    let mut run = scheduler(2, 2);
    assert_eq!(run.next(T0), run.next(T0));
    assert!(run.sent("r0", T0));
    assert!(!run.sent("r0", T0));
    assert!(run.succeeded("r0", T0));
    assert!(!run.succeeded("r0", T0));
    assert_eq!(
        run.failed("r0", &transient(), 0.5, T0),
        ItemOutcome::Ignored
    );
    assert_eq!(
        run.failed("elsewhere", &stop(), 0.5, T0),
        ItemOutcome::Ignored
    );
    assert!(!run.is_paused());
    run.add(vec![("r0".into(), 0), ("r1".into(), 0), ("r1".into(), 3)]);
    assert_eq!(run.queued(), 1);
}

#[test]
fn a_transient_failure_is_tried_five_times_with_growing_waits() {
    let mut run = scheduler(1, 1);
    let mut now = T0;
    for expected in [1_000, 2_000, 4_000, 8_000] {
        send(&mut run, now);
        let outcome = run.failed("r0", &transient(), 1.0, now);
        let at_ms = now + expected;
        assert_eq!(
            outcome,
            ItemOutcome::Retry {
                at_ms,
                counts_attempt: true
            }
        );
        assert_eq!(run.next(now), Step::WaitUntil(at_ms));
        assert_eq!(
            run.waiting_until(now),
            None,
            "only this row waits, not the run"
        );
        now = at_ms;
    }
    send(&mut run, now);
    match run.failed("r0", &transient(), 1.0, now) {
        ItemOutcome::GiveUp(failure) => assert!(failure.means.contains("5 times"), "{failure}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(run.next(now), Step::Finished);
}

#[test]
fn attempts_of_an_earlier_session_count_and_a_used_up_row_gets_one_more() {
    let mut run = Scheduler::new(
        Limits::default(),
        vec![("used".into(), 5), ("once".into(), 4)],
    );
    for key in ["used", "once"] {
        assert_eq!(send(&mut run, T0), key);
        assert!(matches!(
            run.failed(key, &transient(), 0.5, T0),
            ItemOutcome::GiveUp(_)
        ));
    }
    run.add(vec![("used".into(), 0)]);
    assert_eq!(send(&mut run, T0), "used");
    assert!(run.succeeded("used", T0));
}

#[test]
fn rows_to_try_again_go_before_new_ones_once_their_wait_is_over() {
    let mut run = scheduler(3, 1);
    send(&mut run, T0);
    run.failed("r0", &transient(), 1.0, T0);
    assert_eq!(send(&mut run, T0 + 10), "r1");
    assert!(run.succeeded("r1", T0 + 2_000));
    assert_eq!(send(&mut run, T0 + 2_000), "r0");
}

#[test]
fn a_stop_keeps_all_rows_and_lets_flights_land_before_it_says_paused() {
    let mut run = scheduler(4, 3);
    for _ in 0..3 {
        send(&mut run, T0);
    }
    let outcome = run.failed("r1", &stop(), 0.5, T0 + 5);
    assert_eq!(counts(&outcome), Some(false));
    assert!(run.is_paused());
    assert_eq!(run.next(T0 + 5), Step::Idle);
    assert!(run.succeeded("r0", T0 + 6));
    run.failed("r2", &stop(), 0.5, T0 + 7);
    let Step::Paused(Some(failure)) = run.next(T0 + 8) else {
        panic!("not paused");
    };
    assert_eq!(failure.kind, FailureKind::Credits);
    assert!(!failure.means.is_empty() && !failure.next.is_empty());
    assert_eq!(run.queued(), 3);
    run.resume();
    assert_eq!(run.stopped_by(), None);
    let mut left: Vec<String> = (0..3).map(|_| send(&mut run, T0 + 9)).collect();
    left.sort();
    assert_eq!(left, ["r1", "r2", "r3"]);
}

#[test]
fn a_pause_by_the_person_has_no_reason_and_a_finished_run_is_finished_even_when_paused() {
    let mut run = scheduler(2, 1);
    send(&mut run, T0);
    run.pause();
    assert_eq!(run.next(T0), Step::Idle);
    assert!(run.succeeded("r0", T0));
    assert_eq!(run.next(T0), Step::Paused(None));
    run.resume();
    send(&mut run, T0);
    run.pause();
    run.succeeded("r1", T0);
    assert_eq!(run.next(T0), Step::Finished);
}

#[test]
fn a_cancelled_request_goes_back_as_if_it_had_not_been_sent() {
    let mut run = Scheduler::new(Limits::default(), vec![("r0".into(), 4)]);
    send(&mut run, T0);
    let cancelled = error(ErrorClass::Cancelled, FailureKind::Cancelled, "Stopped.");
    let outcome = run.failed("r0", &cancelled, 0.5, T0);
    assert_eq!(counts(&outcome), Some(false));
    send(&mut run, T0);
    assert!(matches!(
        run.failed("r0", &transient(), 0.5, T0),
        ItemOutcome::GiveUp(_)
    ));
}

fn in_tab(count: usize, slots: u32) -> Scheduler {
    let settings = RunSettings {
        concurrency: 16,
        ..RunSettings::default()
    };
    let mut run = Scheduler::new(Limits::in_tab(&settings), keys(count));
    run.set_concurrency(slots);
    run
}

#[test]
fn a_model_in_this_tab_has_as_many_rows_as_it_makes_side_by_side_and_is_never_waited_for() {
    let mut run = in_tab(5, 3);
    for _ in 0..3 {
        send(&mut run, T0);
    }
    assert_eq!(run.next(T0), Step::Idle);
    run.set_concurrency(4);
    assert_eq!(send(&mut run, T0), "r3");
    // What may work next time is asked for at once, within the attempts it has.
    for attempt in 1..5 {
        let outcome = run.failed("r0", &transient(), 1.0, T0);
        assert_eq!(counts(&outcome), Some(true), "{attempt}");
        assert_eq!(send(&mut run, T0), "r0");
    }
    assert!(matches!(
        run.failed("r0", &transient(), 1.0, T0),
        ItemOutcome::GiveUp(_)
    ));
}

#[test]
fn a_row_in_flight_when_the_worker_ends_goes_back_at_once_and_keeps_its_attempts() {
    let mut run = in_tab(4, 2);
    for _ in 0..2 {
        send(&mut run, T0);
    }
    for key in ["r0", "r1"] {
        let outcome = run.died(key, "it was silent", T0);
        assert_eq!(counts(&outcome), Some(false));
    }
    // Both were lost at one end.
    assert_eq!((run.restarts(), run.in_flight(), run.queued()), (1, 0, 4));
    assert_eq!(run.died("r0", "it was silent", T0), ItemOutcome::Ignored);
    let again = [send(&mut run, T0), send(&mut run, T0)];
    assert_eq!(again, ["r0", "r1"]);
    assert!(run.succeeded("r0", T0));
    // All five attempts are left.
    for _ in 1..5 {
        assert_eq!(counts(&run.failed("r1", &transient(), 0.0, T0)), Some(true));
        assert_eq!(send(&mut run, T0), "r1");
    }
}

#[test]
fn a_row_in_flight_at_two_ends_fails_with_the_reason_and_the_others_go_on() {
    let mut run = in_tab(3, 2);
    send(&mut run, T0);
    send(&mut run, T0);
    assert!(run.succeeded("r0", T0));
    assert_eq!(counts(&run.died("r1", "it was silent", T0)), Some(false));
    assert_eq!(send(&mut run, T0), "r1");
    assert_eq!(send(&mut run, T0), "r2");
    let ItemOutcome::GiveUp(failure) = run.died("r1", "it was silent", T0) else {
        panic!("it was asked a third time");
    };
    assert!(failure.what.contains("2 times") && failure.what.contains("it was silent"));
    assert!(!failure.means.is_empty() && !failure.next.is_empty());
    assert_eq!(counts(&run.died("r2", "it was silent", T0)), Some(false));
    assert_eq!((run.restarts(), run.is_paused()), (2, false));
    assert_eq!(send(&mut run, T0), "r2");
    assert!(run.succeeded("r2", T0));
    // Asked for again by the person, it has two lives as before.
    run.add(vec![("r1".into(), 1)]);
    assert_eq!(send(&mut run, T0), "r1");
    assert_eq!(counts(&run.died("r1", "it was silent", T0)), Some(false));
}

#[test]
fn three_ends_without_an_answer_between_them_pause_the_run() {
    let mut run = in_tab(9, 2);
    for end in 1..=3 {
        assert!(!run.is_paused());
        let keys = [send(&mut run, T0), send(&mut run, T0)];
        for key in keys {
            run.died(&key, "out of memory", T0);
        }
        assert_eq!(run.restarts(), end);
    }
    let Step::Paused(Some(failure)) = run.next(T0) else {
        panic!("it goes on for ever");
    };
    assert!(failure.what.contains("3 times") && failure.what.contains("out of memory"));
    // The two that were in flight twice are given up, all others are left.
    assert_eq!(run.queued(), 7);
    run.resume();
    for _ in 0..2 {
        let key = send(&mut run, T0);
        run.died(&key, "out of memory", T0);
        assert!(!run.is_paused());
    }
    let key = send(&mut run, T0);
    assert!(run.succeeded(&key, T0));
    let key = send(&mut run, T0);
    run.died(&key, "out of memory", T0);
    assert!(!run.is_paused(), "an answer came between them");
}

#[test]
fn a_wait_holds_everyone_back_for_as_long_as_the_server_says_and_costs_no_attempt() {
    let mut run = scheduler(6, 3);
    for _ in 0..3 {
        send(&mut run, T0);
    }
    assert!(run.succeeded("r0", T0 + 10));
    let outcome = run.failed("r1", &slow(Some(30_000)), 0.0, T0 + 20);
    assert_eq!(
        outcome,
        ItemOutcome::Retry {
            at_ms: T0 + 30_020,
            counts_attempt: false
        }
    );
    assert_eq!(run.next(T0 + 21), Step::WaitUntil(T0 + 30_020));
    assert_eq!(run.waiting_until(T0 + 21), Some(T0 + 30_020));
    // A shorter wait of the same burst does not shorten it.
    run.failed("r2", &slow(Some(1_000)), 0.0, T0 + 22);
    assert_eq!(run.next(T0 + 22), Step::WaitUntil(T0 + 30_020));
    assert_eq!(run.waiting_until(T0 + 30_020), None);
    assert_eq!(send(&mut run, T0 + 30_020), "r1");
    assert_eq!(send(&mut run, T0 + 30_020), "r2");
    assert_eq!(send(&mut run, T0 + 30_020), "r3");
}

#[test]
fn without_a_named_time_the_wait_doubles_per_burst_and_not_per_refusal() {
    let mut run = scheduler(8, 4);
    let mut now = T0;
    for expected in [2_000, 4_000, 8_000] {
        let sent: Vec<String> = (0..4).map(|_| send(&mut run, now)).collect();
        for key in &sent {
            run.failed(key, &slow(None), 1.0, now);
        }
        assert_eq!(run.next(now), Step::WaitUntil(now + expected));
        now += expected;
    }
    // One success and the next burst starts over.
    let key = send(&mut run, now);
    run.succeeded(&key, now);
    let key = send(&mut run, now);
    run.failed(&key, &slow(None), 1.0, now);
    assert_eq!(run.next(now), Step::WaitUntil(now + 2_000));
}

#[test]
fn a_server_that_says_wait_zero_is_not_asked_in_a_tight_loop() {
    let mut run = scheduler(1, 1);
    let mut now = T0;
    let mut requests = 0;
    while now < T0 + 60_000 && !run.is_paused() {
        match run.next(now) {
            Step::Send(key) => {
                run.sent(&key, now);
                requests += 1;
                run.failed(&key, &slow(Some(0)), 0.0, now);
            }
            Step::WaitUntil(at) => now = at,
            other => panic!("{other:?}"),
        }
    }
    assert!(
        (4..12).contains(&requests),
        "{requests} requests in a minute"
    );
}

#[test]
fn a_wait_too_long_to_sit_out_pauses_and_says_when_to_come_back() {
    let mut run = scheduler(2, 2);
    send(&mut run, T0);
    run.failed("r0", &slow(Some(900_000)), 0.5, T0);
    let Step::Paused(Some(failure)) = run.next(T0) else {
        panic!("not paused");
    };
    assert_eq!(failure.kind, FailureKind::RateLimited);
    assert!(failure.what.contains("15 minutes"), "{failure}");
    assert_eq!(run.waiting_until(T0), Some(T0 + 900_000));
    // The person's resume wins.
    run.resume();
    assert_eq!(run.waiting_until(T0), None);
    send(&mut run, T0 + 1);
}

#[test]
fn ten_minutes_of_refusals_without_one_success_end_the_patience() {
    let mut run = scheduler(1, 1);
    let mut now = T0;
    while !run.is_paused() {
        match run.next(now) {
            Step::Send(key) => {
                run.sent(&key, now);
                run.failed(&key, &slow(None), 0.5, now);
            }
            Step::WaitUntil(at) => now = at,
            other => panic!("{other:?}"),
        }
        assert!(now < T0 + 3_600_000, "never gave up");
    }
    assert!(now >= T0 + 600_000);
    assert_eq!(run.queued(), 1);
    let what = &run.stopped_by().unwrap().what;
    assert!(what.contains("slow down for"), "{what}");
}

#[test]
fn five_alike_bad_requests_in_a_row_pause_and_a_success_between_them_does_not() {
    let mut run = scheduler(60, 1);
    for _ in 0..2 {
        for n in 0..4 {
            let key = send(&mut run, T0);
            let what = format!("`max_tokens` must be at most {n}");
            let outcome = run.failed(&key, &refused(&what), 0.5, T0);
            assert!(matches!(outcome, ItemOutcome::GiveUp(_)));
        }
        assert_eq!(run.alike_refusals(), 4);
        for _ in 0..12 {
            let key = send(&mut run, T0);
            run.succeeded(&key, T0);
        }
        assert_eq!(run.alike_refusals(), 0);
    }
    for _ in 0..4 {
        let key = send(&mut run, T0);
        run.failed(&key, &refused("the context is too long"), 0.5, T0);
    }
    let key = send(&mut run, T0);
    run.failed(&key, &refused("unknown field"), 0.5, T0);
    assert_eq!(run.alike_refusals(), 1);
    assert!(!run.is_paused());
    for _ in 0..4 {
        let key = send(&mut run, T0);
        run.failed(&key, &refused("unknown field"), 0.5, T0);
    }
    let Step::Paused(Some(failure)) = run.next(T0) else {
        panic!("not paused");
    };
    assert!(failure.what.contains("5 rows in a row"), "{failure}");
    assert!(failure.what.contains("unknown field"), "{failure}");
}

#[test]
fn half_of_the_last_rows_failing_pauses_before_the_budget_is_burnt() {
    let mut run = scheduler(100, 1);
    let mut asked = 0;
    while !run.is_paused() {
        let key = send(&mut run, T0);
        asked += 1;
        if asked % 2 == 0 {
            run.succeeded(&key, T0);
        } else {
            // A different reason each time, so that it is not the rule of five alike.
            let what = ["red", "green", "blue"][asked % 3];
            run.failed(&key, &refused(what), 0.5, T0);
        }
        assert!(asked < 30, "went on");
    }
    assert!((10..=20).contains(&asked), "{asked}");
    let failure = run.stopped_by().unwrap();
    assert!(failure.what.contains("of the last"), "{failure}");
}

#[test]
fn an_address_that_never_answers_pauses_after_a_few_errors_and_costs_no_attempt() {
    let mut run = scheduler(10, 6);
    let sent: Vec<String> = (0..6).map(|_| send(&mut run, T0)).collect();
    for (at, key) in sent.iter().enumerate() {
        assert_eq!(run.is_paused(), at == 5);
        assert_eq!(counts(&run.failed(key, &network(), 0.5, T0)), Some(false));
    }
    assert_eq!(run.queued(), 10);
    let Step::Paused(Some(failure)) = run.next(T0) else {
        panic!("not paused");
    };
    assert_eq!(failure.kind, FailureKind::Network);
    // One row alone gets there too, without being given up.
    let mut run = scheduler(1, 1);
    let mut now = T0;
    while !run.is_paused() {
        match run.next(now) {
            Step::Send(key) => {
                run.sent(&key, now);
                assert_eq!(counts(&run.failed(&key, &network(), 0.5, now)), Some(false));
            }
            Step::WaitUntil(at) => now = at,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(run.queued(), 1);
}

#[test]
fn repeated_network_errors_after_a_success_are_a_slow_down_and_a_single_one_is_not() {
    let mut run = scheduler(9, 3);
    for _ in 0..3 {
        send(&mut run, T0);
    }
    run.succeeded("r0", T0);
    assert_eq!(
        counts(&run.failed("r1", &network(), 1.0, T0 + 10)),
        Some(true)
    );
    assert_eq!(run.waiting_until(T0 + 10), None);
    assert_eq!(
        counts(&run.failed("r2", &network(), 1.0, T0 + 20)),
        Some(false)
    );
    assert_eq!(run.waiting_until(T0 + 20), Some(T0 + 2_020));
    // The line comes back, and a lone error much later is an ordinary one again.
    let key = send(&mut run, T0 + 2_020);
    run.succeeded(&key, T0 + 2_020);
    let key = send(&mut run, T0 + 9_000);
    assert_eq!(
        counts(&run.failed(&key, &network(), 1.0, T0 + 9_000)),
        Some(true)
    );
}

#[test]
fn a_line_that_stays_dead_after_successes_pauses_and_fails_no_row() {
    let mut run = scheduler(50, 6);
    let key = send(&mut run, T0);
    run.succeeded(&key, T0);
    let mut now = T0;
    let mut flying: Vec<String> = Vec::new();
    loop {
        match run.next(now) {
            Step::Send(key) => {
                run.sent(&key, now);
                flying.push(key);
            }
            Step::Idle => {
                now += 50;
                for key in flying.drain(..) {
                    let outcome = run.failed(&key, &network(), 0.5, now);
                    assert!(matches!(outcome, ItemOutcome::Retry { .. }));
                }
            }
            Step::WaitUntil(at) => now = at,
            Step::Paused(Some(failure)) => {
                assert_eq!(failure.kind, FailureKind::Network);
                assert!(
                    failure.what.contains("earlier requests worked"),
                    "{failure}"
                );
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(run.queued(), 49);
}

#[test]
fn a_clock_set_back_does_not_lengthen_a_wait_and_one_set_forward_ends_it() {
    let mut run = scheduler(2, 1);
    send(&mut run, T0);
    run.failed("r0", &slow(Some(60_000)), 0.5, T0);
    assert_eq!(run.next(T0 + 10_000), Step::WaitUntil(T0 + 60_000));
    let back = T0 - 3_600_000;
    assert_eq!(run.next(back), Step::WaitUntil(back + 50_000));
    assert_eq!(run.waiting_until(back), Some(back + 50_000));
    assert!(matches!(run.next(T0 + 3_600_000), Step::Send(_)));
}

#[test]
fn the_rate_is_of_the_last_minute() {
    let mut run = scheduler(100, 1);
    assert_eq!(run.rows_per_minute(T0), 0.0);
    // One row each second for ten seconds: 60 a minute although no minute has passed.
    for n in 0..10 {
        let key = send(&mut run, T0 + n * 1_000);
        run.succeeded(&key, T0 + (n + 1) * 1_000);
    }
    assert!((run.rows_per_minute(T0 + 10_000) - 60.0).abs() < 1e-9);
    // Nothing for a long while: the old rows do not count.
    assert_eq!(run.rows_per_minute(T0 + 200_000), 0.0);
    // A pause is not slowness.
    run.pause();
    run.resume();
    let key = send(&mut run, T0 + 3_600_000);
    run.succeeded(&key, T0 + 3_602_000);
    assert!((run.rows_per_minute(T0 + 3_602_000) - 30.0).abs() < 1e-9);
}

/// A small generator (SplitMix64), so that a failing case names its seed and can be replayed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    fn share(&mut self) -> f64 {
        self.below(1 << 20) as f64 / f64::from(1 << 20)
    }

    fn error(&mut self) -> ChatError {
        match self.below(10) {
            0 => stop(),
            1 => refused("`temperature` is out of range"),
            2 => refused(["red", "green", "blue"][self.below(3) as usize]),
            3 => slow(None),
            4 => {
                let wait = self.below(200_000);
                slow(Some(wait))
            }
            5 | 6 => network(),
            7 => error(ErrorClass::Cancelled, FailureKind::Cancelled, "Stopped."),
            _ => transient(),
        }
    }
}

/// What the store would know.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kept {
    Queued { attempts: u32 },
    InFlight { attempts: u32, lands: u64 },
    Done,
    Failed,
}

/// One run from start to end against a world of failures, pauses, closed tabs and jumping clocks.
fn live_through(seed: u64) {
    let mut dice = Dice(seed);
    let count = 1 + dice.below(40) as usize;
    let concurrency = 1 + dice.below(8) as u32;
    let badness = dice.below(90);
    let limits = Limits {
        concurrency,
        ..Limits::default()
    };
    let mut store: Vec<(String, Kept)> = (0..count)
        .map(|n| {
            let attempts = dice.below(7) as u32;
            (format!("r{n}"), Kept::Queued { attempts })
        })
        .collect();
    let queue = |store: &[(String, Kept)]| -> Vec<(String, u32)> {
        store
            .iter()
            .filter_map(|(key, kept)| match kept {
                Kept::Queued { attempts } | Kept::InFlight { attempts, .. } => {
                    Some((key.clone(), *attempts))
                }
                Kept::Done | Kept::Failed => None,
            })
            .collect()
    };
    let mut run = Scheduler::new(limits.clone(), queue(&store));
    let mut now = T0;
    for step in 0..200_000_u32 {
        // The world mends itself in the end, so that every run can finish.
        let is_calm = step > 2_000;
        match dice.below(200) {
            0 if !is_calm => run.pause(),
            1 => run.resume(),
            2 if !is_calm => {
                // The tab is closed: what was in flight is queued again.
                run = Scheduler::new(limits.clone(), queue(&store));
                for (_, kept) in &mut store {
                    if let Kept::InFlight { attempts, .. } = *kept {
                        *kept = Kept::Queued { attempts };
                    }
                }
            }
            3 if !is_calm => now -= dice.below(100_000),
            4 if !is_calm => now += dice.below(1_000_000),
            _ => {}
        }
        let flying = |store: &[(String, Kept)]| {
            store
                .iter()
                .filter(|(_, kept)| matches!(kept, Kept::InFlight { .. }))
                .count()
        };
        let next_step = run.next(now);
        let next_landing = store
            .iter()
            .filter_map(|(_, kept)| match kept {
                Kept::InFlight { lands, .. } => Some(*lands),
                _ => None,
            })
            .min();
        match next_step {
            Step::Finished => {
                let is_over = |kept: &Kept| matches!(kept, Kept::Done | Kept::Failed);
                assert!(
                    store.iter().all(|(_, kept)| is_over(kept)),
                    "seed {seed}: lost a row"
                );
                assert_eq!((run.queued(), run.in_flight()), (0, 0), "seed {seed}");
                return;
            }
            Step::Send(key) => {
                let slot = store.iter_mut().find(|(other, _)| *other == key);
                let (_, kept) = slot.unwrap();
                let Kept::Queued { attempts } = *kept else {
                    panic!("seed {seed}: {key} sent while {kept:?}");
                };
                assert!(run.sent(&key, now), "seed {seed}");
                *kept = Kept::InFlight {
                    attempts: attempts + 1,
                    lands: now + dice.below(5_000),
                };
                assert!(
                    flying(&store) <= concurrency as usize,
                    "seed {seed}: too many"
                );
            }
            Step::WaitUntil(at) => {
                assert!(at > now, "seed {seed}: waits for the past");
                assert!(at - now <= 120_000, "seed {seed}: waits {} ms", at - now);
                now = next_landing.map_or(at, |landing| landing.clamp(now, at));
            }
            Step::Idle => {
                let landing = next_landing.unwrap_or_else(|| panic!("seed {seed}: idle alone"));
                now = now.max(landing);
            }
            Step::Paused(_) => {
                assert_eq!(flying(&store), 0, "seed {seed}: paused before all landed");
                run.resume();
            }
        }
        for (key, kept) in &mut store {
            let Kept::InFlight { attempts, lands } = *kept else {
                continue;
            };
            if lands > now {
                continue;
            }
            if is_calm || dice.below(100) >= badness {
                assert!(
                    run.succeeded(key, now),
                    "seed {seed}: {key} succeeded twice"
                );
                *kept = Kept::Done;
                continue;
            }
            let error = dice.error();
            let random = dice.share();
            *kept = match run.failed(key, &error, random, now) {
                ItemOutcome::Retry { counts_attempt, .. } => Kept::Queued {
                    attempts: attempts - u32::from(!counts_attempt),
                },
                ItemOutcome::GiveUp(_) => Kept::Failed,
                ItemOutcome::Ignored => panic!("seed {seed}: {key} was not in flight"),
            };
        }
        assert_eq!(run.in_flight() as usize, flying(&store), "seed {seed}");
        let waiting = store
            .iter()
            .filter(|(_, kept)| matches!(kept, Kept::Queued { .. }))
            .count();
        assert_eq!(run.queued() as usize, waiting, "seed {seed}");
    }
    panic!("seed {seed}: never finished");
}

#[test]
fn no_row_is_lost_sent_twice_or_over_the_limit_whatever_happens() {
    for seed in 0..3_000 {
        live_through(seed);
    }
}
