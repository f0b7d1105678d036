"""The sample pictures that a citizen may attach: drawn, so that no real place or person is in them.

`pothole.jpg` says in its EXIF data where it was taken, as a phone's photo does.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("pictures")


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture; its words are `picture_<id>` in the locales."""

    id: str
    path: Path


@cache
def pictures() -> dict[str, Picture]:
    """All pictures by id; those that know their place come first."""
    found = [Picture(path.stem, path) for path in sorted(FOLDER.glob("*.jpg"), reverse=True)]
    return {picture.id: picture for picture in found}
