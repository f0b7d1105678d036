"""The table of `places.toml`: the gazetteer, which is what a city calls its districts, roads, estates and landmarks."""

from typing import Literal

from pydantic import Field, model_validator

from gateway.sections import Section, Words

PlaceKind = Literal["district", "village", "road", "estate", "landmark"]
Latitude = Field(None, ge=-90, le=90)
Longitude = Field(None, ge=-180, le=180)


class KnownPlace(Section):
    """One place of the gazetteer.

    `name` is how it is written in one or both languages, `aliases` what people call it too. `within` is the slug of the
    place around it. `lat` and `lon` are WGS 84 degrees of its middle; a road may have its course instead (`line`,
    points in degrees from one end to the other), and the house numbers at its ends (`numbers`).
    """

    slug: str = Field(pattern="^[a-z0-9-]{1,64}$")
    kind: PlaceKind
    name: Words
    aliases: tuple[str, ...] = ()
    within: str | None = None
    lat: float | None = Latitude
    lon: float | None = Longitude
    line: tuple[tuple[float, float], ...] = ()
    numbers: tuple[int, int] | None = None

    @model_validator(mode="after")
    def _whole(self) -> "KnownPlace":
        if not self.name or not all(name.strip() for name in (*self.name.values(), *self.aliases)):
            raise ValueError("give the name in one language or both, and no empty one")
        if (self.lat is None) != (self.lon is None):
            raise ValueError("give lat and lon together")
        if any(abs(lat) > 90 or abs(lon) > 180 for lat, lon in self.line) or len(self.line) == 1:
            raise ValueError("a line is two or more points [lat, lon] in degrees")
        if self.numbers and not self.line:
            raise ValueError("numbers stand at the ends of a line: give the line too")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """All it is called."""
        return (*self.name.values(), *self.aliases)
