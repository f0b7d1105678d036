"""Which speech model serves which language, and which of those found on disk cannot be used, and why.

Operators put Vosk models into `<data>/models/<language>/`, as they are or one folder down, as the archive unpacks. A
model is checked by its files before Vosk sees it: Vosk's own reason goes to the C library's stderr only, and some
faults it does not notice at all. The small models that come with the demo know a few dozen words of a synthetic voice
and are used only when asked for.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

REQUIRED = ("am/final.mdl", "conf/model.conf", "graph/words.txt")
# The decoding graph, whole or in the two parts that let it change at run time.
GRAPHS = (("graph/HCLG.fst",), ("graph/HCLr.fst", "graph/Gr.fst"))
DEFAULT_RATE = 16_000
RATES = range(8_000, 48_001)
# How a model says that it takes sound of a lower or higher rate than its own.
_ALLOWED = {
    True: re.compile(r"^\s*--allow-upsample=true", re.MULTILINE),
    False: re.compile(r"^\s*--allow-downsample=true", re.MULTILINE),
}
_FREQUENCY = re.compile(r"^\s*--sample-frequency=(\d+)", re.MULTILINE)
_LANGUAGE = re.compile(r"[a-z]{2,3}")


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One model that passed the check; `rate` is the samples a second it was made for.

    `stamp` changes when the files do: whoever keeps a loaded model keeps it under its path and its stamp.
    """

    language: str
    path: Path
    name: str
    demo: bool = False
    rate: int = DEFAULT_RATE
    stamp: str = ""


@dataclass(frozen=True, slots=True)
class ModelFault:
    """A folder that should hold a model and does not, with a sentence for the operator."""

    language: str
    path: Path
    reason: str


class Models:
    """The models under `folder` (one folder a language), and those of the demo under `demo`.

    The disk is asked each time, so a model installed while the gateway runs is found, and one that is gone is not.
    """

    def __init__(self, folder: Path, demo: Path | None = None) -> None:
        self._folder = folder
        self._demo = demo
        # What only its use showed, under path and stamp: put right, it has another stamp.
        self._shown: dict[tuple[Path, str], str] = {}

    def find(self, language: str, *, demo: bool = False) -> ModelInfo | None:
        """The model for a language (`zh`, or a tag such as `zh-CN`), or None; a demo model only if `demo`."""
        return next(iter(self.installed(language, demo=demo)), None)

    def installed(self, language: str, *, demo: bool = False) -> tuple[ModelInfo, ...]:
        """All models for a language, first the one that `find` chooses; demo models only if `demo`."""
        primary = language.lower().replace("_", "-").partition("-")[0]
        if not _LANGUAGE.fullmatch(primary):
            return ()
        return tuple(found for found in self._candidates(primary, demo) if isinstance(found, ModelInfo))

    def languages(self, *, demo: bool = False) -> Mapping[str, ModelInfo]:
        """The model of every language that has one, as `find` would choose it."""
        folders = [self._folder, *([self._demo] if demo and self._demo else [])]
        names = sorted({language for folder in folders for language in _languages(folder)})
        return {name: model for name in names if (model := self.find(name, demo=demo))}

    def faults(self) -> tuple[ModelFault, ...]:
        """What was installed and cannot be used."""
        return tuple(
            found
            for language in _languages(self._folder)
            for found in self._candidates(language, demo=False)
            if isinstance(found, ModelFault)
        )

    def refuse(self, model: ModelInfo, reason: str) -> None:
        """Use a model no more that could not be used, until its files change; it is told among the faults."""
        self._shown[model.path, model.stamp] = reason

    def _candidates(self, language: str, demo: bool) -> Iterator[ModelInfo | ModelFault]:
        for path in _places(self._folder / language):
            yield self._known(inspect(language, path))
        if demo and self._demo and (path := self._demo / language / "model").is_dir():
            yield self._known(inspect(language, path, f"demo-{language}", demo=True))

    def _known(self, found: ModelInfo | ModelFault) -> ModelInfo | ModelFault:
        if isinstance(found, ModelInfo) and (reason := self._shown.get((found.path, found.stamp))):
            return ModelFault(found.language, found.path, reason)
        return found


def inspect(language: str, path: Path, name: str | None = None, *, demo: bool = False) -> ModelInfo | ModelFault:
    """Look at the files of one model, which may vanish meanwhile; its folder's name is its own if none is given."""
    try:
        reason = _wrong(path)
        rate, stamp = _rate(path), "" if reason else _stamp(path)
    except OSError as error:
        return ModelFault(language, path, f"cannot be read: {error.strerror or error}")
    if not reason and rate not in RATES:
        reason = f"made for {rate} samples a second, which is no sound"
    return (
        ModelFault(language, path, reason)
        if reason
        else ModelInfo(language, path, name or path.name, demo, rate, stamp)
    )


def _languages(folder: Path) -> list[str]:
    return [path.name for path in _within(folder) if _LANGUAGE.fullmatch(path.name)]


def _places(home: Path) -> list[Path]:
    """The folder itself when it looks like a model, else the folders in it, else (empty) the folder to complain of."""
    if not home.is_dir():
        return []
    return [home] if is_model(home) else _within(home) or [home]


def is_model(folder: Path) -> bool:
    """Whether a folder is meant to be a model, whole or not."""
    return any(path.name in ("am", "conf", "graph") for path in _within(folder))


def _within(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError:
        return []


def _wrong(path: Path) -> str | None:
    """What is missing in a model."""
    missing = [file for file in REQUIRED if not _holds(path / file)]
    if not any(all(_holds(path / file) for file in graph) for graph in GRAPHS):
        missing.append(" or ".join(" + ".join(graph) for graph in GRAPHS))
    if missing:
        return f"missing or empty: {', '.join(missing)}"
    with (path / "graph/words.txt").open("rb") as words:
        lines = sum(1 for _ in islice(words, 2))  # the first is the empty word
    return None if lines > 1 else "graph/words.txt is too short: it names no words"


def _holds(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _stamp(path: Path) -> str:
    files = sorted({*REQUIRED, *(file for graph in GRAPHS for file in graph), "conf/mfcc.conf"})
    stats = [(path / file).stat() for file in files if (path / file).exists()]
    return "-".join(f"{one.st_ino:x}.{one.st_size:x}.{one.st_mtime_ns:x}" for one in stats)


def resamples(model: ModelInfo, rate: int) -> bool:
    """Whether a model takes sound of a rate as it is; else it fails in mid-stream, or hears nonsense."""
    return rate == model.rate or bool(_ALLOWED[rate < model.rate].search(_features(model.path)))


def _rate(path: Path) -> int:
    """The sample rate of a model; Vosk fails in mid-stream when sound of a higher or lower one is not allowed."""
    found = _FREQUENCY.search(_features(path))
    return int(found[1][:9]) if found else DEFAULT_RATE


def _features(path: Path) -> str:
    """How a model wants its sound prepared, as its own settings say."""
    found = (path / "conf" / name for name in ("mfcc.conf", "fbank.conf"))
    return "\n".join(conf.read_text(errors="replace") for conf in found if conf.is_file())
