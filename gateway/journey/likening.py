"""A report just taken in is made findable by its marks, compared with others, and its author asked whether it is one of
them: "answer 1 to join".

It follows intake a moment later, with the index of staff's search, so that nobody who speaks to the city waits for it
and recordings are compared by their words, once they have some. The author is asked on the line he spoke on, if he can
answer there and nothing else was asked; whoever wrote on a page was offered it there.
"""

from collections.abc import Sequence

from channels.base import DeliveryKind
from gateway import clock
from gateway.journey import similar, sketch, telling
from gateway.journey.commands import UNDECIDED, offer_reports
from gateway.journey.similar import LIKELY, Similar
from gateway.runtime import Runtime
from gateway.schema import CITIZEN_KINDS
from gateway.schema_outgoing import Priority, Say
from store import asked, changes, likeness, posts_for_staff
from store.database import Transaction
from store.posts_for_staff import StaffPost

# What is asked about at once.
MOST_OFFERED = 3


async def mark(transaction: Transaction, post_ids: Sequence[str]) -> list[str]:
    """Have first posts of citizens found by what they say now; gives those that nobody decided yet."""
    found = await posts_for_staff.staff_by_id(transaction.connection, post_ids)
    reports = [post for post in found.values() if post.kind in CITIZEN_KINDS and post.parent is None and post.text]
    marks = {post.id: (post.created_at, _marks(post)) for post in reports}
    await likeness.keep(transaction, {**dict.fromkeys(post_ids, (clock.now(), ())), **marks})
    return [post.id for post in reports if post.state in UNDECIDED]


async def compare(runtime: Runtime, post_ids: Sequence[str]) -> None:
    """Keep which other report each is most like, and ask the authors of those that are likely about the same thing."""
    async with runtime.database.reading() as connection:
        found = await posts_for_staff.staff_by_id(connection, post_ids)
    likely: dict[str, Sequence[Similar]] = {}
    for post in found.values():
        alike = await similar.to(runtime, similar.said(post))
        likely[post.id] = [one for one in alike if one.share >= LIKELY]

    async def work(transaction: Transaction) -> None:
        best = {post_id: (known[0].id, known[0].share) for post_id, known in likely.items() if known}
        await likeness.note(transaction, list(likely), best, clock.now())
        for post_id, known in likely.items():
            await _ask(runtime, transaction, post_id, [one for one in known if one.public][:MOST_OFFERED])

    await runtime.database.write(work)


async def _ask(runtime: Runtime, transaction: Transaction, post_id: str, offered: Sequence[Similar]) -> None:
    if not offered:
        return
    post = await changes.load(transaction.connection, post_id, hold=True)
    if post.state not in UNDECIDED or post.private or post.urgent or post.group_id:
        return
    line = await asked.line_of(transaction.connection, post_id)
    if line is None or await asked.reports(transaction.connection, line.person, [one.id for one in offered]):
        return
    outlet = runtime.outlet(line.reach.scheme, post.channel)
    if outlet is None or not outlet.capabilities.receives or _offered(runtime, post.channel, line.reach.scheme):
        return
    question, options = offer_reports(offered, post_id)
    at = clock.now()
    minutes = runtime.settings.intake.question_minutes
    if not await asked.ask(transaction, line.reach.id, question.kind, question.options, post_id, at, minutes):
        return
    say = Say("join_ask", {"ticket": post.ticket, "options": options})
    await telling.tell_lines(runtime, transaction, post, [line.reach], say, Priority.RECEIPT)


def _offered(runtime: Runtime, channel: str, scheme: str) -> bool:
    """Whether a post was written on a page, which offers by itself what is like it."""
    known = runtime.channels.get(channel)
    return scheme == "web" and known is not None and known.capabilities.delivery is DeliveryKind.NONE


def _marks(post: StaffPost) -> tuple[int, ...]:
    return sketch.made(post.text, post.place.name, post.place.lat, post.place.lon)
