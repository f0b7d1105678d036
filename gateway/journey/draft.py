"""One message while it is decided: what was prepared, who sent it, the facts of its batch, and the rows it leaves.

Also how anything is told to its sender. What is decided stands in `decision`, `asking` and `saying`.
"""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from gateway import clock
from gateway.journey import organisation, sender
from gateway.journey.placing import Filed
from gateway.runtime import Command, Question, Runtime
from gateway.schema import Verdict
from gateway.schema_incoming import Incoming, Taken
from gateway.schema_outgoing import Audience, Priority, Say
from store import deliveries
from store.facts import Facts, KnownQuestion, KnownThread
from store.incoming import Rows, payload_place
from store.vault import SealingKey


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message with all that can be said of it alone.

    `lookup` is the keyed hash of the sender's address, `number` the bare number a message is, `solved` what it says of
    an answer when it is only that, `mentioned` the tickets it names, `gists` what texts like it are found by, `filed`
    where it belongs, `network` the keyed hash of the one a page was used from. `private` when it asks for it; `cut`
    when it was too long.
    """

    incoming: Incoming
    text: str
    masked: str
    verdict: Verdict
    language: str | None
    lookup: str | None = None
    contact: str | None = None
    command: Command | None = None
    argument: str = ""
    quoted: str | None = None
    number: int | None = None
    solved: bool | None = None
    mentioned: tuple[str, ...] = ()
    gists: tuple[int, ...] = ()
    private: bool = False
    cut: bool = False
    outlet: str | None = None
    contact_outlet: str | None = None
    filed: Filed = field(default_factory=Filed)
    network: str | None = None


class Draft:
    """One message being decided: its sender settled first, then its rows added to those of the batch."""

    def __init__(self, runtime: Runtime, prepared: Prepared, facts: Facts, rows: Rows) -> None:
        self.runtime = runtime
        self.prepared = prepared
        self.incoming = prepared.incoming
        self.facts = facts
        self.rows = rows
        self.at = clock.now()
        self.sender = sender.settle(runtime.vault, prepared.incoming, prepared.lookup, facts, self.rows, self.at)
        self.address = self.sender.address
        if self.address:
            self.address.heard += 1
        self.language = self._language()

    @property
    def own_threads(self) -> list[KnownThread]:
        """The sender's threads, newest first."""
        return self.facts.own[self.sender.person].threads if self.sender.person in self.facts.own else []

    @property
    def asks_privacy(self) -> bool:
        """Whether the sender keeps it from the public."""
        return self.incoming.private or self.prepared.private

    @property
    def private(self) -> bool:
        """Whether it is kept from the public: by the sender, or for what it is about."""
        return self.asks_privacy or organisation.is_sensitive(self.runtime.settings, self.prepared.filed.category)

    @property
    def pays(self) -> bool:
        """Whether an answer on the sender's line costs money."""
        outlet = self.prepared.outlet
        return outlet is not None and self.runtime.channels[outlet].capabilities.paid

    def ticket(self) -> str:
        """A ticket that nobody has."""
        if not self.facts.tickets:
            raise RuntimeError("no unused ticket was drawn")
        return self.facts.tickets.pop()

    def reply(
        self,
        say: Say,
        *,
        post_id: str | None = None,
        despite_stop: bool = False,
        priority: Priority = Priority.RECEIPT,
    ) -> None:
        """Say something to the sender, on the line he spoke on; not more often than a person would write."""
        outlet, limit = self.prepared.outlet, self.runtime.settings.intake.replies_per_hour
        if self.address is None or outlet is None:
            return
        free = despite_stop or priority is Priority.EMERGENCY or not self.pays
        if not free and self.address.heard > limit:
            if self.address.heard > limit + 1:
                return
            say = Say("quiet")
        self.deliver(say, self.address.id, outlet, self.sender.key, priority, post_id, despite_stop=despite_stop)

    def deliver(
        self,
        say: Say,
        address_id: str,
        outlet: str,
        key: SealingKey,
        priority: Priority,
        post_id: str | None,
        *,
        despite_stop: bool = False,
    ) -> None:
        """Put something to say into the outbox; what must not be plain is sealed with `key`."""
        place = deliveries.secrets_place(post_id, say.phrase)
        sealed = self.runtime.vault.seal(json.dumps(say.secrets).encode(), place, key) if say.secrets else None
        self.rows.deliveries.append(
            deliveries.row(
                channel=outlet,
                kind=self.runtime.channels[outlet].capabilities.delivery,
                audience=Audience.AUTHOR,
                priority=priority,
                phrase=say.phrase,
                values=say.values,
                language=self.language,
                at=self.at,
                address_id=address_id,
                post_id=post_id,
                key=key if sealed else None,
                sealed=sealed,
                despite_stop=despite_stop,
            )
        )

    def ask(self, question: Question) -> None:
        """Make a question the one open question of the sender's line."""
        if self.address is None:
            return
        minutes = question.minutes or self.runtime.settings.intake.question_minutes
        expires_at = self.at + timedelta(minutes=minutes)
        self.address.question = KnownQuestion(question.kind, question.options, question.post_id, expires_at)
        self.rows.questions.append(
            {
                "address_id": self.address.id,
                "kind": question.kind,
                "post_id": question.post_id,
                "options": list(question.options),
                "expires_at": expires_at,
            }
        )

    def close_question(self) -> None:
        """The question is answered."""
        if self.address:
            self.address.question = None
            self.rows.answered.append(self.address.id)

    def remember(self, taken: Taken) -> dict[str, Any]:
        """The row that makes a repeat get the same answer; gives that answer as it is kept."""
        answer = {
            "outcome": taken.outcome,
            "phrase": taken.say.phrase,
            "values": taken.say.values,
            "language": taken.language,
            "ticket": taken.ticket,
            "post_id": taken.post_id,
            "state": taken.state,
            "code_sent": taken.code_sent,
        }
        incoming_id, key = clock.new_id(), self.sender.key
        self.rows.incoming.append(
            {
                "id": incoming_id,
                "channel": self.incoming.channel,
                "external_id": self.incoming.external_id,
                "address_id": self.address.id if self.address else None,
                "post_id": taken.post_id,
                "key_id": key.id,
                "sealed": self.runtime.vault.seal(self._payload(), payload_place(incoming_id), key),
                "answer": answer,
                "received_at": self.incoming.received_at,
                "taken_at": self.at,
            }
        )
        return answer

    def _language(self) -> str:
        """What the line chose; else the language it writes in now, or wrote in before; else the city's."""
        known, now = self.address, self.prepared.language
        if known is None:
            return now or self.runtime.settings.city.language
        if known.chosen and known.language:
            return known.language
        if now and now != known.language:
            self.rows.languages.append((known.id, now, False))
            known.language = now
        return known.language or self.runtime.settings.city.language

    def _payload(self) -> bytes:
        """What is kept, sealed, for finding faults: the carrier's bytes and what was typed beside the text."""
        kept = {
            "line": self.incoming.line,
            "name": self.incoming.name,
            "contact": self.incoming.contact,
            "raw": self.incoming.raw.decode("utf-8", "backslashreplace"),
        }
        return json.dumps({key: value for key, value in kept.items() if value}).encode()
