"""The name a citizen chooses to be shown by: judged like all he says, and nobody's who speaks for the city."""

import re

from gateway.errors import BadInput
from gateway.journey import folding, masking
from gateway.journey.filtering import WordFilter
from gateway.journey.wordlists import Word, WordList
from gateway.runtime import Runtime
from gateway.schema import LANGUAGES, Ruling
from store import citizens, events, mine
from store.database import Transaction

LONGEST = 30
# What those are called who speak for the city; nobody else may seem to.
TITLES = (
    *("官方", "客服", "管理员", "工作人员", "公务员", "政府", "市委", "市长", "局长", "书记", "审核", "版主", "警官"),
    *("official", "admin", "administrator", "moderator", "staff", "mayor", "government", "department", "officer"),
    *("police", "hotline", "city hall", "help desk"),
)
# Posts drawn anew on open pages when their author's name changes: those that stand on a first page.
REDRAWN = 20
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]{2,}")


def check(runtime: Runtime, typed: str) -> str | None:
    """A name as it is kept and shown, None for no name. Raises `BadInput` with what is wrong with it."""
    name = " ".join(folding.clean(typed, 10 * LONGEST).split())
    if not name:
        return None
    if len(name) > LONGEST:
        raise BadInput("a name has at most 30 characters", "name")
    if not name.isprintable() or not any(letter.isalpha() for letter in name):
        raise BadInput("a name needs letters", "name")
    if runtime.judge(name).ruling is not Ruling.PASS:
        raise BadInput("this name holds a word that is not allowed", "name")
    if _is_of_the_city(runtime, name):
        raise BadInput("this name looks like the city’s own", "name")
    return masking.mask_as_set(runtime.settings, name)


async def choose(runtime: Runtime, person: str, typed: str) -> None:
    """Name a person, or with an empty name nobody; seen at once. Raises `BadInput`."""
    name = check(runtime, typed)

    async def work(transaction: Transaction) -> None:
        await citizens.choose_name(transaction, person, name)
        for post_id in await mine.newest_public(transaction.connection, person, REDRAWN):
            await events.add(transaction, events.Happening.UPDATE, post_id)

    await runtime.database.write(work)


def _is_of_the_city(runtime: Runtime, name: str) -> bool:
    """Whether a name is the city's or a department's, holds the Han name of one, or a title."""
    settings = runtime.settings
    names = [settings.city.name[language] for language in LANGUAGES]  # type: ignore[index]
    for department in settings.departments:
        names += [department.slug, *department.name.values()]
    offices = [one for department in settings.departments for one in department.name.values() if _HAN.fullmatch(one)]
    if folding.fold(name) in {folding.fold(one) for one in names}:
        return True
    titles = WordFilter({WordList.BLOCK: [Word(title) for title in (*TITLES, *offices)]})
    return titles.judge(name).ruling is not Ruling.PASS
