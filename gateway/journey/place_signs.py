"""What stands around the name of a place in a folded text: house numbers, and the words by which two roads cross.

Han and Latin differ: `人民路12号` has the number behind the road and a sign behind the number, "12 Elm Street" has it
before. Times and lines are no house numbers: "Elm Street, 3 days", "人民路27路公交".
"""

import re
from dataclasses import dataclass

_FIGURES = {sign: figure for figure, signs in enumerate(("〇零", *"一二三四五六七八九")) for sign in signs} | {"两": 2}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_HAN_FIGURES = "".join((*_FIGURES, *_UNITS))

_HAN_NUMBER = re.compile(
    rf"\s*(?:第\s*)?(?P<number>\d{{1,5}}(?:-\d{{1,4}})?|[{_HAN_FIGURES}]{{1,7}})"
    # 12号线 is a line of the underground, 12号晚上 a day.
    r"\s*(?:(?P<sign>号[楼院门]|号(?!线|早|晚|上午|中午|下午|凌晨|开始|起)|栋|幢)|(?=$|[\s,.;!?、。]))"
)
_LATIN_BEFORE = re.compile(
    r"(?<![\w.:-])(?<!bus )(?<!line )(?<!route )(?<!room )(?P<number>\d{1,5}[a-z]?)(?:\s?[-/]\s?\d{1,5})?,?\s+\Z"
)
_LATIN_AFTER = re.compile(
    r"\.?,?\s*(?:(?:no|nr|nos)\.?|number|#)\s*(?P<stated>\d{1,5}[a-z]?)(?![\w:])"
    r"|\s(?P<bare>\d{1,5}[a-z]?)(?=\Z|[,;!?)]|\.(?!\d)|\s(?:is|are|has|was|were|since|the|there)\b)"
)
_HAN_BETWEEN = re.compile(r"\s*(?:和|与|跟|同|及|交|到|、|/|-|&|\+)?\s*")
_HAN_CROSSING = re.compile(r"\s*(?:的)?\s*(?:(?:交叉|交汇|十字|丁字|三岔)?(?:路)?口|交叉处|交汇处|交界|相交|转角|拐角)")
_LATIN_BETWEEN = re.compile(r"\.?\s*(?:(?P<sure>/|&|\+)|,?\s(?:and|at|meets|with)\s(?:the\s)?)\s*")
_LATIN_CROSSING_BEFORE = re.compile(r"(?:corner|crossing|junction|intersection|crossroads?) (?:of|between) (?:the )?\Z")
_LATIN_CROSSING_AFTER = re.compile(r"\s*(?:crossing|junction|intersection|corner|crossroads?)\b")
# An address, whether or not anybody knows the road.
_ADDRESS = re.compile(
    rf"[\u4e00-\u9fff](?:路|街|巷|道|弄|胡同|村|小区|花园)\s*(?:\d{{1,5}}|[{_HAN_FIGURES}]{{1,7}})\s*(?:号|弄|栋|幢|楼)"
    r"|\b\d{1,5}[a-z]?,? (?:[a-z][a-z'.-]+ ){1,3}(?:street|st|road|rd|avenue|ave|lane|ln|square|sq|drive|way)\b"
)
# How the name of a place ends, or how a place without a name is told.
_TELLS_WHERE = re.compile(
    r"[路街巷道弄口村镇乡区县里苑园桥站湖河号楼门栋旁边院厦场校店]|对面|附近|前面|后面|胡同"
    r"|\b(?:street|st|road|rd|avenue|ave|lane|ln|square|park|bridge|station|school|hospital|market|village|estate"
    r"|corner|near|next to|opposite|behind|beside|in front|outside|between|house|building|block)\b"
)
_BEFORE = 16


@dataclass(frozen=True, slots=True)
class Number:
    """A house number: in figures (`12-3`, `14b`), and the sign behind it that Han texts have (号, 号楼)."""

    figures: str
    sign: str = "号"

    @property
    def value(self) -> int:
        """The number itself, without what parts the house."""
        found = re.match(r"\d+", self.figures)
        return int(found[0]) if found else 0


def number_at(folded: str, start: int, end: int) -> Number | None:
    """The house number that belongs to a name standing from `start` to `end`."""
    if is_han(folded[end - 1]):
        found = _HAN_NUMBER.match(folded, end)
        if found and (found["sign"] or found["number"].isascii()):
            return Number(_in_figures(found["number"]), found["sign"] or "号")
        return None
    if found := _LATIN_BEFORE.search(folded, max(0, start - _BEFORE), start):
        return Number(found["number"])
    if found := _LATIN_AFTER.match(folded, end):
        return Number(found["stated"] or found["bare"])
    return None


def cross(folded: str, first: tuple[int, int], second: tuple[int, int]) -> bool:
    """Whether a text speaks of where two roads cross, whose names stand at `first` and then at `second`."""
    start, end = first[1], second[0]
    if is_han(folded[first[1] - 1]):
        return bool(_HAN_BETWEEN.fullmatch(folded, start, end) and _HAN_CROSSING.match(folded, second[1]))
    between = _LATIN_BETWEEN.fullmatch(folded, start, end)
    if between is None:
        return False
    before = _LATIN_CROSSING_BEFORE.search(folded, max(0, first[0] - 2 * _BEFORE), first[0])
    return bool(between["sure"] or before or _LATIN_CROSSING_AFTER.match(folded, second[1]))


def has_address(folded: str) -> bool:
    """Whether a text holds an address, of a road that is known or not."""
    return _ADDRESS.search(folded) is not None


def tells_where(folded: str) -> bool:
    """Whether a short text may be the answer to "where?"."""
    return _TELLS_WHERE.search(folded) is not None


def is_han(character: str) -> bool:
    """Whether a character is a Han one."""
    return "\u4e00" <= character <= "\u9fff"


def _in_figures(number: str) -> str:
    """A number in figures: 十二 is 12, 一百零五 is 105, and so is 一〇五."""
    if number[0].isdecimal():
        return number
    if not any(sign in _UNITS for sign in number):
        return "".join(str(_FIGURES[sign]) for sign in number)
    total, figure = 0, 0
    for sign in number:
        if sign in _UNITS:
            total += max(figure, 1) * _UNITS[sign]
            figure = 0
        else:
            figure = _FIGURES[sign]
    return str(total + figure)
