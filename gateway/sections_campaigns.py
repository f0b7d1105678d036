"""The tables of `campaigns.toml`: what daily phrases a city begins with. Afterwards they are kept in the console."""

from datetime import date

from pydantic import Field, model_validator

from gateway.sections import ClockTime, Section, Words

SLUG = r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$"
MOST_DAYS = 366
MOST_WINNERS = 10_000


class DayPhrase(Section):
    """`[[campaigns.phrases]]`: what is said on one day, in one language or both."""

    day: date
    zh: str = Field("", max_length=100)
    en: str = Field("", max_length=100)


class CampaignSeed(Section):
    """`[[campaigns]]`: one campaign of daily phrases, with its limits and its calendar."""

    slug: str = Field(pattern=SLUG)
    name: Words
    prize: Words
    begins_on: date
    ends_on: date
    publish_at: ClockTime = "08:00"
    winners: int = Field(10, ge=1, le=MOST_WINNERS)
    line_days: int = Field(0, ge=0, le=365)
    per_network: int = Field(50, ge=0, le=100_000)
    phrases: tuple[DayPhrase, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> "CampaignSeed":
        if not 0 <= (self.ends_on - self.begins_on).days < MOST_DAYS:
            raise ValueError(f"a campaign ends after it begins, and within {MOST_DAYS} days")
        if any(not self.begins_on <= phrase.day <= self.ends_on for phrase in self.phrases):
            raise ValueError("a phrase stands on a day of its campaign")
        return self
