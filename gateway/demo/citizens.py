"""The people of the sample city: what they report, on which line, and what they say to what they are asked and told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from gateway import clock
from gateway.casework import satisfaction
from gateway.demo.stage import Stage, Story
from gateway.schema import Place, State
from gateway.schema_incoming import Incoming, Outcome, Taken
from store import changes, citizens
from store.marks import BAD

PICTURES = Path(__file__).parents[1] / "simulator/pictures"
PEOPLE = 160
# Which lines people use, and how many of ten.
FORM = "web_form"
LINES = (FORM,) * 3 + ("sms_twilio",) * 3 + ("voice_twilio",) * 2 + ("web_chat",) * 2
TEXTING = ("sms_twilio", "web_chat")
# While the city is made up no text message can be sent: only here somebody can be asked where something is.
CHAT = "web_chat"
FORGETFUL = 0.4
# The first citizens have the phones that lie on the handsets' page.
HANDSETS = ("+8613800138001", "+8613800138002")
# Of four people one speaks English.
ENGLISH = 4
# Opening a photo takes longer than all else about a post, so only the last days have some.
PICTURED = timedelta(days=4)


@dataclass(frozen=True, slots=True)
class Author:
    """Whoever said something, on which line, and in which language."""

    line: str
    address: str
    language: str


@dataclass(frozen=True, slots=True)
class Thread:
    """One report that was taken in; `same_as` is the ticket of the report that it says again."""

    ticket: str
    post_id: str
    story: Story
    author: Author
    where: str
    same_as: str | None = None
    # Passed on, it is taken over by nobody.
    lies: bool = False


class Citizens:
    """Speaks for all of them; `hear_more` is told of each post that was added to a report and waits for a moderator."""

    def __init__(self, stage: Stage, hear_more: Callable[[str], None]) -> None:
        self._stage, self._hear_more = stage, hear_more
        self._strangers = 0
        self._roads = [place for place in stage.runtime.settings.places if place.numbers and len(place.name) > 1]

    def author(self, line: str | None = None, person: int | None = None) -> Author:
        """Somebody of the city; anybody, if no person is meant."""
        chance = self._stage.chance
        line = line or chance.choice(LINES)
        person = chance.randrange(PEOPLE) if person is None else person
        phone = HANDSETS[person] if person < len(HANDSETS) else f"+86138{person:08}"
        address = f"web:demo{person:028x}" if line.startswith("web") else f"tel:{phone}"
        return Author(line, address, "en" if person % ENGLISH == ENGLISH - 1 else "zh")

    async def report(self, story: Story | None = None) -> Thread | None:
        """Somebody reports something somewhere; what is turned away at once is no thread."""
        stage = self._stage
        if story is None:
            told = stage.stories
            [story] = stage.chance.choices(told, [one.weight for one in told])
        author = self.author(FORM if story.private else None)
        return await self._report(story, author, self._where(author.language))

    async def repeat(self, first: Thread) -> Thread | None:
        """Somebody else reports the same, in other words and perhaps on another line."""
        author = replace(self.author(), language=first.author.language)
        if author.address == first.author.address:
            return None
        said = await self._report(first.story, author, first.where, turn=1)
        return replace(said, same_as=first.ticket) if said else None

    async def report_lately(self, said: Mapping[str, Any]) -> Thread | None:
        """Somebody reports what stands in `city.toml` for the last hours."""
        story = Story(
            said["category"],
            said["department"],
            1,
            {said["language"]: {"texts": [said["text"]], "answers": [said["answer"]]}},
            said.get("picture"),
            False,
            False,
        )
        author = replace(self._stranger(said["line"]), language=said["language"])
        return await self._report(story, author, said["where"])

    async def say(self, line: str, text: str) -> Taken:
        """Somebody says just this."""
        return await self._send(self.author(line), text)

    async def say_first(self, line: str, text: str) -> Taken:
        """Somebody who never said anything before says this: to nothing else can it be added."""
        return await self._send(self._stranger(line), text)

    async def reply(self, thread: Thread) -> Taken:
        """The author answers what the department asked."""
        said = self._stage.known["asking"][thread.author.language]["reply"]
        return await self._send(thread.author, said, thread=thread.ticket)

    async def mark(self, thread: Thread, number: int) -> None:
        """The author says what he thinks of the answer, and of a bad one why; the form's page takes it by itself."""
        author = thread.author
        if author.line == FORM:
            async with self._stage.runtime.database.reading() as connection:
                post = await changes.load(connection, thread.ticket)
                person = post.author_id and await citizens.person_of(connection, post.author_id)
            if person:
                await satisfaction.give(
                    self._stage.runtime, thread.ticket, person, mark=number, solved=None, channel=FORM
                )
            return
        await self._send(author, f"MARK {thread.ticket} {number}", commands=True)
        if number <= BAD and author.line in TEXTING:
            await self._send(author, self._stage.chance.choice(self._stage.known["again"][author.language]["reasons"]))

    def _stranger(self, line: str) -> Author:
        self._strangers += 1
        return self.author(line, PEOPLE + self._strangers)

    async def _report(self, story: Story, author: Author, where: str, turn: int | None = None) -> Thread | None:
        words = story.words[author.language if author.language in story.words else "zh"]
        forgets = author.line == CHAT and "nowhere" in words and self._stage.happens(FORGETFUL)
        texts: list[str] = words["texts"]
        text = texts[turn % len(texts)] if turn is not None else self._stage.chance.choice(texts)
        said = text.format(where=where if author.language == "zh" else f" at {where}")
        form = author.line == FORM
        incoming = Incoming(
            channel=author.line,
            external_id=clock.new_id(),
            text=words["nowhere"] if forgets else said,
            received_at=clock.now(),
            address=author.address,
            language=author.language if form else None,
            category=story.category if form else None,
            place=Place(name=where) if form and not story.private else Place(),
            commands=not form,
        )
        if (
            story.picture
            and author.line.startswith("web")
            and not forgets
            and self._stage.until - clock.now() < PICTURED
        ):
            data = (PICTURES / story.picture).read_bytes()
            incoming = replace(incoming, media=(await self._stage.desk.upload(data, "image/jpeg"),))
        taken = await self._take(incoming)
        if taken.outcome is not Outcome.POST or not taken.post_id or not taken.ticket or taken.state is State.REJECTED:
            return None
        if forgets:
            self._stage.later(clock.now() + timedelta(seconds=40), lambda: self._send(author, where))
        return Thread(taken.ticket, taken.post_id, story, author, where)

    def _where(self, language: str) -> str:
        """A house of one of the city's roads, as its people write it."""
        road = self._stage.chance.choice(self._roads)
        first, last = road.numbers or (1, 1)
        number = self._stage.chance.randint(first, last)
        names = {str(known): name for known, name in road.name.items()}
        return f"{names['zh']}{number}号" if language == "zh" else f"{number} {names['en']}"

    async def _send(self, author: Author, text: str, *, thread: str | None = None, commands: bool = True) -> Taken:
        said = Incoming(
            channel=author.line,
            external_id=clock.new_id(),
            text=text,
            received_at=clock.now(),
            address=author.address,
            thread=thread,
            commands=commands and thread is None,
        )
        return await self._take(said)

    async def _take(self, incoming: Incoming) -> Taken:
        """Have something taken in; what is added to a report waits for a moderator too."""
        taken = await self._stage.desk.take(incoming)
        if taken.outcome is Outcome.FOLLOW_UP and taken.post_id and taken.state is State.PENDING:
            self._hear_more(taken.post_id)
        return taken
