"""Staff say where something is: what was found, typed or answered is replaced, and the history says by whom."""

from gateway.errors import BadInput
from gateway.journey import folding, masking, moderation, placing
from gateway.runtime import Runtime
from gateway.schema import Place, PlaceFrom, State
from store import changes, history
from store.changes import Changing
from store.database import Transaction
from store.events import Happening

LONGEST = 200


async def move(runtime: Runtime, reference: str, typed: str, *, actor: str) -> None:
    """Give the first post of a thread another place, or none ("") at all; a known one with where it is on the map.

    Which department has it does not change by this: that is a step of its case. Raises `NotFound`, and `BadInput` for
    what is too long, or is no first post.
    """
    if len(typed) > LONGEST:
        raise BadInput("this is too long", "place")
    name = folding.clean(typed, LONGEST)

    async def work(transaction: Transaction) -> None:
        post = await changes.load(transaction.connection, reference, hold=True)
        if post.thread_id != post.id:
            raise BadInput("only the report itself has a place", "place")
        place = _placed(runtime, post, name)
        masked = place.name and masking.mask_as_set(runtime.settings, place.name)
        values = placing.columns(place) | {"place": masked, "place_from": PlaceFrom.STAFF if name else None}
        await changes.apply(transaction, post.id, **values)
        await history.add(transaction, history.entry(post.id, actor, "filed"))
        if post.state is State.PUBLISHED:
            await moderation.announce(runtime, transaction, post, Happening.UPDATE)

    await runtime.database.write(work)


def _placed(runtime: Runtime, post: Changing, name: str) -> Place:
    """The place as it was typed, with what the gazetteer knows of it; where the author stood stays."""
    if not name:
        return Place()
    if known := runtime.gazetteer.find(name, post.thread_language):
        return Place(name, known.lat, known.lon, known.slug)
    exact = post.place_from in (PlaceFrom.BROWSER, PlaceFrom.PHOTO, PlaceFrom.MESSAGE)
    return Place(name, post.place.lat, post.place.lon) if exact else Place(name)
