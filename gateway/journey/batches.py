"""One decision about several posts: each is decided by itself, what hinders one hinders no other, and one undo takes
all of them back."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from gateway import clock
from gateway.errors import BadInput, EverylineError
from gateway.journey import moderation
from gateway.runtime import Runtime
from gateway.schema import Action

MOST = 200


@dataclass(frozen=True, slots=True)
class Chosen:
    """A post that was chosen, and the version of it that was seen."""

    post_id: str
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one of them: its new version, or why not."""

    post_id: str
    version: int | None = None
    problem: EverylineError | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of all, in the order they were given; `decision_id` names them for the undo."""

    decision_id: str
    results: Sequence[Result]


async def decide(
    runtime: Runtime,
    chosen: Sequence[Chosen],
    action: Action,
    *,
    actor: str,
    reason: str | None = None,
    note: str | None = None,
    unless_held: bool = False,
) -> Batch:
    """Decide posts as `moderation.decide` does, each with all that say the same.

    Raises `BadInput` for none or too many, and for a missing reason; all else is told of each.
    """
    if action not in moderation.GROUPED:
        raise BadInput("choose what to do", "action")
    if not 0 < len(chosen) <= MOST:
        raise BadInput(f"choose one to {MOST} posts", "post")
    decision_id = clock.new_id()

    async def one(post: Chosen) -> Result:
        try:
            version = await moderation.decide(
                runtime,
                post.post_id,
                action,
                actor=actor,
                reason=reason,
                note=note,
                version=post.version,
                alike=True,
                decision_id=decision_id,
                unless_held=unless_held,
            )
        except BadInput as error:
            if error.field in ("reason", "note"):
                raise  # it is missing for all of them
            return Result(post.post_id, problem=error)
        except EverylineError as error:
            return Result(post.post_id, problem=error)
        return Result(post.post_id, version)

    # The writer takes all that wait into one commit, each in a savepoint of its own.
    results = await asyncio.gather(*(one(post) for post in {post.post_id: post for post in chosen}.values()))
    return Batch(decision_id, results)
