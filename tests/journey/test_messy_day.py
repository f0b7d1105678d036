"""A day of messy traffic, played through the real gateway: scenes of labelled rows in `day/`, every row checked."""

from collections import Counter

import pytest

from gateway.journey import commands, conversation, folding, topics
from gateway.runtime import Runtime
from gateway.settings import Settings
from tests.journey.day.script import Row, scenes
from tests.journey.day.stage import Stage

SCENES = scenes()
ROWS = [row for scene in SCENES.values() for row in scene.rows]
# Phrases that are spoken on the phone, stand inside others, or are said by the page where lines are linked.
PARTS = (
    "voice_",
    "state_",
    "progress_",
    "reason_",
    "topic_all",
    "topic_phrase",
    "department_none",
    "code_line",
    "service_",
)
# Phrases staff are told of channels and deadlines, and those of what they take back, change or gather after it is out;
# in the day nobody is asked where something is (see test_whereabouts).
LATER = (
    "incident_",
    "fault_",
    "code_alarm",
    "undone_",
    "case_",
    "reminder_",
    "late_",
    "deadlines_several",
    "bad_mark_",
    "radio_",
    "answer_corrected",
    "answer_withdrawn",
    "digest",
    "following_now",
    "received_where",
    "received_private_where",
    "where_",
    # What is asked once a report was compared with others (test_likening), and told when it stands alone again.
    "join_ask",
    "joined_own",
    "parted",
    # What is asked and said of an answer (test_satisfaction), and of what is sensitive (test_categorising).
    "ask_mark",
    "mark_",
    "answer_files",
    "kept_for_category",
    "public_never",
    # heard while a campaign goes on, and by those on duty: `test_phrases`, `test_draws`, `test_duty_alarms`
    "phrase_",
    "duty_",
)
# What departments' services say (tests/casework/test_service_command.py): on the day none is written yet.
SERVED = ("info", "info_news", "info_several", "info_which", "info_gone")


@pytest.fixture
def backend() -> str:
    """The day is played on one kind of database: what differs between the two is tried elsewhere."""
    return "sqlite"


@pytest.mark.parametrize("name", SCENES)
async def test_scene(runtime: Runtime, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    faults = await Stage(runtime, monkeypatch).play(SCENES[name])
    if faults:
        pytest.fail(f"{SCENES[name].title}\n\n" + "\n".join(faults), pytrace=False)


def test_the_day_is_long_and_each_row_has_a_name_of_its_own() -> None:
    assert len(ROWS) >= 300
    assert [label for label, times in Counter(row.tries for row in ROWS).items() if times > 1] == []


def test_every_command_is_used(settings: Settings) -> None:
    table = commands.table(topics.Names(settings))
    names = {id(command): name for name, command in table.items()}
    used = {names[id(found[0])] for row in ROWS if (found := conversation.recognise(_cleaned(row), table))}
    assert used == set(table)


def test_every_phrase_is_heard(settings: Settings) -> None:
    heard = {said.split()[-2] for row in ROWS for said in (row.answer, row.hears, *row.also) if said and " " in said}
    phrases = {phrase for phrase in settings.phrases["en"] if not phrase.startswith(PARTS + LATER)}
    assert phrases - heard == set(SERVED)
    assert heard - phrases == set()


def _cleaned(row: Row) -> str:
    return folding.clean(row.says, 5000)
