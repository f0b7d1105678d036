"""What templates say alike each time is said once, and what they keep is told apart by all that it depends on."""

from typing import Any

import pytest
from jinja2 import DictLoader
from markupsafe import Markup

from gateway.runtime import Runtime
from gateway.web.drawing import Drawing
from gateway.web.templating import Templates
from tests.web.test_drawing import post


@pytest.fixture
def drawing(runtime: Runtime) -> Drawing:
    return Drawing(runtime, csrf=lambda request: "token", visitor=lambda request: "web:1")


@pytest.mark.parametrize(
    ("template", "calls", "drawn"),
    [
        ("{{ say('a') }}{% if say('b') == 'B' %}!{% endif %}", ["a", "b"], "A!"),
        ("{% macro twice() %}{{ say('a') }}{% endmacro %}{{ twice() }}{{ twice() }}", ["a"], "AA"),
        ("{% set word = 'c' %}{{ say(word) }}", [], "said c"),
        ("{{ say('a', more=1) }}", [], "said a"),
        ("{{ other('a') }}", [], "other a"),
    ],
)
def test_a_call_with_one_text_alone_is_made_when_the_template_is(template: str, calls: list[str], drawn: str) -> None:
    made: list[str] = []

    def say(text: str) -> str:
        made.append(text)
        return text.upper()

    templates = Templates({"say": say}, loader=DictLoader({"page": template}))
    templates.globals.update(say=lambda text, **_: f"said {text}", other=lambda text: f"other {text}")
    for _ in range(2):
        assert templates.get_template("page").render() == drawn
    assert made == calls


def part(drawing: Drawing, language: str, *depends: object, drawn: str = "x") -> list[str]:
    """What a part is drawn as, and once more if it is drawn anew."""
    times: list[str] = []

    def caller() -> Markup:
        times.append(drawn)
        return Markup(drawn)

    kept: Any = drawing._environments[language].globals["kept_part"]
    return [kept("top", *depends, caller=caller), *times]


def test_a_part_is_kept_for_all_that_it_depends_on(drawing: Drawing) -> None:
    assert part(drawing, "en", post(), True, drawn="one") == ["one", "one"]
    assert part(drawing, "en", post(), True, drawn="two") == ["one"]
    for language, *depends in (("zh", post(), True), ("en", post(), False), ("en", post("a flood"), True)):
        assert part(drawing, language, *depends, drawn="two") == ["two", "two"]


def test_a_part_with_somebody_s_token_is_not_kept(drawing: Drawing) -> None:
    with pytest.raises(ValueError, match="token"):
        part(drawing, "en", drawn='<input type="hidden" name="csrf" value="t">')


def test_other_names_drop_what_was_kept(drawing: Drawing, runtime: Runtime) -> None:
    part(drawing, "en", 1, drawn="old")
    for derive in runtime.derived:
        derive(runtime)
    assert part(drawing, "en", 1, drawn="new") == ["new", "new"]
