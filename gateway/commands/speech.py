"""`run.py speech`: which speech models are there, install one by name or from a file, remove one, measure them."""

import argparse
import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientSession
from tqdm import tqdm

from gateway.assembly import DEMO_SPEECH
from gateway.errors import BadInput, Conflict, EverylineError, NotFound
from gateway.schema import LANGUAGES
from gateway.settings import Settings, load
from gateway.workers import Workers
from speech import archives, catalogue, installing
from speech.catalogue import Offer
from speech.fetching import Download, fetch
from speech.models import ModelInfo, Models, inspect
from speech.recogniser import Measure, measure

# A large model takes minutes to be loaded from a slow disk.
LOAD_LIMIT = 600.0
# What one core can be given to do for calls, so that none falls behind when all speak at once.
SPARE = 0.8


def configure(parser: argparse.ArgumentParser) -> None:
    """The actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="show what is installed, what is used, what is wrong, and what can be had")
    adding = actions.add_parser("install", help="install a model by language or name, or from a file or folder")
    adding.add_argument("what", metavar="LANGUAGE|NAME|FILE")
    adding.add_argument("--language", help="the language of the model, when its name does not tell it")
    adding.add_argument("--sha256", help="what the archive's SHA-256 must be")
    removing = actions.add_parser("remove", help="remove a model by name, or the only one of a language")
    removing.add_argument("what", metavar="LANGUAGE|NAME")
    for one in (adding, removing):
        one.add_argument("--yes", action="store_true", help="do not ask before something is replaced or removed")
    checking = actions.add_parser("check", help="load models, write down samples by them, and measure it")
    checking.add_argument("what", metavar="LANGUAGE|NAME", nargs="?", help="default: each that is used")


async def main(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Carry out one action; 1 when something is wrong with what is installed."""
    settings = load(environ)
    return await ACTIONS[args.action](settings, args)


async def _list(settings: Settings, args: argparse.Namespace) -> int:
    models = _models(settings)
    used = models.languages()
    for language in sorted({*LANGUAGES, *used, *(fault.language for fault in models.faults())}):
        found = models.installed(language)
        for model in found:
            mark = "used" if model == found[0] else "not used: the first by name is"
            _say(f"{language:<4} {model.name:<32} {mark}")
        for fault in models.faults():
            if fault.language == language:
                _say(f"{language:<4} {fault.path.name:<32} cannot be used: {fault.reason}")
        if not found:
            _say(f"{language:<4} {'none':<32} recordings in this language wait until there is one")
    _say("\nTo be had by `run.py speech install LANGUAGE` (the first of each) or `NAME`:")
    for offer in catalogue.read(settings.folder):
        hashed = "" if offer.sha256 else " (its SHA-256 is not known here)"
        _say(f"{offer.language:<4} {offer.name:<32} {_size(offer.bytes):>8}  {offer.licence}  {offer.note}{hashed}")
    return 1 if models.faults() else 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be installed: a file or folder at hand, or an offer; its hash, if anybody states one."""

    name: str
    language: str
    source: Path | Offer
    sha256: str


async def _install(settings: Settings, args: argparse.Namespace) -> int:
    models = settings.storage.data / "models"
    wanted = await asyncio.to_thread(_wanted, settings, args)
    where = installing.target(models, wanted.language, wanted.name)
    if where.exists() and not _agreed(args, f"{where} is there already. Replace it?"):
        return 1
    source = wanted.source
    if isinstance(source, Offer):
        source = await _fetched(source, installing.incoming(models))
    await asyncio.to_thread(_trust, source, wanted)
    await _put(models, source, wanted.language, where)
    if source != wanted.source:
        await asyncio.to_thread(source.unlink)
    return 0


def _wanted(settings: Settings, args: argparse.Namespace) -> Wanted:
    """Raises `NotFound` for what is nowhere, `BadInput` when its language is nowhere told."""
    given = (args.sha256 or "").lower()
    if given and not re.fullmatch("[0-9a-f]{64}", given):
        raise BadInput("a SHA-256 has 64 hexadecimal digits", "sha256")
    offers = catalogue.read(settings.folder)
    if offer := catalogue.wanted(offers, args.what):
        return Wanted(offer.name, args.language or offer.language, offer, given or offer.sha256)
    source = Path(args.what).resolve()
    if not source.exists():
        raise NotFound(f"{args.what} is no file here, and no language or name that `run.py speech list` shows")
    name = source.name.removesuffix(".zip")
    known = next((one for one in offers if one.name == name and source.is_file()), None)
    language = args.language or catalogue.language_of(name)
    if not language:
        raise BadInput(f"the name {name} does not tell its language: give --language", "language")
    return Wanted(name, language, source, given or (known.sha256 if known else ""))


async def _put(models: Path, source: Path, language: str, where: Path) -> None:
    """Make a model ready, try it, and put it where it is used."""
    _say(f"Unpacking and trying {source.name} ...")
    with installing.ready(models, source, language) as model:
        tried = await _measured(model)
        await asyncio.to_thread(installing.place, models, model, where)
    _say(f"{where.name} is installed for {language}: {_told(tried, language)}")
    used = Models(models).find(language)
    if used and used.path != where:
        _say(f"It is not used: {used.name} comes before it by name. Remove that one to use this.")
    _say("A gateway that runs will use it within seconds, and write down what waited.")


async def _fetched(offer: Offer, folder: Path) -> Path:
    """The archive of an offer on this disk; what an earlier try left is gone on with."""
    path = folder / f"{offer.name}.zip"
    if path.exists():
        return path
    _say(f"Fetching {offer.url} ({offer.licence})")
    with _bar(offer.name) as tell:
        async with ClientSession(trust_env=True) as http:
            await fetch(http, Download(offer.url, path, offer.bytes, archives.MOST_BYTES, tell))
    return path


@contextmanager
def _bar(name: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar that grows, on a terminal; nothing elsewhere."""
    with tqdm(desc=name, unit="B", unit_scale=True, unit_divisor=1024, disable=None) as bar:

        def tell(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield tell


def _trust(source: Path, wanted: Wanted) -> None:
    """Go on only with an archive whose hash is the expected one, or that the operator vouches for.

    What lay at hand is the operator's own. A wrong one that was fetched is thrown away. Raises `Conflict`.
    """
    if source.is_dir():
        return
    found = installing.sha256_of(source)
    if wanted.sha256 and found != wanted.sha256:
        if source != wanted.source:
            source.unlink()
        raise Conflict(f"{source.name} is not what it should be: its SHA-256 is {found}, not {wanted.sha256}")
    _say(f"SHA-256 {found}{' as expected' if wanted.sha256 else ''}")
    if wanted.sha256 or source == wanted.source:
        return
    _say("Nobody vouches for it here. Compare it with what somebody else states who has this archive.")
    if not _asked("Is it the right one?"):
        raise Conflict(f"nothing was installed. Once you know it is right: --sha256 {found}")


async def _remove(settings: Settings, args: argparse.Namespace) -> int:
    models = settings.storage.data / "models"
    found = installing.places(models, args.what)
    if not found:
        raise NotFound(f"no model {args.what} is installed")
    if len(found) > 1:
        raise Conflict(f"several models are meant, name one: {', '.join(place.name for place in found)}")
    where = found[0]
    if not _agreed(args, f"Remove {where}?"):
        return 1
    await asyncio.to_thread(installing.remove, models, where)
    _say(f"{where.name} is gone")
    return 0


async def _check(settings: Settings, args: argparse.Namespace) -> int:
    models, folder = _models(settings), settings.storage.data / "models"
    chosen = list(models.languages().values())
    if args.what:
        found = [
            inspect(installing.language_at(folder, place), place) for place in installing.places(folder, args.what)
        ]
        if not found:
            raise NotFound(f"no model {args.what} is installed")
        chosen = [model for model in found if isinstance(model, ModelInfo)]
    good = not models.faults()
    for model in chosen:
        try:
            _say(f"{model.language:<4} {model.name}: {_told(await _measured(model), model.language)}")
        except EverylineError as error:
            good = False
            _say(f"{model.language:<4} {model.name}: {error}")
    for fault in models.faults():
        _say(f"{fault.language:<4} {fault.path.name}: cannot be used: {fault.reason}")
    if not chosen and good:
        _say("No model is installed: recordings wait until there is one (run.py speech install zh)")
    return 0 if good and chosen else 1


async def _measured(model: ModelInfo) -> Measure:
    """What a model does and costs, in a process of its own that it may break."""
    workers = Workers(1)
    try:
        return await workers.run(measure, model, _samples(model.language), timeout=LOAD_LIMIT)
    finally:
        await workers.stop()


def _told(measured: Measure, language: str) -> str:
    factor = measured.real_time_factor
    heard = " / ".join(text for text in measured.texts if text) or "nothing"
    calls = int(SPARE / factor)
    return (
        f"loaded in {measured.load_seconds:.1f} s, {_size(measured.memory)} of memory in each worker; "
        f"real-time factor {factor:.3f}: one core follows {calls} calls at once, "
        f"or writes down {1 / factor:.0f} seconds of recordings a second. Heard in the samples: {heard}"
    )


def _samples(language: str) -> list[Path]:
    """Recordings to try a model with: of its language where some come with the gateway."""
    spoken = DEMO_SPEECH / language / "utterances"
    return sorted((spoken if spoken.is_dir() else DEMO_SPEECH / "en/utterances").glob("*-8k.wav"))


def _models(settings: Settings) -> Models:
    return Models(settings.storage.data / "models")


def _agreed(args: argparse.Namespace, question: str) -> bool:
    return bool(args.yes) or _asked(question)


def _asked(question: str) -> bool:
    """A person's yes; where none sits, it is no."""
    if not sys.stdin.isatty():
        _say(f"{question} Nobody is there to answer.")
        return False
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def _unknown(name: str) -> str:
    raise BadInput(f"the name {name} does not tell its language: give --language", "language")


def _size(number: int) -> str:
    return f"{number / 1_000_000:.0f} MB" if number else "?"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


ACTIONS: Mapping[str, Callable[[Settings, argparse.Namespace], Awaitable[int]]] = {
    "list": _list,
    "install": _install,
    "remove": _remove,
    "check": _check,
}
