"""Ticket numbers: the check digit, drawing, and finding them in what people type."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.journey.tickets import damm, draw, find, is_ticket

TICKET = "48217059"
TICKETS = st.integers(1_000_000, 9_999_999).map(lambda number: f"{number}{damm(str(number))}")


# 572 -> 4 is Damm's own example; the others follow by hand from his table.
@pytest.mark.parametrize(("digits", "check"), [("572", 4), ("5724", 0), ("", 0), ("0", 0), ("1", 3), ("4821705", 9)])
def test_the_check_digit_is_damms(digits: str, check: int) -> None:
    assert damm(digits) == check


def test_every_wrong_digit_is_noticed() -> None:
    for ticket in draw(300, random.Random(1)):
        wrong = [ticket[:i] + digit + ticket[i + 1 :] for i in range(8) for digit in "0123456789" if digit != ticket[i]]
        assert len(wrong) == 72
        assert not any(is_ticket(number) for number in wrong)


def test_every_swap_of_neighbours_is_noticed() -> None:
    for ticket in draw(300, random.Random(2)):
        swaps = [i for i, (one, other) in enumerate(pairwise(ticket)) if one != other]
        assert not any(is_ticket(ticket[:i] + ticket[i + 1] + ticket[i] + ticket[i + 2 :]) for i in swaps)


@pytest.mark.parametrize("pair", [(a, b) for a in range(10) for b in range(10) if a != b])
def test_no_pair_may_be_swapped_after_any_beginning(pair: tuple[int, int]) -> None:
    first, second = pair
    assert all(damm(f"{start}{first}{second}") != damm(f"{start}{second}{first}") for start in range(10))


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (TICKET, True),
        ("48217053", False),
        ("４８２１７０５９", False),
        (TICKET + "\n", False),
        (" " + TICKET, False),
        ("4821705", False),
        ("00000000", False),
        ("0482170" + str(damm("0482170")), False),
        ("", False),
        ("abcdefgh", False),
        ("4821705²", False),
    ],
)
def test_what_is_a_ticket(text: str, right: bool) -> None:
    assert is_ticket(text) is right


@given(st.integers(0, 500), st.integers())
def test_drawing_gives_different_tickets(count: int, seed: int) -> None:
    drawn = draw(count, random.Random(seed))
    assert len(set(drawn)) == len(drawn) == count
    assert all(map(is_ticket, drawn))


def test_drawing_follows_no_order_and_never_repeats_itself() -> None:
    drawn = draw(200)
    assert drawn != sorted(drawn)
    assert drawn != draw(200)
    # All over the nine million: a counter or a narrow range would be guessed.
    assert len({ticket[:1] for ticket in drawn}) == 9


@pytest.mark.parametrize(
    ("text", "tickets"),
    [
        ("STATUS 48217059", [TICKET]),
        ("查询48217059。", [TICKET]),
        ("4821 7059", [TICKET]),
        ("4821-7059", [TICKET]),
        ("４８２１　７０５９", [TICKET]),
        ("４８２１－７０５９", [TICKET]),
        ("٤٨٢١٧٠٥٩", [TICKET]),
        ("48217059 48217059", [TICKET]),
        ("48217059 and 12345675", [TICKET] + ["12345675"] * is_ticket("12345675")),
        ("2024 4821 7059", [TICKET]),
        ("4821  7059", []),
        ("482170591", []),
        ("148217059", []),
        ("48217053", []),
        ("13800138000", []),
        ("", []),
    ],
)
def test_tickets_are_found_as_people_type_them(text: str, tickets: list[str]) -> None:
    assert find(text) == tickets


@given(st.text(), TICKETS, st.text())
def test_a_ticket_is_found_among_any_words(before: str, ticket: str, after: str) -> None:
    assert ticket in find(f"{before}:{ticket}!{after}")


@given(st.text(st.one_of(st.characters(), st.characters(categories=["Cs"]), st.sampled_from("0123456789 -"))))
def test_any_text_is_searched(text: str) -> None:
    found = find(text)
    assert all(map(is_ticket, found))
    assert len(set(found)) == len(found)
    is_ticket(text)
