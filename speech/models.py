"""Which speech model serves which language, and which of those found on disk cannot be used, and why.

Operators put Vosk models into `<data>/models/<language>/`, as they are or one folder down, as the archive unpacks. A
model is checked by its files before Vosk sees it: Vosk's own reason goes to the C library's stderr only, and some
faults it does not notice at all. The small models that come with the demo know a few dozen words of a synthetic voice
and are used only when asked for.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

REQUIRED = ("am/final.mdl", "conf/model.conf", "graph/words.txt")
# The decoding graph, whole or in the two parts that let it change at run time.
GRAPHS = (("graph/HCLG.fst",), ("graph/HCLr.fst", "graph/Gr.fst"))
DEFAULT_RATE = 16_000
# How a model says that it takes sound of a lower or higher rate than its own.
_ALLOWED = {
    True: re.compile(r"^\s*--allow-upsample=true", re.MULTILINE),
    False: re.compile(r"^\s*--allow-downsample=true", re.MULTILINE),
}
_FREQUENCY = re.compile(r"^\s*--sample-frequency=(\d+)", re.MULTILINE)
_LANGUAGE = re.compile(r"[a-z]{2,3}")


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One model that passed the check; `rate` is the samples a second it was made for."""

    language: str
    path: Path
    name: str
    demo: bool = False
    rate: int = DEFAULT_RATE


@dataclass(frozen=True, slots=True)
class ModelFault:
    """A folder that should hold a model and does not, with a sentence for the operator."""

    language: str
    path: Path
    reason: str


class Models:
    """The models under `folder` (one folder a language), and those of the demo under `demo`.

    The disk is asked each time, so a model installed while the gateway runs is found.
    """

    def __init__(self, folder: Path, demo: Path | None = None) -> None:
        self._folder = folder
        self._demo = demo

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

    def _candidates(self, language: str, demo: bool) -> Iterator[ModelInfo | ModelFault]:
        for path in _places(self._folder / language):
            yield _inspect(language, path, path.name)
        if demo and self._demo and (path := self._demo / language / "model").is_dir():
            yield _inspect(language, path, f"demo-{language}", demo=True)


def _languages(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and _LANGUAGE.fullmatch(path.name))


def _places(home: Path) -> list[Path]:
    """The folder itself when it looks like a model, else the folders in it, else (empty) the folder to complain of."""
    if not home.is_dir():
        return []
    within = sorted(path for path in home.iterdir() if path.is_dir())
    if any(path.name in ("am", "conf", "graph") for path in within):
        return [home]
    return within or [home]


def _inspect(language: str, path: Path, name: str, *, demo: bool = False) -> ModelInfo | ModelFault:
    missing = [file for file in REQUIRED if not _holds(path / file)]
    if not any(all(_holds(path / file) for file in graph) for graph in GRAPHS):
        missing.append(" or ".join(" + ".join(graph) for graph in GRAPHS))
    if missing:
        return ModelFault(language, path, f"missing or empty: {', '.join(missing)}")
    return ModelInfo(language, path, name, demo, _rate(path))


def _holds(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def resamples(model: ModelInfo, rate: int) -> bool:
    """Whether a model takes sound of a rate as it is; else it fails in mid-stream, or hears nonsense."""
    return rate == model.rate or bool(_ALLOWED[rate < model.rate].search(_features(model.path)))


def _rate(path: Path) -> int:
    """The sample rate of a model; Vosk fails in mid-stream when sound of a higher or lower one is not allowed."""
    found = _FREQUENCY.search(_features(path))
    return int(found[1]) if found else DEFAULT_RATE


def _features(path: Path) -> str:
    """How a model wants its sound prepared, as its own settings say."""
    found = (path / "conf" / name for name in ("mfcc.conf", "fbank.conf"))
    return "\n".join(conf.read_text(errors="replace") for conf in found if conf.is_file())
