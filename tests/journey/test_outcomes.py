"""What follows when an unknown turns out to be unsent: sent again at once, then ever later, and not for ever."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.journey import outcomes
from gateway.schema_outgoing import Audience, DeliveryState
from gateway.sections import Delivery
from store.deliveries import Claimed

AT = datetime(2026, 3, 18, 4, 0, tzinfo=UTC)
SETTINGS = Delivery(tries=5, first_wait=10, longest_wait=30)


def tried(number: int, forgiven: int = 0) -> Claimed:
    """A delivery in somebody's hands at its try of a number."""
    return Claimed(
        id=1,
        broadcast_id=None,
        post_id=None,
        audience=Audience.AUTHOR,
        channel="texting",
        address_id="a",
        phrase="received",
        values={},
        key_id=None,
        wrapped=None,
        sealed=None,
        language="en",
        despite_stop=False,
        number=number,
        forgiven=forgiven,
        until=None,
        created_at=AT,
        started_at=AT,
    )


@pytest.mark.parametrize(
    ("number", "forgiven", "least", "most"),
    [(1, 0, 0, 0), (2, 0, 10, 20), (3, 0, 15, 30), (4, 0, 15, 30), (4, 3, 0, 0), (60, 58, 10, 20)],
)
def test_it_is_sent_again_ever_later(number: int, forgiven: int, least: float, most: float) -> None:
    outcome = outcomes.never_had(SETTINGS, tried(number, forgiven), AT)
    assert outcome.state is DeliveryState.DUE
    assert outcome.due_at
    assert timedelta(seconds=least) <= outcome.due_at - AT <= timedelta(seconds=most)


@pytest.mark.parametrize(("number", "forgiven"), [(5, 0), (9, 4), (60, 0)])
def test_it_is_given_up_after_as_many_tries_as_anything(number: int, forgiven: int) -> None:
    outcome = outcomes.never_had(SETTINGS, tried(number, forgiven), AT)
    assert (outcome.state, outcome.reason) == (DeliveryState.FAILED, "gave up after many tries")
