"""The lines staff are alarmed on: proved by a code, never longer there than their account or their owner wants."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gateway import clock
from gateway.errors import BadInput, NotFound, TooMany
from gateway.journey import alarm_lines, erasure
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema_outgoing import AlarmSubject
from store import accounts, alarms, audit, citizens
from store.accounts import Role
from tests.conftest import Texting, settle_down
from tests.journey.test_intake import ANNA, BORIS, message


@pytest.fixture
async def op(runtime: Runtime) -> str:
    """An account."""
    made = await runtime.database.write(lambda tx: accounts.add(tx, "op", Role.MODERATOR, "hash"))
    return made.id


async def asked(runtime: Runtime, texting: Texting, account_id: str, number: str) -> Any:
    """Ask for a code, and read it where it arrives."""
    await alarm_lines.ask(runtime, account_id, number, "en")
    await settle_down(runtime)
    return re.findall(r"(?<!\d)\d{6}(?!\d)", " ".join(texting.to(number)))[-1]


async def told(runtime: Runtime) -> int:
    async with runtime.database.reading() as connection:
        return len(await alarms.lines(connection, AlarmSubject.INCIDENTS))


async def test_a_line_counts_once_its_code_was_typed(runtime: Runtime, texting: Texting, op: str) -> None:
    code = await asked(runtime, texting, op, ANNA)
    assert await told(runtime) == 0
    await alarm_lines.prove(runtime, op, f" {code[:3]} {code[3:]} ", actor="op")
    assert await told(runtime) == 1
    with pytest.raises(NotFound):
        await alarm_lines.prove(runtime, op, code, actor="op")
    await asked(runtime, texting, op, BORIS)
    assert await told(runtime) == 0, "another line is to be proved first"


async def test_guesses_are_few_and_codes_expire(runtime: Runtime, texting: Texting, op: str) -> None:
    code = await asked(runtime, texting, op, ANNA)
    wrong = "000000" if code != "000000" else "111111"
    for _ in range(runtime.settings.intake.code_tries):
        with pytest.raises(BadInput):
            await alarm_lines.prove(runtime, op, wrong, actor="op")
    with pytest.raises(TooMany):
        await alarm_lines.prove(runtime, op, code, actor="op")
    code = await asked(runtime, texting, op, ANNA)
    now = clock.now() + timedelta(minutes=runtime.settings.intake.code_minutes)
    clock.replace(now=lambda: now)
    with pytest.raises(BadInput, match="expired"):
        await alarm_lines.prove(runtime, op, code, actor="op")


async def test_stop_is_obeyed_by_alarms_too(runtime: Runtime, texting: Texting, op: str) -> None:
    await alarm_lines.prove(runtime, op, await asked(runtime, texting, op, ANNA), actor="op")
    await Intake(runtime).take(message("STOP", ANNA))
    assert await told(runtime) == 0


async def remove_account(runtime: Runtime, account_id: str) -> None:
    await runtime.database.write(lambda tx: accounts.remove(tx, account_id))


async def erase_owner(runtime: Runtime, _account_id: str) -> None:
    async with runtime.database.reading() as connection:
        person = await citizens.person_at(connection, runtime.vault.lookup(f"tel:{ANNA}"))
    assert person
    await erasure.erase(runtime, person, withdraw=False)


@pytest.mark.parametrize("leave", [remove_account, erase_owner])
async def test_it_goes_with_its_account_and_with_its_owner(
    runtime: Runtime, texting: Texting, op: str, leave: Callable[..., object]
) -> None:
    await Intake(runtime).take(message("lamp is dark", ANNA))
    await alarm_lines.prove(runtime, op, await asked(runtime, texting, op, ANNA), actor="op")
    await leave(runtime, op)  # type: ignore[misc]
    assert await told(runtime) == 0


async def test_whoever_typed_the_number_as_a_contact_does_not_take_it_along(
    runtime: Runtime, texting: Texting, op: str
) -> None:
    await alarm_lines.prove(runtime, op, await asked(runtime, texting, op, BORIS), actor="op")
    await Intake(runtime).take(message("lamp is dark", ANNA, contact=f"tel:{BORIS}", commands=False))
    await erase_owner(runtime, op)
    assert await told(runtime) == 1


async def test_giving_and_taking_away_a_number_is_in_the_audit(runtime: Runtime, texting: Texting, op: str) -> None:
    await alarm_lines.remove(runtime, op, actor="op")
    await alarm_lines.prove(runtime, op, await asked(runtime, texting, op, ANNA), actor="op")
    await alarm_lines.remove(runtime, op, actor="op")
    assert await told(runtime) == 0
    async with runtime.database.reading() as connection:
        found = [(one.actor, one.action) for one in await audit.traces(connection)]
    assert found == [("op", "alarm number removed"), ("op", "alarm number added")]
