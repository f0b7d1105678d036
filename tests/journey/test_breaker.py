"""The breaker: a pure machine, whatever happens to it in whatever order."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels import failures
from gateway.journey.breaker import PROBE_FOR, Breaker, BreakerState

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
FAILURES, FIRST, LONGEST = 3, 10.0, 60.0


def a_breaker() -> Breaker:
    return Breaker(failures=FAILURES, first=FIRST, longest=LONGEST, spread=lambda _low, high: high)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def opened() -> Breaker:
    breaker = a_breaker()
    for _ in range(FAILURES):
        breaker.failed(START, "down")
    return breaker


def test_a_run_of_failures_opens_it_and_a_success_between_does_not() -> None:
    breaker = a_breaker()
    for _ in range(5):
        for _ in range(FAILURES - 1):
            breaker.failed(START, "down")
        breaker.answered()
    assert breaker.state(START) is BreakerState.CLOSED
    for _ in range(FAILURES):
        breaker.failed(START, "down")
    assert (breaker.state(START), breaker.why, breaker.allowed(START, 16)) == (BreakerState.OPEN, "down", 0)


def test_after_its_wait_one_message_goes_and_no_second_beside_it() -> None:
    breaker = opened()
    assert breaker.allowed(after(FIRST - 1), 16) == 0
    assert breaker.allowed(after(FIRST), 16) == 1
    breaker.started(after(FIRST))
    assert breaker.allowed(after(FIRST), 16) == 0
    breaker.answered()
    assert breaker.allowed(after(FIRST), 16) == 16
    assert breaker.opened_at is None


def test_each_probe_that_fails_doubles_the_wait_up_to_the_longest() -> None:
    breaker, at, waits = opened(), START, []
    for _ in range(5):
        assert breaker.until
        waits.append((breaker.until - at).total_seconds())
        at = breaker.until
        breaker.started(at)
        breaker.failed(at, "still down")
    assert waits == [10, 20, 40, 60, 60]
    assert breaker.opened_at == START


def test_a_probe_nobody_hears_of_again_is_followed_by_another() -> None:
    breaker = opened()
    breaker.started(after(FIRST))
    assert breaker.allowed(after(FIRST) + PROBE_FOR, 16) == 1


def test_what_was_under_way_when_it_opened_makes_no_longer_wait() -> None:
    breaker = opened()
    until = breaker.until
    for _ in range(20):
        breaker.failed(after(1), "down")
    assert breaker.until == until


def test_wrong_settings_open_it_at_once() -> None:
    breaker = a_breaker()
    breaker.tripped(START, "misconfigured")
    assert (breaker.state(START), breaker.why) == (BreakerState.OPEN, "misconfigured")
    assert breaker.allowed(after(FIRST), 16) == 1


def test_patience_asked_for_is_kept_and_opens_nothing() -> None:
    breaker = a_breaker()
    breaker.hold(after(30))
    breaker.hold(after(5))
    assert (breaker.state(START), breaker.allowed(after(29), 16), breaker.allowed(after(30), 16)) == (
        BreakerState.CLOSED,
        0,
        16,
    )


@pytest.mark.parametrize(
    ("failure", "state", "allowed"),
    [
        (failures.Throttled("wait"), BreakerState.CLOSED, 0),
        (failures.Misconfigured("bad token"), BreakerState.OPEN, 0),
        (failures.RetryLater("503"), BreakerState.OPEN, 0),
        (failures.Unknown("no answer"), BreakerState.OPEN, 0),
        (failures.Refused("no"), BreakerState.CLOSED, 16),
        (failures.RecipientGone("gone"), BreakerState.CLOSED, 16),
        (failures.OptedOut("stop"), BreakerState.CLOSED, 16),
        (failures.WindowClosed("late"), BreakerState.CLOSED, 16),
    ],
)
def test_what_concerns_one_recipient_opens_nothing(
    failure: failures.Failure, state: BreakerState, allowed: int
) -> None:
    breaker = a_breaker()
    for _ in range(FAILURES):
        breaker.heard(failure, after(20), START)
    assert (breaker.state(START), breaker.allowed(START, 16)) == (state, allowed)
    assert (breaker.again_at(START) > START) is (allowed == 0)
    breaker.heard(failures.Refused("the carrier answers"), None, after(20))
    assert breaker.allowed(after(20), 16) == 16


DEEDS = st.lists(
    st.tuples(st.sampled_from(["answered", "failed", "tripped", "hold", "started"]), st.floats(0, 90)), max_size=60
)


@given(DEEDS)
def test_whatever_happens_something_gets_through_in_the_end_and_never_too_much(
    deeds: list[tuple[str, float]],
) -> None:
    breaker, at = a_breaker(), START
    for deed, seconds in deeds:
        at += timedelta(seconds=seconds)
        allowed = breaker.allowed(at, 16)
        assert allowed <= {BreakerState.CLOSED: 16, BreakerState.OPEN: 0, BreakerState.HALF_OPEN: 1}[breaker.state(at)]
        match deed:
            case "failed":
                breaker.failed(at, "down")
            case "tripped":
                breaker.tripped(at, "settings")
            case "hold":
                breaker.hold(at + timedelta(seconds=20))
            case "started" if allowed:
                breaker.started(at)
            case "answered":
                breaker.answered()
                assert breaker.state(at) is BreakerState.CLOSED
        assert (breaker.until is None) == (breaker.opened_at is None)
        assert breaker.until is None or (breaker.until - at).total_seconds() <= LONGEST
    assert breaker.allowed(at + max(PROBE_FOR, timedelta(seconds=LONGEST)), 16) >= 1


@pytest.mark.parametrize("openings", [1, 2000])
def test_many_openings_do_not_outgrow_a_number(openings: int) -> None:
    breaker, at = opened(), START
    for _ in range(openings):
        at = breaker.until or at
        breaker.failed(at, "down")
    assert breaker.until
    assert (breaker.until - at).total_seconds() <= LONGEST
