"""Plays a scene through the real gateway and notes all that did not follow as it was written."""

import asyncio
import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from channels.base import Channel, City, DeliveryKind, Surroundings
from channels.registry import Mode, Plan
from gateway import clock
from gateway.casework import cases
from gateway.desk import Desk
from gateway.errors import BadInput, EverylineError
from gateway.journey import delivery, expanding, media, moderation
from gateway.runtime import Runtime
from gateway.schema import Action, Kind, Place
from gateway.schema_incoming import Incoming, IncomingMedia, Outcome, Taken
from gateway.schema_outgoing import Audience, DeliveryState
from store import posts_for_staff, tables_citizens, tables_deliveries, tables_posts, waiting
from store.posts_for_staff import StaffPost
from tests.journey.day import files
from tests.journey.day.lines import Chat, Hotline, Remembering, Sms
from tests.journey.day.script import FIRST_DAY, NUMBERS, OUR_LINE, SILENCE, Row, Scene, filled, moment

CHANNELS = {"sms": "texting", "chat": "chat", "form": "form", "call": "hotline"}
OUTCOMES = {Outcome.POST: "post", Outcome.FOLLOW_UP: "follow-up", Outcome.COMMAND: "command"}
# So often are carriers asked for files before a scene goes on, and so long is waited in between.
FETCHES, BETWEEN = 6, timedelta(seconds=20)
# Each look at the clock is a little later than the one before.
TICK = timedelta(microseconds=1)
_VALUE = re.compile(r"\\\{\w+\\\}")


@dataclass(frozen=True, slots=True)
class Heard:
    """One thing that was to be told to somebody."""

    name: str
    phrase: str
    language: str
    arrived: bool
    text: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.phrase} {self.language}"


@dataclass(slots=True)
class Stage:
    """One scene being played: who got which ticket, and what went wrong so far."""

    runtime: Runtime
    monkeypatch: pytest.MonkeyPatch
    now: datetime = FIRST_DAY
    tickets: dict[str, str] = field(default_factory=dict)
    posts: dict[str, str] = field(default_factory=dict)
    sent: dict[str, Incoming] = field(default_factory=dict)
    answers: dict[str, Taken] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    last_delivery: int = 0
    faults: list[str] = field(default_factory=list)

    async def play(self, scene: Scene) -> list[str]:
        """Play all rows; gives what did not follow, one line each."""
        self._dress(scene)
        self.monkeypatch.setattr(clock, "_now", self._tick)
        for step in scene.steps():
            self.now = moment(step[0].at, self.now)
            heard = len(self.faults)
            await self._step(step)
            if len(self.faults) > heard:
                self.faults.append("")
        await self._check_end(scene)
        return self.faults

    # What happens

    def _tick(self) -> datetime:
        self.now += TICK
        return self.now

    def _dress(self, scene: Scene) -> None:
        around = Surroundings(City("Test", "http://127.0.0.1:8080", "zh", "CN"), self.runtime.http)
        lines: list[Channel] = [Sms(around), Hotline(around), *([Chat(around)] if scene.chat else [])]
        self.runtime.channels.update({line.name: line for line in lines})
        self.runtime.plans = [Plan(line.name, Mode.SIMULATED, "a test") for line in lines]

    async def _step(self, step: list[Row]) -> None:
        if step[0].staff:
            await self._staff(step[0], step[0].staff)
        elif step[0].look:
            await self._check_post(step[0], self.posts[step[0].look])
        else:
            messages = [await self._message(row) for row in step]
            taken = await asyncio.gather(*(self._take(message) for message in messages))
            await self._settle(bool(step[0].brings))
            for row, one in zip(step, taken, strict=True):
                await self._check_taken(row, one)
        if not step[0].look:
            await self._settle(False)
            await self._check_heard(step)

    async def _message(self, row: Row) -> Incoming | BadInput:
        """What the channel of a row hands in."""
        if row.again:
            return self.sent[row.again]
        more = row.extra
        fields: dict[str, Any] = {"language": more.language, "name": more.name, "private": more.private}
        if more.contact:
            fields["contact"] = self._urn(more.contact, "sms")
        if more.under:
            fields["thread"] = self.tickets[more.under]
        try:
            brought = tuple([await self._file(row, name) for name in row.brings])
        except BadInput as error:
            return error
        message = Incoming(
            channel=CHANNELS[row.by],
            external_id=row.tries[:128] if more.id is None else more.id,
            text=filled(row.says, self.tickets),
            received_at=self.now,
            address=self._urn(row.who or "", row.by),
            line=OUR_LINE if row.by in ("sms", "call") else None,
            kind=Kind(more.kind),
            category=more.category,
            place=Place(more.place, more.lat, more.lon),
            commands=row.by in ("sms", "chat"),
            carrier_replied=more.carrier_replied,
            media=brought,
            raw=row.tries.encode(),
            **fields,
        )
        self.sent[row.tries] = message
        return message

    async def _file(self, row: Row, name: str) -> IncomingMedia:
        """A file as a carrier tells of it, or as a browser hands it in."""
        base, _, patience = name.partition("?")
        if row.by in ("form", "chat"):
            return await Desk(self.runtime).upload(*files.made(base))
        url = f"http://carrier.invalid/{row.tries}/{base}{'?' + patience if patience else ''}"
        return IncomingMedia(f"{row.tries}/{base}"[-128:], url, files.claimed(base), row.extra.language)

    def _urn(self, name: str, by: str) -> str | None:
        """The address somebody writes from; a crowd has numbers of its own."""
        if name.startswith("crowd "):
            number: str | None = f"+8613900139{int(name.removeprefix('crowd ')):03}"
        else:
            number = NUMBERS[name]
        urn = f"web:{name.lower()}" if by in ("form", "chat") else number and f"tel:{number}"
        if urn:
            self.names[self.runtime.vault.lookup(urn)] = name
        return urn

    async def _take(self, message: Incoming | BadInput) -> Taken | BadInput:
        if isinstance(message, BadInput):
            return message
        try:
            return await Desk(self.runtime).take(message)
        except BadInput as error:
            return error

    async def _staff(self, row: Row, what: str) -> None:
        verb, label = what.split()
        try:
            if verb == "answer":
                assert row.text
                answered = await cases.answer(
                    self.runtime, self.tickets[label], row.text, row.department or "roads", actor="officer"
                )
                self.posts[f"{label}-answer"] = answered
            else:
                await moderation.decide(
                    self.runtime,
                    self.posts[label],
                    Action(verb),
                    actor="moderator",
                    reason=row.reason,
                    note=row.note,
                    text=row.text,
                    alike=row.with_alike,
                )
        except EverylineError as error:
            self._expect(row, "makes", row.makes, f"refused {type(error).__name__}")
            return
        self._expect(row, "makes", row.makes, None)
        if row.state:
            await self._check_post(row, self.posts[f"{label}-answer" if verb == "answer" else label])

    async def _settle(self, fetching: bool) -> None:
        """Bring files, expand broadcasts and deliver, until nothing is due."""
        for _ in range(FETCHES if fetching else 0):
            self.now += BETWEEN
            await media.work_on_due(self.runtime)
        while await expanding.expand_some(self.runtime):
            pass
        for channel in self.runtime.channels.values():
            if channel.capabilities.delivery is DeliveryKind.NONE:
                continue
            line = delivery.Line(self.runtime, channel)
            while await line.step():
                await line.finish()

    # What must follow

    async def _check_taken(self, row: Row, taken: Taken | BadInput) -> None:
        if isinstance(taken, BadInput):
            self._expect(row, "makes", row.makes, f"refused: {taken}")
            return
        if row.again:
            self._expect(row, "the answer again", self._same(self.answers[row.again]), self._same(taken))
            self._expect(row, "repeated", True, taken.repeated)
            return
        self.answers[row.tries] = taken
        wanted, _, label = (row.makes or "post").partition(" ")
        thread, _, name = label.partition(" as ")
        self._expect(row, "makes", wanted, OUTCOMES[taken.outcome])
        self._expect(row, "answer", row.answer, f"{taken.say.phrase} {taken.language}")
        if taken.outcome is Outcome.COMMAND:
            self._expect(row, "post", None, taken.post_id)
            return
        assert taken.post_id
        assert taken.ticket
        if taken.outcome is Outcome.POST and wanted == "post":
            self._expect(row, "a ticket of its own", False, taken.ticket in self.tickets.values())
            self.tickets[thread] = taken.ticket
        self._expect(row, "ticket", self.tickets.get(thread), taken.ticket)
        self._expect(row, "ticket told", self.tickets.get(thread), taken.say.values.get("ticket"))
        self.posts[name or thread] = taken.post_id
        await self._check_post(row, taken.post_id)

    async def _check_post(self, row: Row, post_id: str) -> None:
        """A post as staff see it. What a row of a citizen's does not mention is as the medium handed it in."""
        async with self.runtime.database.reading() as connection:
            thread = await posts_for_staff.thread(connection, post_id)
        [post] = [one for one in thread if one.id == post_id]
        usual = {} if row.staff or row.look or row.says == "" else self._usual(row)
        for name, got in self._seen(post).items():
            wanted = getattr(row, name)
            if wanted is None and name in usual:
                wanted = usual[name]
            if wanted is not None or name in usual:
                self._expect(row, name, filled(wanted, self.tickets) if name == "shows" else wanted, got)

    def _usual(self, row: Row) -> dict[str, Any]:
        more = row.extra
        comment = (row.makes or "").startswith("follow-up")
        return {
            "kind": "comment" if comment else more.kind,
            "state": "pending",
            "ruling": "pass",
            "rules": [],
            "urgent": False,
            "private": more.private,
            "alike": None,
            "shows": row.says.strip(),
            "place": more.place,
            "category": more.category or "",
        }

    def _seen(self, post: StaffPost) -> dict[str, Any]:
        labels = {post_id: label for label, post_id in self.posts.items()}
        return {
            "kind": post.kind.value,
            "state": post.state.value,
            "ruling": post.ruling,
            "rules": sorted(post.rules),
            "urgent": post.urgent,
            "private": post.private,
            "alike": post.group and labels.get(post.group, post.group),
            "shows": post.text,
            "place": post.place.name,
            "category": post.category or "",
            "files": [_said_of(file) for file in post.media],
        }

    async def _check_heard(self, step: list[Row]) -> None:
        """Who was told what, in which order and which words."""
        told = await self._told()
        wanted: list[str] = []
        for row in step:
            answer = row.hears or (row.answer if row.by != "form" or "chat" in self.runtime.channels else None)
            if answer and answer != SILENCE and not row.again and not row.staff:
                wanted.append(f"{row.who} {answer}")
            wanted += row.also
        row = step[0]
        self._expect(row, "heard", _by_name(wanted), _by_name([str(one) for one in told if one.arrived]))
        undelivered = [str(one) for one in told if not one.arrived]
        self._expect(row, "undelivered", sorted(one for r in step for one in r.undelivered), sorted(undelivered))
        for one in told:
            if one.arrived and not re.fullmatch(self._worded(one), one.text, re.DOTALL):
                self.faults.append(f"{row.tries}: the words of {one} are {one.text!r}")
        for row in step:
            said = "\n".join(one.text for one in told)
            for fragment in row.reads:
                if filled(fragment, self.tickets) not in said:
                    self.faults.append(f"{row.tries}: {fragment!r} stands nowhere in {said!r}")

    async def _told(self) -> list[Heard]:
        d, a = tables_deliveries.deliveries, tables_citizens.addresses
        wanted = (
            select(d.c.id, d.c.phrase, d.c.language, d.c.state, a.c.lookup)
            .join(a, a.c.id == d.c.address_id)
            .where(d.c.id > self.last_delivery, d.c.audience != Audience.TIMELINE)
            .order_by(d.c.id)
        )
        async with self.runtime.database.reading() as connection:
            rows = (await connection.execute(wanted)).all()
        texts = {
            sent.delivery_id: sent.text
            for channel in self.runtime.channels.values()
            if isinstance(channel, Remembering)
            for sent in channel.sent
        }
        self.last_delivery = max([self.last_delivery, *(row.id for row in rows)])
        return [
            Heard(
                self.names.get(row.lookup, "somebody"),
                row.phrase,
                row.language,
                row.state == DeliveryState.DELIVERED,
                texts.get(row.id, ""),
            )
            for row in rows
        ]

    def _worded(self, heard: Heard) -> str:
        """What a phrase looks like with any values in it."""
        city = self.runtime.settings.city
        phrase = self.runtime.settings.phrases[heard.language][heard.phrase]
        known = {"{city}": city.name[heard.language], "{emergency}": city.emergency_number}  # type: ignore[index]
        for name, value in known.items():
            phrase = phrase.replace(name, value)
        return _VALUE.sub("(?:.+)", re.escape(phrase))

    async def _check_end(self, scene: Scene) -> None:
        p = tables_posts.posts
        async with self.runtime.database.reading() as connection:
            number = (await connection.execute(select(func.count()).select_from(p))).scalar_one()
            firsts = select(func.count()).where(p.c.parent_id.is_(None))
            threads = (await connection.execute(firsts)).scalar_one()
            queue = [post.id for post in await waiting.queue(connection)]
        labels = {post_id: label for label, post_id in self.posts.items()}
        for what, wanted, got in (
            ("posts", scene.end.posts, number),
            ("threads", scene.end.threads, threads),
            ("queue", scene.end.waiting(), [labels.get(post_id, post_id) for post_id in queue]),
        ):
            if wanted != got:
                self.faults.append(f"at the end: {what}\n    expected {wanted}\n    got      {got}")

    def _expect(self, row: Row, what: str, wanted: object, got: object) -> None:
        if wanted != got:
            self.faults.append(f"{row.tries}: {what}\n    expected {_short(wanted)}\n    got      {_short(got)}")

    def _same(self, taken: Taken) -> tuple[Any, ...]:
        return (taken.outcome, taken.say.phrase, taken.say.values, taken.language, taken.ticket, taken.post_id)


def _by_name(said: list[str]) -> dict[str, list[str]]:
    """What each person heard, in order; between persons there is none."""
    heard: defaultdict[str, list[str]] = defaultdict(list)
    for one in said:
        name, phrase, language = one.rsplit(" ", 2)
        heard[name].append(f"{phrase} {language}")
    return dict(heard)


def _said_of(file: Any) -> str:
    """A file's fate in a few words: "stored image/jpeg", "failed: this file is empty"."""
    return f"failed: {file.error}" if file.state == "failed" else f"{file.state} {file.type}"


def _short(value: object) -> str:
    said = repr(value)
    return said if len(said) <= 400 else f"{said[:200]} ... {said[-200:]}"
