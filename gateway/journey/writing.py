"""What is kept of a recording's words, whoever wrote them down and when.

The rows are the same for a call heard as it was spoken and for a recording transcribed later.
"""

import json
from dataclasses import dataclass
from typing import Any

from gateway.schema import State, TranscriptState
from gateway.schema_incoming import Heard
from store import history
from store.vault import SealingKey, Vault

# A recording of ten minutes has about two thousand words.
MOST_WORDS = 4000
# What `Written.file` says, of a file nobody has written down yet.
UNWRITTEN = ("timing_id", "transcript_id", "confidence", "seconds", "model", "peaks")


@dataclass(frozen=True, slots=True)
class Written:
    """The rows of a recording's words: `words` and `timing` sealed, the history's `entry`, and what its `file` is
    to say, which names both."""

    words: dict[str, object]
    timing: dict[str, object]
    entry: dict[str, object]
    file: dict[str, Any]


def down(
    vault: Vault,
    key: SealingKey | None,
    post_id: str,
    heard: Heard,
    *,
    before: State,
    after: State,
    reason: str | None = None,
) -> Written:
    """The rows of what was heard, of a post that went from one state to another by it, for the `reason` of a rule."""
    words = history.sealed_words(vault, key, post_id, history.What.TRANSCRIPT, heard.text)
    timed = json.dumps(heard.words[:MOST_WORDS], ensure_ascii=False)
    timing = history.sealed_words(vault, key, post_id, history.What.TIMING, timed)
    entry = history.entry(
        post_id,
        "rule",
        "transcribed",
        from_state=before,
        to_state=after,
        reason=reason[:64] if reason else None,
    )
    file = {
        "timing_id": timing["id"],
        "peaks": list(heard.peaks),
        "transcript_state": TranscriptState.DONE,
        "transcript_id": words["id"],
        "confidence": heard.confidence,
        "seconds": heard.seconds,
        "model": heard.model,
    }
    return Written(words, timing, entry, file)
