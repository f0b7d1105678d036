"""Models are put into `<data>/models/<language>/` and taken from there, each in one step that a running gateway sees.

What is being made ready lies in `.incoming` beside the languages, where nobody looks for models, and on the same disk.
"""

import contextlib
import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gateway.errors import Conflict, EverylineError, NotFound
from speech.archives import unpack
from speech.models import ModelFault, ModelInfo, inspect, is_model

INCOMING = ".incoming"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_LANGUAGE = re.compile(r"[a-z]{2,3}")


class NoModel(EverylineError):
    """What is to be installed is no model that can be used; the message says why."""

    status = 422
    title = "Not a speech model"


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def incoming(models: Path) -> Path:
    """Where files wait that are not models yet."""
    folder = models / INCOMING
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def ready(models: Path, source: Path, language: str) -> Iterator[ModelInfo]:
    """A copy of the model in a folder or a zip archive, checked by its files; it is gone at the end unless `place`d.

    Raises `NoModel` and `archives.BadArchive`.
    """
    with tempfile.TemporaryDirectory(dir=incoming(models), prefix="ready-") as made:
        fresh = Path(made) / "model"
        if source.is_dir():
            _copy(_root(source), fresh)
        else:
            fresh.mkdir()
            unpack(source, fresh)
        found = inspect(language, _root(fresh))
        if isinstance(found, ModelFault):
            raise NoModel(f"{source.name} is no model that can be used: {found.reason}")
        yield found


def target(models: Path, language: str, name: str) -> Path:
    """Where a model of this name goes. Raises `NoModel` for a name that is none, `Conflict` when it has no place."""
    if not _LANGUAGE.fullmatch(language):
        raise NoModel(f"{language!r} is no language: give its code, such as zh or en")
    if not _NAME.fullmatch(name):
        raise NoModel(f"{name!r} cannot be the name of a model")
    home = models / language
    if home.is_dir() and is_model(home):
        raise Conflict(f"{home} is a model itself, so none beside it would be seen: remove it first")
    return home / name


def place(models: Path, model: ModelInfo, where: Path) -> None:
    """Move a model that is `ready` to where it is used, in place of one that is there."""
    where.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=incoming(models), prefix="old-") as old:
        if where.exists():
            where.rename(Path(old) / "model")
        model.path.rename(where)


def places(models: Path, name: str) -> list[Path]:
    """The folders of models, whole or not, that go by this name or are of this language."""
    homes = [home for home in _folders(models) if _LANGUAGE.fullmatch(home.name)]
    if _LANGUAGE.fullmatch(name):
        return [
            place for home in homes if home.name == name for place in ([home] if is_model(home) else _folders(home))
        ]
    return [place for home in homes if not is_model(home) for place in _folders(home) if place.name == name]


def language_at(models: Path, place: Path) -> str:
    """The language of a model by where it lies."""
    return place.relative_to(models).parts[0]


def remove(models: Path, where: Path) -> None:
    """Take a model away: from one moment to the next it is not seen any more. A link is cut, what it names stays.

    Raises `NotFound` for a folder that is none of the models'.
    """
    if where.parent != models and where.parent.parent != models:
        raise NotFound(f"{where} is not among the models")
    if where.is_symlink():
        where.unlink()
        return
    with tempfile.TemporaryDirectory(dir=incoming(models), prefix="old-") as old:
        where.rename(Path(old) / "model")
    with contextlib.suppress(OSError):
        where.parent.rmdir()  # only if nothing else is in it


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def _root(folder: Path) -> Path:
    """The model in a folder: itself, or what is one folder down, as archives unpack."""
    within = _folders(folder)
    return within[0] if not is_model(folder) and len(within) == 1 else folder


def _copy(source: Path, fresh: Path) -> None:
    """Copy a folder; a link in it, which may name anything, is followed only to a file or folder within it."""
    home = source.resolve()
    for path in source.rglob("*"):
        if path.is_symlink() and not path.resolve().is_relative_to(home):
            raise NoModel(f"{path} is a link out of the folder")
    shutil.copytree(source, fresh)
