"""What authors think of an answer: asked with it, told in a number, a word or MARK, and what becomes of the case."""

from datetime import timedelta

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from gateway import clock
from gateway.casework import cases as answers
from gateway.casework import satisfaction
from gateway.desk import Desk
from gateway.errors import BadInput, Conflict, NotAllowed
from gateway.journey import joining
from gateway.runtime import Runtime
from gateway.schema import Kind
from gateway.schema_cases import CaseStep, Progress
from gateway.schema_incoming import Incoming, Taken
from store import cases, changes, citizens, history, marks, posts_for_staff
from store.accounts import Role
from store.cases import Case
from store.marks import Mark
from tests.casework.test_handling import CITIZEN, HEAD, ROADS, Thread, Watch, at
from tests.casework.test_reminding import HEAD as HEAD_NUMBER
from tests.casework.test_reminding import OTHERS, SUPERVISOR, employ
from tests.conftest import Texting, settle_down

__all__ = ["at"]
OTHER = "tel:+8613800000002"


class Judged(Thread):
    """The same report, with what its author says of its answers."""

    async def answer(self, text: str = "路灯修好了") -> None:
        await answers.answer(self.runtime, self.ticket, text, "roads", actor="of")
        await settle_down(self.runtime)

    async def says(self, text: str, address: str = CITIZEN) -> Taken:
        taken = await Desk(self.runtime).take(
            Incoming("texting", clock.new_id(), text, clock.now(), address=address, language="zh", raw=b"{}")
        )
        await settle_down(self.runtime)
        return taken

    async def marks(self) -> list[Mark]:
        case = await self.case()
        async with self.runtime.database.reading() as connection:
            return list((await marks.of_threads(connection, [case.thread_id])).get(case.thread_id, ()))

    async def author(self) -> str:
        async with self.runtime.database.reading() as connection:
            thread = await changes.load(connection, self.ticket)
            return await citizens.person_of(connection, str(thread.author_id))


@pytest.fixture
async def thread(runtime: Runtime) -> Judged:
    judged = await Judged(runtime).begin()
    assert isinstance(judged, Judged)
    await settle_down(runtime)
    return judged


def stands(case: Case) -> tuple[Progress, int]:
    return case.progress, case.reopened


async def test_the_answer_itself_asks_where_one_can_write_back(thread: Judged, texting: Texting) -> None:
    await thread.answer()
    [told] = [sent.text for sent in texting.sent if "路灯修好了" in sent.text]
    assert "回复1" in told
    assert "5" in told


async def test_a_city_may_leave_the_question_away(runtime: Runtime, texting: Texting) -> None:
    quiet = runtime.settings.deadlines.satisfaction.model_copy(update={"ask": False})
    deadlines = runtime.settings.deadlines.model_copy(update={"satisfaction": quiet})
    runtime.settings = runtime.settings.model_copy(update={"deadlines": deadlines})
    await (await Judged(runtime).begin()).answer()  # type: ignore[attr-defined]
    assert not any("回复1" in sent.text for sent in texting.sent)


@pytest.mark.parametrize(
    ("said", "mark", "solved"),
    [("5", 5, True), ("４", 4, True), ("3", 3, None), ("已解决", None, True), ("Fixed!", None, True)],
)
async def test_who_is_content_closes_the_case(thread: Judged, said: str, mark: int | None, solved: bool | None) -> None:
    await thread.answer()
    taken = await thread.says(said)
    assert taken.say.phrase == "mark_thanks"
    assert stands(await thread.case()) == (Progress.CLOSED, 0)
    [kept] = await thread.marks()
    assert (kept.mark, kept.solved, kept.round, kept.department) == (mark, solved, 0, "roads")
    assert (kept.channel, kept.citizen_id) == ("texting", await thread.author())


@pytest.mark.parametrize("said", ["1", "2", "没解决", "评分 {ticket} 1", "MARK {ticket}, 2"])
async def test_who_is_not_opens_it_again_with_a_new_clock(thread: Judged, said: str, at: Watch) -> None:
    await thread.answer()
    at(days=1)
    taken = await thread.says(said.format(ticket=thread.ticket))
    assert taken.say.phrase == "mark_reopened"
    case = await thread.case()
    assert stands(case) == (Progress.REOPENED, 1)
    assert (case.stopped_at, case.acknowledged_at) == (None, None)
    assert case.due_at > at.now + timedelta(days=6)


async def test_it_is_opened_again_only_once(thread: Judged) -> None:
    await thread.answer()
    await thread.says("1")
    await thread.answer("又修了一次")
    assert stands(await thread.case()) == (Progress.ANSWERED, 1)
    assert (await thread.says("1")).say.phrase == "mark_bad"
    assert stands(await thread.case()) == (Progress.CLOSED, 1)
    assert [(one.round, one.mark) for one in await thread.marks()] == [(0, 1), (1, 1)]


async def test_the_supervisors_are_told_of_a_bad_mark_once_for_each_round(
    runtime: Runtime, thread: Judged, texting: Texting
) -> None:
    await employ(runtime, "su", SUPERVISOR, Role.MODERATOR)
    await employ(runtime, "he", HEAD_NUMBER, department="roads", head=True)
    await employ(runtime, "vi", OTHERS, Role.VIEWER)

    def told() -> list[str]:
        assert texting.to(HEAD_NUMBER) == []
        assert texting.to(OTHERS) == []
        return texting.to(SUPERVISOR)

    await thread.answer()
    await thread.says("3")
    assert told() == []
    await thread.says("1")
    assert len(told()) == 1
    assert f"{thread.ticket} (" in told()[0]
    assert "is open again" in told()[0]
    # What is taken back and said again is not told again.
    for said in ("5", "没解决", "2"):
        await thread.says(said)
    assert stands(await thread.case()) == (Progress.REOPENED, 1)
    assert len(told()) == 1
    await thread.answer("又修了一次")
    await thread.says("2")
    await thread.says("1")
    assert len(told()) == 2
    assert "is not opened again" in told()[1]
    thread_id = (await thread.case()).thread_id
    async with runtime.database.reading() as connection:
        entries = (await history.of_thread(connection, runtime.vault, [thread_id]))[thread_id]
    assert sum(entry.action == "case_bad_mark" for entry in entries) == 2


async def test_a_slip_is_taken_back_as_if_it_had_not_been(thread: Judged, at: Watch) -> None:
    await thread.answer()
    before = await thread.case()
    at(hours=1)
    await thread.says("1")
    assert (await thread.says("5")).say.phrase == "mark_taken_back"
    after = await thread.case()
    assert stands(after) == (Progress.CLOSED, 0)
    assert (after.due_at, after.stopped_at, after.acknowledged_at) == (
        before.due_at,
        before.stopped_at,
        before.acknowledged_at,
    )
    [kept] = await thread.marks()
    assert (kept.mark, kept.before) == (5, None)
    # What was taken back did not happen: the next bad mark reopens.
    assert (await thread.says("2")).say.phrase == "mark_reopened"


async def test_it_is_too_late_once_somebody_works_on_it(thread: Judged) -> None:
    await thread.answer()
    await thread.says("1")
    await thread.take(CaseStep.ACCEPT)
    assert (await thread.says("5")).say.phrase == "mark_late"
    assert stands(await thread.case()) == (Progress.ACCEPTED, 1)
    assert [one.mark for one in await thread.marks()] == [1]


async def test_the_words_behind_a_bad_mark_are_added_to_the_report(thread: Judged) -> None:
    await thread.answer()
    await thread.says("1")
    taken = await thread.says("灯还是不亮，地址写错了")
    assert taken.ticket == thread.ticket
    async with thread.runtime.database.reading() as connection:
        said = await posts_for_staff.thread(connection, thread.ticket)
    assert [(one.kind, one.text) for one in said if one.kind is Kind.COMMENT] == [
        (Kind.COMMENT, "灯还是不亮，地址写错了")
    ]


async def test_a_number_answers_what_was_asked_last(thread: Judged, at: Watch) -> None:
    await thread.answer()
    at(minutes=200)
    await thread.says("解放路的井盖不见了，很危险")
    at(minutes=200)
    assert (await thread.says("查询")).say.phrase == "status_ask"
    assert (await thread.says("1")).say.phrase in ("status", "status_answered")
    assert await thread.marks() == []
    assert (await thread.says("5")).say.phrase == "mark_thanks"


async def test_a_number_means_nothing_before_an_answer_and_long_after_it(thread: Judged, at: Watch) -> None:
    assert (await thread.says("5")).say.phrase == "no_question"
    await thread.answer()
    at(days=8)
    assert (await thread.says("5")).say.phrase == "no_question"
    # With its ticket it still can be judged.
    assert (await thread.says(f"评分 {thread.ticket} 4")).say.phrase == "mark_thanks"


async def test_others_cannot_judge_it(thread: Judged) -> None:
    await thread.answer()
    assert (await thread.says(f"评分 {thread.ticket} 1", OTHER)).say.phrase == "mark_unknown"
    assert (await thread.says("1", OTHER)).say.phrase == "no_question"
    assert (await thread.says("评分 1", OTHER)).say.phrase == "mark_none"
    assert await thread.marks() == []
    with pytest.raises(NotAllowed):
        await satisfaction.give(thread.runtime, thread.ticket, "x" * 32, mark=1, solved=None, channel="portal")


async def test_that_it_is_not_solved_is_a_word_like_others_where_nobody_asked(thread: Judged) -> None:
    taken = await thread.says("没解决")
    assert taken.say.phrase == "follow_up"


async def test_a_page_takes_both_and_tells_what_is_wrong(thread: Judged) -> None:
    person, runtime = await thread.author(), thread.runtime
    with pytest.raises(Conflict):
        await satisfaction.give(runtime, thread.ticket, person, mark=5, solved=None, channel="portal")
    await thread.answer()
    for mark, solved in ((0, None), (6, True), (None, None)):
        with pytest.raises(BadInput):
            await satisfaction.give(runtime, thread.ticket, person, mark=mark, solved=solved, channel="portal")
    ruling = await satisfaction.give(runtime, thread.ticket, person, mark=4, solved=False, channel="portal")
    assert ruling.reopens
    [kept] = await thread.marks()
    assert (kept.mark, kept.solved) == (4, False)


async def test_silence_closes_and_counts_neither_way(thread: Judged, at: Watch) -> None:
    await thread.answer()
    at(days=6, hours=23)
    await satisfaction.close_silent(thread.runtime)
    assert (await thread.case()).progress is Progress.ANSWERED
    at(days=20)  # the gateway was down
    await satisfaction.close_silent(thread.runtime)
    assert (await thread.case()).progress is Progress.CLOSED
    assert await thread.marks() == []
    async with thread.runtime.database.reading() as connection:
        case = await cases.load(connection, (await thread.case()).thread_id)
        told = (await history.of_thread(connection, thread.runtime.vault, [case.thread_id]))[case.thread_id]
    assert [(one.actor, one.reason) for one in told if one.action == "case_close"] == [("rule", None)]


async def test_an_answer_is_not_asked_about_twice_in_a_round(thread: Judged, texting: Texting) -> None:
    await thread.answer()
    await thread.says("5")
    await thread.answer("还换了灯泡")
    assert [("回复1" in sent.text) for sent in texting.sent if "答复" in sent.text] == [True, False]


async def test_staff_see_in_the_history_what_was_said(thread: Judged) -> None:
    await thread.answer()
    await thread.says("2")
    case = await thread.case()
    async with thread.runtime.database.reading() as connection:
        told = (await history.of_thread(connection, thread.runtime.vault, [case.thread_id]))[case.thread_id]
    assert [(one.actor, one.action, one.reason) for one in told][-3:] == [
        ("author", "marked", "2"),
        ("author", "case_reopen", None),
        ("rule", "case_bad_mark", None),
    ]


async def test_what_staff_reopened_may_be_judged_after_its_next_answer(thread: Judged) -> None:
    await thread.answer()
    await thread.take(CaseStep.REOPEN, HEAD, words="noch einmal")
    assert (await thread.says("5")).say.phrase == "mark_late"
    await thread.take(CaseStep.BEGIN, ROADS)
    await thread.answer("现在好了")
    assert (await thread.says("1")).say.phrase == "mark_reopened"
    assert stands(await thread.case()) == (Progress.REOPENED, 2)


@hypothesis_given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 5), st.booleans()), max_size=12))
def test_however_authors_judge_a_case_it_is_opened_again_at_most_once(said: list[tuple[str, int, bool]]) -> None:
    progress, reopened, known = Progress.ANSWERED, 0, list[Mark]()
    opened = 0
    for person, mark, answers_before in said:
        if answers_before and progress is Progress.REOPENED:
            progress = Progress.ANSWERED
        ruling = satisfaction.judge(progress, reopened, known, person, bad=mark <= 2)
        if ruling is None:
            continue
        opened += ruling.reopens - ruling.takes_back
        own = [one for one in known if (one.citizen_id, one.round) == (person, ruling.round)]
        known = [one for one in known if one not in own]
        keeps = ruling.reopens or (bool(own) and own[0].before is not None and not ruling.takes_back)
        before = {"due_at": None} if keeps else None
        known.append(Mark("t", ruling.round, person, "roads", None, mark, "texting", clock.now(), before))
        progress, reopened = ruling.after, ruling.round + (ruling.after is Progress.REOPENED)
        assert opened in (0, 1)
        assert progress in (Progress.CLOSED, Progress.REOPENED)
    assert len({(one.citizen_id, one.round) for one in known}) == len(known)


async def test_whoever_reported_it_too_judges_the_one_answer_each_for_himself(thread: Judged, texting: Texting) -> None:
    other = await thread.says("人民路12号路灯一直不亮，晚上很黑", OTHER)
    await joining.join_posts(thread.runtime, str(other.ticket), thread.ticket, actor="mo")
    await settle_down(thread.runtime)
    await thread.answer()
    for address in (CITIZEN, OTHER):
        [told] = [text for text in texting.to(address.removeprefix("tel:")) if "路灯修好了" in text]
        assert "回复1" in told
    assert (await thread.says("5")).say.phrase == "mark_thanks"
    # Of one who is not content it is opened again, also when the other is.
    assert (await thread.says("1", OTHER)).say.phrase == "mark_reopened"
    assert stands(await thread.case()) == (Progress.REOPENED, 1)
    assert sorted((one.mark or 0) for one in await thread.marks()) == [1, 5]
    # By his own ticket as well.
    assert (await thread.says(f"评分 {other.ticket} 4", OTHER)).say.phrase == "mark_taken_back"
    assert sorted((one.mark or 0) for one in await thread.marks()) == [4, 5]
    async with thread.runtime.database.reading() as connection:
        person = await citizens.person_of(
            connection, str((await changes.load(connection, str(other.ticket))).author_id)
        )
    for reference in (thread.ticket, str(other.ticket)):
        assert (await satisfaction.standing(thread.runtime, reference, person)).mine
        await satisfaction.give(thread.runtime, reference, person, mark=3, solved=None, channel="portal")
    assert sorted((one.mark or 0) for one in await thread.marks()) == [3, 5]
