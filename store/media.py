"""Citizens' files: what is still to fetch and to write down, and who may see what is stored."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import NotFound
from gateway.schema import MediaState, PlaceFrom, State, TranscriptState
from store.database import Transaction
from store.tables_media import media
from store.tables_posts import posts

# What stands before the hash of a file that was handed to us and not fetched.
KEPT = "blob:"
# Where what staff add comes from.
CONSOLE = "console"


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file as it is served, and written down; `language` is what is spoken in it as far as is known."""

    id: str
    post_id: str
    sha256: str | None
    preview: str | None
    type: str
    public: bool
    state: MediaState
    post_state: State
    private: bool
    channel: str
    language: str
    transcript_state: TranscriptState


@dataclass(frozen=True, slots=True)
class MediaJob:
    """A file that must be fetched, or a stored recording that must be written down, as `holder` has claimed it."""

    id: str
    post_id: str
    channel: str
    external_id: str
    url: str
    type: str
    language: str | None
    state: MediaState
    transcript_state: TranscriptState
    sha256: str | None
    tries: int
    post_language: str
    holder: str
    wanted_model: str | None = None
    transcript_id: str | None = None


async def find(connection: AsyncConnection, media_id: str) -> MediaFile:
    """One file with what decides who may see it. Raises `NotFound`."""
    of_post = (posts.c.state.label("post_state"), posts.c.private, posts.c.language.label("post_language"))
    wanted = select(media, *of_post).join(posts, posts.c.id == media.c.post_id)
    row = (await connection.execute(wanted.where(media.c.id == media_id))).first()
    if row is None:
        raise NotFound("there is no such file")
    return MediaFile(
        id=row.id,
        post_id=row.post_id,
        sha256=row.sha256,
        preview=row.preview,
        type=row.type,
        public=row.public,
        state=MediaState(row.state),
        post_state=State(row.post_state),
        private=row.private,
        channel=row.channel,
        language=row.language or row.post_language,
        transcript_state=TranscriptState(row.transcript_state),
    )


async def add(transaction: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Add files to a post; they are looked at and made safe next."""
    if rows:
        await transaction.connection.execute(media.insert(), list(rows))
        transaction.wake("media")


async def number_of(connection: AsyncConnection, post_id: str) -> int:
    """How many files a post has."""
    return (await connection.execute(select(func.count()).where(media.c.post_id == post_id))).scalar_one()


async def waits(connection: AsyncConnection, at: datetime, state: MediaState) -> bool:
    """Whether anything that nobody holds is to be brought now (`DUE`), or is brought and to be written down."""
    return (await connection.execute(select(media.c.id).where(_free(at, state)).limit(1))).first() is not None


async def claim(
    transaction: Transaction, holder: str, at: datetime, until: datetime, limit: int, state: MediaState
) -> list[MediaJob]:
    """Take what is to be worked on now, longest due first: nobody else gets it before `until`, if not renewed later."""
    connection = transaction.connection
    wanted = select(media.c.id).where(_free(at, state)).order_by(media.c.due_at).limit(limit)
    ids = (await connection.execute(wanted.with_for_update(skip_locked=True))).scalars().all()
    if not ids:
        return []
    await connection.execute(update(media).where(media.c.id.in_(ids)).values(holder=holder, lease_until=until))
    jobs = select(media, posts.c.language.label("post_language")).join(posts, posts.c.id == media.c.post_id)
    return [_job(row) for row in await connection.execute(jobs.where(media.c.id.in_(ids)).order_by(media.c.due_at))]


async def renew(transaction: Transaction, holder: str, media_ids: Collection[str], until: datetime) -> None:
    """Hold some files longer."""
    held = update(media).where(media.c.id.in_(media_ids), media.c.holder == holder)
    await transaction.connection.execute(held.values(lease_until=until))


async def let_go(transaction: Transaction, holder: str) -> int:
    """Hold nothing any more; gives how many files it was."""
    held = update(media).where(media.c.holder == holder)
    return (await transaction.connection.execute(held.values(holder=None, lease_until=None))).rowcount


async def is_held(connection: AsyncConnection, job: MediaJob) -> bool:
    """Whether a file is still there (its author may have had himself erased) and no other process's by now."""
    held = select(media.c.id).where(media.c.id == job.id, media.c.holder == job.holder).with_for_update()
    return (await connection.execute(held)).first() is not None


async def done(transaction: Transaction, job: MediaJob, **values: Any) -> bool:
    """Note how a step on a file ended, and let go of it; false, with nothing noted, when another took it over."""
    its_own = update(media).where(media.c.id == job.id, media.c.holder == job.holder)
    noted = await transaction.connection.execute(its_own.values(holder=None, lease_until=None, **values))
    transaction.wake("media", "queue")
    return noted.rowcount > 0


async def next_due(connection: AsyncConnection) -> datetime | None:
    """When the next file is to be worked on."""
    wanted = select(media.c.due_at).where(media.c.due_at.is_not(None)).order_by(media.c.due_at).limit(1)
    return (await connection.execute(wanted)).scalar()


async def change(transaction: Transaction, media_id: str, **values: Any) -> None:
    """Change what is noted of a file; staff pages hear of it."""
    await transaction.connection.execute(update(media).where(media.c.id == media_id).values(**values))
    transaction.wake("media", "queue")


async def place_post(transaction: Transaction, post_id: str, lat: float, lon: float) -> None:
    """Give a post the place its photo was taken at, unless its author, or staff, said one in degrees.

    What its words told is less exact: the name stays, and the photo says where it is.
    """
    vague = posts.c.lat.is_(None) | (posts.c.place_from == PlaceFrom.WORDS)
    unplaced = update(posts).where(posts.c.id == post_id, vague)
    placed = unplaced.values(lat=lat, lon=lon, place_from=PlaceFrom.PHOTO, version=posts.c.version + 1)
    await transaction.connection.execute(placed)
    transaction.wake("queue")


async def requeue(transaction: Transaction, languages: Sequence[str], at: datetime) -> int:
    """Have recordings that waited for a model written down, now that one is there; gives how many."""
    language = func.coalesce(
        media.c.language, select(posts.c.language).where(posts.c.id == media.c.post_id).scalar_subquery()
    )
    waiting = update(media).where(media.c.transcript_state == TranscriptState.NO_MODEL, language.in_(languages))
    done = await transaction.connection.execute(waiting.values(transcript_state=TranscriptState.DUE, due_at=at))
    transaction.wake("media")
    return done.rowcount


async def again(transaction: Transaction, media_id: str, at: datetime) -> bool:
    """Have a file that failed brought once more; false when it did not fail."""
    failed = update(media).where(media.c.id == media_id, media.c.state == MediaState.FAILED)
    done = await transaction.connection.execute(failed.values(state=MediaState.DUE, tries=0, due_at=at, error=None))
    transaction.wake("media", "queue")
    return done.rowcount > 0


async def named(connection: AsyncConnection, hashes: Sequence[str]) -> set[str]:
    """Which of these files some row still names."""
    found: set[str] = set()
    for column in (media.c.sha256, media.c.preview):
        found |= set((await connection.execute(select(column).where(column.in_(hashes)))).scalars())
    handed = select(media.c.url).where(media.c.url.in_([KEPT + sha256 for sha256 in hashes]))
    return found | {url.removeprefix(KEPT) for url in (await connection.execute(handed)).scalars()}


async def all_named(connection: AsyncConnection) -> set[str]:
    """Every file on disk that some row names."""
    rows = await connection.execute(select(media.c.sha256, media.c.preview, media.c.url))
    found: set[str] = set()
    for sha256, preview, url in rows:
        handed = url.removeprefix(KEPT) if url.startswith(KEPT) else None
        found |= {name for name in (sha256, preview, handed) if name}
    return found


async def ready(transaction: Transaction, channel: str, external_id: str, at: datetime) -> None:
    """The carrier says a file is there: fetch it at once if it is still waited for."""
    waiting = update(media).where(
        media.c.channel == channel, media.c.external_id == external_id, media.c.state == MediaState.DUE
    )
    await transaction.connection.execute(waiting.values(due_at=at))
    transaction.wake("media")


def _free(at: datetime, state: MediaState) -> ColumnElement[bool]:
    nobodys = or_(media.c.lease_until.is_(None), media.c.lease_until <= at)
    return (media.c.due_at <= at) & (media.c.state == state) & nobodys


def _job(row: Row[Any]) -> MediaJob:
    return MediaJob(
        id=row.id,
        post_id=row.post_id,
        channel=row.channel,
        external_id=row.external_id,
        url=row.url,
        type=row.type,
        language=row.language,
        state=MediaState(row.state),
        transcript_state=TranscriptState(row.transcript_state),
        sha256=row.sha256,
        tries=row.tries,
        post_language=row.post_language,
        holder=row.holder,
        wanted_model=row.wanted_model,
        transcript_id=row.transcript_id,
    )
