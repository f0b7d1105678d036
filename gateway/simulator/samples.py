"""The sample utterances that a caller may say: short recordings of telephone quality, with their words."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("demo_speech")


@dataclass(frozen=True, slots=True)
class Sample:
    """One utterance: `id` is unique, `path` an 8 kHz WAV."""

    id: str
    language: str
    text: str
    path: Path


@cache
def samples() -> dict[str, Sample]:
    """All utterances by id, language by language."""
    found = [sample for folder in sorted(FOLDER.glob("*/utterances")) for sample in _read(folder)]
    return {sample.id: sample for sample in found}


def _read(folder: Path) -> list[Sample]:
    language = folder.parent.name
    with (folder / "texts.tsv").open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.reader(lines, delimiter="\t") if len(row) == 2]
    return [
        Sample(f"{language}-{name}", language, _as_written(text, language), folder / f"{name}-8k.wav")
        for name, text in rows
    ]


def _as_written(text: str, language: str) -> str:
    """The words as people write them: Chinese has no spaces between words."""
    return "".join(text.split()) if language == "zh" else text
