"""How a question finds services: the words an entry is kept under, those a question is asked by, and which fit best.

All pure, and the same for every channel. A keyword that stands in the question as a whole is what was meant: "how do I
renew my passport" finds what is kept under "passport", "身份证丢了怎么办" what is kept under "身份证". Where no keyword
stands in it, entries that have all its words in their texts are found, then those that have half of them.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from gateway.journey import folding, tokens
from store.services import Entry, Match

# Of a longer question its beginning is looked up.
LONGEST_QUESTION = 80
# A keyword of more units (words, or Han characters) is none that anybody types.
LONGEST_KEYWORD = 8
# What is kept of a long text: entries are short, and a keyword says more than the hundredth word.
MOST_TOKENS = 400
# Marks what is a keyword as a whole; nobody's token begins so.
WHOLE = "="
# What was used within this is offered first.
LATELY = timedelta(days=30)
# How much a word says by where it stands.
KEYWORD, TITLE, TEXT = 9, 6, 1
# Words that say only that something is asked.
_ASKING = re.compile(
    r"怎么样?|怎样|如何|哪里|哪儿|什么时候|什么|请问|我要|我想|想要|办理|查询|一下|可以|能不能|多少|需要|[吗呢啊的了在办]"
)
_FILLERS = frozenset(
    re.findall(
        r"\w+",
        "a an the i we you my our your me us to of in on at for is are do does can how where when what which who get "
        "need want please about and or with there",
    )
)
_UNITS = re.compile(r"[\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\W_\u3005-\u3007\u3400-\u9fff]+")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as entries are looked up by it: runs of its units that may be keywords, each with how many units it
    has, and the tokens of what is left when nothing but asking is taken away."""

    wholes: Mapping[str, int]
    tokens: tuple[str, ...]

    @property
    def words(self) -> set[str]:
        """All that is to be looked up."""
        return {*self.wholes, *self.tokens}


def weights(entry: Entry) -> dict[str, int]:
    """The words an entry is kept under, each with how much it says."""
    found: dict[str, int] = {}
    for said in entry.said.values():
        for keyword in (*said.words, said.title):
            found[WHOLE + normal(keyword)] = KEYWORD
        for weight, texts in ((KEYWORD, said.words), (TITLE, (said.title,)), (TEXT, (said.text,))):
            for token in list(_tokens(texts))[:MOST_TOKENS]:
                found[token] = max(found.get(token, 0), weight)
    return {word: weight for word, weight in found.items() if len(word) <= 64 and word != WHOLE}


def asked(question: str) -> Asked:
    """A question as it is looked up."""
    units = _units(folding.fold(question))
    wholes: dict[str, int] = {}
    for length in range(1, LONGEST_KEYWORD + 1):
        for start in range(len(units) - length + 1):
            wholes[WHOLE + _joined(units[start : start + length])] = length
    left = _ASKING.sub(" ", folding.fold(question))
    wanted = dict.fromkeys(token for token in _question_tokens(left) if token not in _FILLERS)
    return Asked(wholes, tuple(wanted))


def ranked(question: Asked, found: Iterable[Match]) -> list[str]:
    """The entries (by id) that a question means, the best first."""
    words: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for match in found:
        if match.word in question.wholes or match.word in question.tokens:
            words[match.service_id][match.word] = match.weight
    longest = {one: max((question.wholes.get(word, 0) for word in has), default=0) for one, has in words.items()}
    meant = max(longest.values(), default=0)
    if meant:
        fit = [one for one in words if longest[one] == meant]
    else:
        fit = [one for one in words if all(token in words[one] for token in question.tokens)]
        fit = fit or [one for one, has in words.items() if _half(question.tokens, has)]
    return sorted(fit, key=lambda one: (-sum(words[one].values()), one))


def lately(at: datetime) -> date:
    """Since when uses count for what is offered first."""
    return (at - LATELY).date()


def answers(entry: Entry, word: str) -> bool:
    """Whether an entry is found by a word that was asked for."""
    question = asked(word)
    return bool(ranked(question, (Match("", kept, weight) for kept, weight in weights(entry).items())))


def normal(keyword: str) -> str:
    """A keyword in the form in which two of the same are equal."""
    return _joined(_units(folding.fold(keyword)))


def _half(wanted: Sequence[str], has: Mapping[str, int]) -> bool:
    """At least half of the words, and one of them in the title or a keyword."""
    hits = [has[token] for token in wanted if token in has]
    return bool(hits) and 2 * len(hits) >= len(wanted) and max(hits) >= TITLE


def _tokens(texts: Collection[str]) -> Iterator[str]:
    return (_singular(token.text) for text in texts for token in tokens.of(folding.fold(text)))


def _question_tokens(folded: str) -> Iterator[str]:
    """The tokens of what is asked; a run's last character alone says nothing that its pairs do not."""
    for token in tokens.of(folded):
        if not (len(token.text) == 1 and not token.text.isascii()):
            yield _singular(token.text)


def _units(folded: str) -> list[str]:
    return [_singular(unit) for unit in _UNITS.findall(folded)]


def _joined(units: Sequence[str]) -> str:
    """Units as they are written: Latin words need a space between them, Han characters none."""
    text = ""
    for unit in units:
        text += f" {unit}" if text and text[-1].isascii() and unit[0].isascii() else unit
    return text


def _singular(word: str) -> str:
    """An English word without its plural: who asks for "passports" means what is kept under "passport"."""
    if len(word) < 4 or not word.isascii() or not word.endswith("s") or word.endswith("ss"):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-2] if word.endswith(("ses", "xes", "zes", "ches", "shes")) else word[:-1]
