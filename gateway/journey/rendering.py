"""What a delivery says: its phrase in the reader's language, its codes turned into words, within the channel's limits.

Pure: what it needs of the post is handed in.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from channels.base import Channel
from gateway.journey.topics import ALL
from gateway.runtime import Runtime
from gateway.settings import OTHER, REASON
from store.changes import Changing
from store.participating import FOLLOWED

# A message is cut by shortening its free words, never its ticket or link.
SHORTEST_TEXT = 20


def render(
    runtime: Runtime,
    channel: Channel,
    phrase: str,
    language: str,
    values: Mapping[str, Any],
    secrets: Mapping[str, Any],
    post: Changing | None,
) -> str:
    """The words of one message. Free words are shortened until the whole fits the channel."""
    said = words(runtime, language, {**values, **secrets}, post)
    if post is not None:
        said.setdefault("ticket", post.ticket)
        said.setdefault("url", f"{runtime.settings.public_url}/posts/{post.ticket}")
        said.setdefault("text", post.text)
    text = str(said.get("text", ""))
    while True:
        message = runtime.phrase(phrase, language, said)
        if _fits(runtime, channel, message) or len(text) <= SHORTEST_TEXT:
            return message
        text = text[: max(SHORTEST_TEXT, int(len(text) * 0.8))].rstrip()
        said["text"] = text + "..."


def _fits(runtime: Runtime, channel: Channel, message: str) -> bool:
    limit = channel.capabilities.limit
    within = limit is None or len(message) <= limit
    return within and (not channel.capabilities.paid or channel.measure(message) <= runtime.settings.delivery.segments)


def words(runtime: Runtime, language: str, values: Mapping[str, Any], post: Changing | None = None) -> dict[str, Any]:
    """Codes as words: states, progress, reasons, departments."""
    said = dict(values)
    department = values.get("department") or (post.department if post else None)
    said["department"] = department_name(runtime, department, language)
    said["files"] = _files(runtime, language, values["files"], post) if values.get("files") else ""
    said["ask"] = runtime.phrase("ask_mark", language) if values.get("asks") else ""
    if topic := values.get("topic"):
        said["topic"] = topic_name(runtime, topic, language)
    if topics := values.get("topics"):
        said["topics"] = _listed((topic_name(runtime, topic, language) for topic in topics), language)
    if options := values.get("options"):
        said["options"] = _numbered(options, language)
    if state := values.get("state"):
        said["state"] = runtime.phrase(f"state_{state}", language)
    if progress := values.get("progress"):
        said["progress"] = runtime.phrase(f"progress_{progress}", language, said)
    if fault := values.get("fault"):
        said["fault"] = runtime.phrase(f"fault_{fault}", language, said)
        said["outlook"] = runtime.phrase("fault_heals" if values.get("heals") else "fault_act", language)
    if reason := values.get("reason"):
        note = values.get("note")
        # A city may have given up a reason that was told before.
        known = runtime.phrase(f"{REASON}{reason}", language) if reason in runtime.settings.reasons else ""
        said["reason"] = note if note and reason == OTHER else known
        if note and reason != OTHER:
            said["reason"] += f" ({note})"
    return said


def _files(runtime: Runtime, language: str, number: int, post: Changing | None) -> str:
    """How many photos came with an answer, and where they are seen: what is private, on its author's own page."""
    page = f"/posts/{post.ticket}" if post and not post.private else "/me"
    return runtime.phrase("answer_files", language, {"number": number, "url": runtime.settings.public_url + page})


def topic_name(runtime: Runtime, topic: str, language: str) -> str:
    """A topic (see `topics`) as people call it."""
    kind, _, name = topic.partition(":")
    if kind == ALL:
        return runtime.phrase("topic_all", language)
    if kind == FOLLOWED:
        return runtime.phrase("topic_phrase", language)
    if kind == "department":
        return department_name(runtime, name, language)
    categories = runtime.settings.known_categories if kind == "category" else ()
    known = next((one.name for one in categories if one.slug == name), None)
    return known.get(language, name) if known else name  # type: ignore[call-overload]


def _listed(names: Iterable[str], language: str) -> str:
    return ("、" if language == "zh" else ", ").join(names)


def _numbered(options: Sequence[Mapping[str, str]], language: str) -> str:
    """What may be chosen by its number: "1: 48217059 (street light broken)"."""
    said = []
    for number, option in enumerate(options, 1):
        about = f" ({option['text']})" if option["text"] else ""
        said.append(f"{number}: {option['ticket']}{about}")
    return ("；" if language == "zh" else "; ").join(said)


def department_name(runtime: Runtime, slug: str | None, language: str) -> str:
    """A department's name as people read it; the city itself when there is none."""
    for department in runtime.settings.known_departments:
        if department.slug == slug:
            return department.name.get(language) or department.slug  # type: ignore[call-overload]
    return runtime.phrase("department_none", language)
