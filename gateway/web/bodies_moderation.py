"""The JSON of what staff decide of posts and correct in them, and of word lists they try."""

from typing import Annotated

from pydantic import Field

from gateway.journey.batches import MOST as MOST_TOGETHER
from gateway.journey.moderation import LONGEST_NOTE
from gateway.journey.trying import SIZES
from gateway.journey.words import LONGEST_WORD
from gateway.schema import Action
from gateway.web.bodies import LONGEST_TEXT, In, Slug, When


class Decision(In):
    """What staff decides of a post."""

    action: Annotated[Action, Field(strict=False)]
    reason: str | None = Field(None, max_length=64)
    note: str | None = Field(None, max_length=LONGEST_NOTE)
    text: str | None = Field(None, max_length=LONGEST_TEXT)
    version: int | None = Field(None, ge=1)
    alike: bool = False
    unless_held: bool = False
    expires_at: Annotated[When | None, Field(strict=False)] = None


class OneOfSeveral(In):
    """A post of several, in the version that was seen."""

    id: str = Field(pattern="^[0-9a-f]{32}$")
    version: int | None = Field(None, ge=1)


class Decisions(In):
    """What staff decides of several posts at once; each has its own outcome."""

    posts: list[OneOfSeveral] = Field(min_length=1, max_length=MOST_TOGETHER)
    action: Annotated[Action, Field(strict=False)]
    reason: str | None = Field(None, max_length=64)
    note: str | None = Field(None, max_length=LONGEST_NOTE)
    unless_held: bool = False


class CategoryChoice(In):
    """What a report is about; null for nothing of the list."""

    category: Slug | None
    version: int | None = Field(None, ge=1)


class WriteAgain(In):
    """By which speech model to write a recording down again; without one by that which is taken by itself."""

    model: str | None = Field(None, min_length=1, max_length=64)


class WordTrial(In):
    """A line of a word list, and on how many of the last texts to try it."""

    word: str = Field(min_length=1, max_length=LONGEST_WORD)
    most: int = Field(SIZES[0], ge=1, le=SIZES[-1])


class Whereabouts(In):
    """Where something is, as people call it; empty for nowhere."""

    place: str = Field(max_length=200)
