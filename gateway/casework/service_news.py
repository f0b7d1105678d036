"""News of a department (an outage, another bus stop) told to followers: a notice on every channel, by the usual way.

A notice is a post of its own that is corrected and withdrawn with the entry it tells. It is in the city's language if
the entry is: whoever reads another finds that on the entry's page.
"""

from datetime import datetime

from babel.dates import format_datetime

from gateway import clock
from gateway.journey import moderation, tickets
from gateway.runtime import Runtime
from gateway.schema import Kind, Ruling, State
from gateway.settings import Settings
from store import changes, history, looking_up
from store.database import Transaction
from store.services import Entry, Service, ServiceState

SPARE_TICKETS = 10


async def publish(runtime: Runtime, transaction: Transaction, known: Service, actor: str) -> tuple[str, str]:
    """Publish an entry as a notice; gives the post's id and ticket."""
    ticket, *_ = await looking_up.unused(transaction.connection, tickets.draw(SPARE_TICKETS))
    post_id, text = clock.new_id(), text_of(runtime, known)
    row = {
        "id": post_id,
        "thread_id": post_id,
        "ticket": ticket,
        "kind": Kind.NOTICE,
        "state": State.PENDING,
        # A department's own numbers are meant to be read: nothing is masked.
        "text": text,
        "channel": "console",
        "department": known.entry.department,
        "language": known.entry.in_language(runtime.settings.city.language)[0],
        "private": False,
        "ruling": Ruling.PASS,
        "rules": [],
        "created_at": clock.now(),
    }
    await changes.insert(transaction, row)
    words = history.sealed_words(runtime.vault, None, post_id, history.What.ORIGINAL, text)
    await history.add(transaction, history.entry(post_id, actor, "written", to_state=State.PENDING), words)
    await moderation.publish_notice(runtime, transaction, post_id, actor=actor, expires_at=known.entry.valid_until)
    return post_id, ticket


async def follow_up(runtime: Runtime, transaction: Transaction, known: Service, actor: str) -> None:
    """Have a notice that was told say what its entry says now; one that is not public any more is taken back."""
    if known.notice_id:
        text = text_of(runtime, known) if known.state is ServiceState.PUBLISHED else None
        await moderation.change_notice(runtime, transaction, known.notice_id, actor=actor, text=text)


def text_of(runtime: Runtime, known: Service) -> str:
    """What a notice says: title, since when and until when, and the text."""
    language, said = known.entry.in_language(runtime.settings.city.language)
    when = validity(runtime, known.entry, language)
    values = {"title": said.title, "when": when, "text": said.text}
    return runtime.phrase("service_notice", language, values)


def validity(runtime: Runtime, entry: Entry, language: str) -> str:
    """Since when and until when an entry is true, in words; empty when it does not end."""
    since, until = entry.valid_from, entry.valid_until
    if until is None:
        return ""
    values = {"until": moment(runtime.settings, until, language)}
    if since is None or since <= clock.now():
        return runtime.phrase("service_until", language, values)
    return runtime.phrase("service_between", language, {**values, "since": moment(runtime.settings, since, language)})


def moment(settings: Settings, at: datetime, language: str) -> str:
    """A moment as people of the city write it, without its year."""
    pattern = "M月d日 HH:mm" if language == "zh" else "d MMM HH:mm"
    return format_datetime(at.astimezone(settings.city.zone), pattern, locale=language)
