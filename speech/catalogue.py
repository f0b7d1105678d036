"""Which speech models can be installed by name: `config/speech_models.toml`, and what a model's name tells."""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.errors import Problem, SettingsError

FILE = "speech_models.toml"
# How names of Vosk models call a language, where they do not use its ISO 639 code.
_CALLED = {"cn": "zh", "ua": "uk", "vn": "vi", "kz": "kk", "gr": "el"}
_NAME = re.compile(r"vosk-model-(?:small-|big-|spk-)?([a-z]{2,3})(?:-|$)")


class Offer(BaseModel):
    """One model to be had: its publisher's archive, its number of bytes (0: unknown), its SHA-256 ("": unknown)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")
    language: str = Field(pattern="^[a-z]{2,3}$")
    url: str = Field(pattern=r"^https?://\S+$")
    bytes: int = Field(0, ge=0)
    sha256: str = Field("", pattern="^([0-9a-f]{64})?$")
    licence: str
    note: str = ""


def read(folder: Path) -> tuple[Offer, ...]:
    """All offers of the settings in `folder`, in their order. Raises `SettingsError`."""
    path = folder / FILE
    try:
        entries: Any = tomllib.loads(path.read_text(encoding="utf-8")).get("models", [])
        return tuple(Offer.model_validate(entry) for entry in entries)
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError) as error:
        raise SettingsError([Problem(str(path), "models", f"cannot be read: {error}")]) from error
    except ValidationError as error:
        raise SettingsError(
            [Problem(str(path), ".".join(map(str, one["loc"])), one["msg"]) for one in error.errors()]
        ) from error


def wanted(offers: Sequence[Offer], name: str) -> Offer | None:
    """The offer of this name, or the first of this language."""
    return next((offer for offer in offers if name in (offer.name, offer.language)), None)


def language_of(name: str) -> str | None:
    """The language that a model's name tells, by its ISO 639 code."""
    told = _NAME.match(name)
    return _CALLED.get(told[1], told[1]) if told else None
