"""What counts as a fault of a channel, and what as one of a subscriber's."""

from datetime import UTC, datetime

import pytest

from gateway.journey.health import Cause, Facts, examine
from gateway.sections import Health
from store.counts import Activity
from store.standings import Standing
from store.tallies import Tally

AT = datetime(2026, 3, 18, 4, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sent", "failed", "subscribers", "causes"),
    [
        (10, 10, False, [Cause.REFUSED]),
        (11, 9, False, []),
        (5, 14, False, []),
        (10, 10, True, []),
        (0, 500, True, []),
    ],
)
def test_many_refusals_are_a_fault_of_a_carrier_but_not_of_a_line_of_subscribers(
    sent: int, failed: int, subscribers: bool, causes: list[Cause]
) -> None:
    minutes = {AT: Tally(sent=sent, failed=failed)}
    facts = Facts(AT, minutes, Activity(), Standing(), subscribers=subscribers)
    assert [finding.cause for finding in examine(facts, Health())] == causes
