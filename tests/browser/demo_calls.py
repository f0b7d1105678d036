"""Calls and recordings of the demo city: written into its store beside the gateway, as another process would."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import update

from gateway import clock
from gateway.schema import TranscriptState
from store import calls, tables_media
from store.calls import Call, Words
from store.database import Database
from store.vault import Vault, open_key_file
from tests.process.gateway import ROOT

SPEECH = ROOT / "gateway/simulator/demo_speech"
UTTERANCES = {
    "zh": SPEECH / "zh/utterances/001-cmn-latn-pinyin-f4-8k.wav",
    "en": SPEECH / "en/utterances/001-en-f4-8k.wav",
}
LINE = "+864001234567"
# Channel, language, seconds since it began, whether live, step, words.
GOING_ON = (
    ("voice_twilio", "zh", 48, True, "speaking",
     Words(("我要反映一下中山路的自来水管。", "昨天晚上就开始漏水，"), "现在水已经流到马路")),
    ("voice_twilio", "en", 21, True, "menu", Words()),
    ("voice_twilio", "zh", 95, False, "speaking", Words()),
    ("voice_twilio", "en", 63, True, "confirming",
     Words(("The street lamp in front of my house has been dark for a week.",))),
)  # fmt: skip
ENDED = (
    ("voice_twilio", "zh", 140, True, "finished", Words(("公交27路今天早上等了五十分钟没有来。",))),
    ("voice_twilio", "en", 35, True, "hung_up", Words(("Good morning, I wanted to",))),
    ("voice_twilio", "zh", 12, True, "lost", Words()),
)


def install_models(data: Path) -> None:
    """Models as an operator might have them: two for Chinese; one for English, cut off while it was copied."""
    for name in ("zh/vosk-model-cn-0.22", "zh/vosk-model-small-cn-0.22"):
        place = data / "models" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(SPEECH / "zh/model")
    (data / "models/en/vosk-model-en-us-0.22/am").mkdir(parents=True)


async def ring(data: Path, ticket: str) -> None:
    """Have people call, and have called; one of them made the post of a ticket."""
    async with beside(data) as (database, vault):
        at = clock.now()
        for number, (channel, language, seconds, live, step, words) in enumerate((*ENDED, *GOING_ON)):
            over = number < len(ENDED)
            call = Call(
                id=clock.new_id(),
                channel=channel,
                external_id=f"CA{number:032}",
                line=LINE,
                language=language,
                live=live,
                step="ending" if over else step,
                begun_at=at - timedelta(seconds=seconds, minutes=30 * (len(ENDED) - number) if over else 0),
                changed_at=at,
                lease_until=at + timedelta(hours=2),
                holder="demo",
                words=words,
            )
            if over:
                end = call.begun_at + timedelta(seconds=seconds)
                call = replace(call, ended_at=end, how=step, ticket=ticket if step == "finished" else None)
            await database.write(lambda tx, call=call: calls.begin(tx, vault, call, 100))  # type: ignore[misc]


async def break_recording(data: Path, media_id: str) -> None:
    """Note a recording as one that could not be written down."""
    failed = {"transcript_state": TranscriptState.FAILED, "error": "the worker took longer than 120 seconds"}
    wanted = update(tables_media.media).where(tables_media.media.c.id == media_id).values(**failed)
    async with beside(data) as (database, _):
        await database.write(lambda tx: tx.connection.execute(wanted))


@asynccontextmanager
async def beside(data: Path) -> AsyncIterator[tuple[Database, Vault]]:
    """The store of a gateway that runs."""
    database = Database(f"sqlite+aiosqlite:///{data}/everyline.db")
    await database.open()
    try:
        yield database, Vault(open_key_file(data / "everyline.key"))
    finally:
        await database.close()
