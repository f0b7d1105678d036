"""Every word of the simulator that people read, by language; another language is another file in `locales/`."""

import tomllib
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("locales")
DEFAULT = "zh"


@cache
def languages() -> dict[str, dict[str, str]]:
    """Language -> key -> words."""
    return {path.stem: tomllib.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.toml"))}


def choose(asked: str | None, accepted: str) -> str:
    """The language of a page: what was asked for, else the browser's first that we speak, else the default."""
    for wish in (asked or "", *(part.split(";")[0].strip() for part in accepted.split(","))):
        if (language := wish.split("-")[0].lower()) in languages():
            return language
    return DEFAULT


def carrier_reply(keyword: str, number: str) -> str:
    """What the carrier itself answers to STOP, START or HELP, in all languages at once: it knows nobody's."""
    return "\n".join(words[f"carrier_{keyword.lower()}"].format(number=number) for words in languages().values())
