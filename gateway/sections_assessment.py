"""The tables of `assessment.toml`: how departments are judged."""

from math import isclose

from pydantic import Field, model_validator

from gateway.sections import Section

WHOLE = 100.0


class Weights(Section):
    """`[weights]`: what each part is worth, in points; all together 100."""

    answered: float = Field(20, ge=0, le=WHOLE)
    in_time: float = Field(25, ge=0, le=WHOLE)
    solved: float = Field(15, ge=0, le=WHOLE)
    satisfied: float = Field(20, ge=0, le=WHOLE)
    published: float = Field(5, ge=0, le=WHOLE)
    used: float = Field(5, ge=0, le=WHOLE)
    supervisor: float = Field(10, ge=0, le=WHOLE)

    @model_validator(mode="after")
    def _whole(self) -> "Weights":
        together = sum(self.model_dump().values())
        if not isclose(together, WHOLE, abs_tol=1e-6):
            raise ValueError(f"together they make {together:g}; make it 100")
        return self


class Fairness(Section):
    """`[fairness]`: how many average reports are added to those of each department."""

    prior: float = Field(5, ge=0, le=1000)


class ServiceGoals(Section):
    """`[services]`: what makes full points."""

    published: int = Field(5, ge=1, le=10_000)
    used: int = Field(100, ge=1, le=10_000_000)


class Months(Section):
    """`[months]`: for how many days a month stays open after its last."""

    settle_days: int = Field(5, ge=0, le=27)


class Assessment(Section):
    """`assessment.toml`: the formula."""

    weights: Weights = Weights()
    fairness: Fairness = Fairness()
    services: ServiceGoals = ServiceGoals()
    months: Months = Months()
