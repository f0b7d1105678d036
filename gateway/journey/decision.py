"""One message being decided: its sender settled first, then the rows it leaves gathered, then its answer."""

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from gateway import clock
from gateway.journey import folding, identity, masking
from gateway.runtime import Asked, Command, Reply, Runtime
from gateway.schema import (
    Audience,
    Incoming,
    IncomingMedia,
    MediaState,
    Outcome,
    Priority,
    Ruling,
    Say,
    State,
    Taken,
    TranscriptState,
    Verdict,
)
from store import citizens, deliveries, history
from store.incoming import Facts, KnownAddress, KnownThread, Rows
from store.vault import SealingKey

# A recording is announced before it can be fetched; the carrier's callback makes it due sooner.
FIRST_FETCH = timedelta(seconds=15)
RULED = {Ruling.BLOCK: State.REJECTED, Ruling.HOLD: State.HELD}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message with all that can be said of it alone. `lookup` is the keyed hash of the sender's address."""

    incoming: Incoming
    text: str
    masked: str
    verdict: Verdict
    language: str | None
    lookup: str | None
    contact: str | None
    command: Command | None
    argument: str
    quoted: str | None
    outlet: str | None
    contact_outlet: str | None


class Decision:
    """One message being decided: its sender settled first, then its rows gathered."""

    def __init__(self, runtime: Runtime, prepared: Prepared, facts: Facts) -> None:
        self.runtime = runtime
        self.prepared = prepared
        self.incoming = prepared.incoming
        self.facts = facts
        self.rows = Rows()
        self.at = clock.now()
        self.post_id: str | None = None
        self.address, self.citizen_id, self.key = self._sender()
        known = self.address.language if self.address else None
        self.language = prepared.language or known or runtime.settings.city.language

    def obey(self, command: Command) -> Taken:
        """Run a command with the thread it quotes."""
        quoted = self.prepared.quoted
        thread: KnownThread | None = self.facts.threads.get(quoted) if quoted else None
        return self.answer(command.run(Asked(self.prepared.argument, self.address, quoted, thread)))

    def answer(self, reply: Reply) -> Taken:
        """Say something back without making a post."""
        if self.address:
            if reply.stop or reply.start:
                self.rows.standing.append((self.address.id, reply.stop))
            if reply.follow:
                self.rows.subscriptions.append(self._subscription(self.address.id, reply.follow))
        if not self.incoming.carrier_replied:
            self._reply(reply.say, despite_stop=reply.stop or reply.start)
        return Taken(Outcome.COMMAND, reply.say, self.language)

    def post(self) -> Taken:
        """Make the first post of a new thread."""
        if not self.facts.tickets:
            raise RuntimeError("no unused ticket was drawn")
        ticket, state = self.facts.tickets.pop(), RULED.get(self.prepared.verdict.ruling, State.PENDING)
        self.post_id = clock.new_id()
        self.rows.posts.append(self._post_row(self.post_id, ticket, state))
        original = history.sealed_words(
            self.runtime.vault, self.key, self.post_id, history.What.ORIGINAL, self.prepared.text
        )
        self.rows.words.append(original)
        self.rows.history.append(history.entry(self.post_id, "author", "taken", to_state=State.PENDING))
        if state is not State.PENDING:
            self.rows.history.append(self._ruling(self.post_id, state))
        self.rows.media.extend(self._media_row(self.post_id, media) for media in self.incoming.media)
        say = Say(self._receipt(), {"ticket": ticket})
        self._reply(say, post_id=self.post_id)
        code_sent = self._challenge(ticket) if self.prepared.contact else False
        return Taken(Outcome.POST, say, self.language, ticket, self.post_id, state, code_sent)

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
        incoming_id = clock.new_id()
        self.rows.incoming.append(
            {
                "id": incoming_id,
                "channel": self.incoming.channel,
                "external_id": self.incoming.external_id,
                "address_id": self.address.id if self.address else None,
                "post_id": taken.post_id,
                "key_id": self.key.id,
                "sealed": self.runtime.vault.seal(self._payload(), f"incoming.sealed:{incoming_id}", self.key),
                "answer": answer,
                "received_at": self.incoming.received_at,
                "taken_at": self.at,
            }
        )
        return answer

    def _sender(self) -> tuple[KnownAddress | None, str, SealingKey]:
        """Whose message this is. A withheld line makes a citizen without address, so that a key of his seals it."""
        lookup = self.prepared.lookup
        known = self.facts.addresses.get(lookup) if lookup else None
        if known and known.citizen_id:
            return known, known.citizen_id, self.runtime.vault.unwrap(known.key_id, known.wrapped)
        citizen_id = clock.new_id()
        self.rows.citizens.append({"id": citizen_id, "language": None, "created_at": self.at})
        if known:
            # Somebody typed this number into a form before; now it speaks for itself.
            claimed = replace(known, citizen_id=citizen_id)
            self.rows.claimed.append(claimed)
        elif lookup and self.incoming.address:
            claimed = self._new_address(lookup, self.incoming.address, citizen_id, self.prepared.language)
        else:
            key = self._new_key(citizen_id)
            return None, citizen_id, key
        self.facts.addresses[self.prepared.lookup or ""] = claimed
        return claimed, citizen_id, self.runtime.vault.unwrap(claimed.key_id, claimed.wrapped)

    def _new_key(self, citizen_id: str | None) -> SealingKey:
        key = self.runtime.vault.new_key(clock.new_id())
        row = {"id": key.id, "citizen_id": citizen_id, "wrapped": key.wrapped, "created_at": self.at}
        self.rows.keys.append(row)
        return key

    def _new_address(self, lookup: str, urn: str, citizen_id: str | None, language: str | None) -> KnownAddress:
        key, address_id = self._new_key(citizen_id), clock.new_id()
        self.rows.addresses.append(
            {
                "id": address_id,
                "citizen_id": citizen_id,
                "scheme": scheme(urn),
                "lookup": lookup,
                "key_id": key.id,
                "sealed": self.runtime.vault.seal(urn.encode(), citizens.address_place(address_id), key),
                "language": language,
                "created_at": self.at,
            }
        )
        return KnownAddress(address_id, citizen_id, key.id, key.wrapped, language, stopped=False)

    def _challenge(self, ticket: str) -> bool:
        """Send a code to the typed contact, unless it is the sender's own already; nothing else goes there."""
        lookup, urn = self.prepared.contact or "", self.incoming.contact or ""
        contact = self.facts.addresses.get(lookup)
        if contact and contact.citizen_id == self.citizen_id:
            return False
        if contact is None:
            contact = self._new_address(lookup, urn, None, self.language)
            self.facts.addresses[lookup] = contact
        key = self.runtime.vault.unwrap(contact.key_id, contact.wrapped)
        code, challenge_id = identity.new_code(), clock.new_id()
        self.rows.challenges.append(
            {
                "id": challenge_id,
                "citizen_id": self.citizen_id,
                "address_id": contact.id,
                "post_id": self.post_id,
                "code_hash": self.runtime.vault.lookup(f"code:{challenge_id}:{code}"),
                "expires_at": self.at + timedelta(minutes=self.runtime.settings.intake.code_minutes),
                "created_at": self.at,
            }
        )
        say = Say("code", {"ticket": ticket}, {"code": code})
        self._deliver(say, contact.id, self.prepared.contact_outlet or "", key, Priority.ANSWER, self.post_id)
        return True

    def _reply(self, say: Say, *, post_id: str | None = None, despite_stop: bool = False) -> None:
        if self.address and self.prepared.outlet:
            self._deliver(
                say,
                self.address.id,
                self.prepared.outlet,
                self.key,
                Priority.RECEIPT,
                post_id,
                despite_stop=despite_stop,
            )

    def _deliver(
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

    def _subscription(self, address_id: str, topic: str) -> dict[str, Any]:
        return {"id": clock.new_id(), "address_id": address_id, "topic": topic, "created_at": self.at}

    def _post_row(self, post_id: str, ticket: str, state: State) -> dict[str, Any]:
        incoming, verdict = self.incoming, self.prepared.verdict
        place = incoming.place
        return {
            "id": post_id,
            "thread_id": post_id,
            "ticket": ticket,
            "kind": incoming.kind,
            "state": state,
            "text": self.prepared.masked,
            "channel": incoming.channel,
            "citizen_id": self.citizen_id,
            "category": incoming.category,
            "place": place.name and masking.mask_as_set(self.runtime.settings, folding.clean(place.name, 200)),
            "lat": place.lat,
            "lon": place.lon,
            "language": self.language,
            "private": incoming.private,
            "ruling": verdict.ruling,
            "rules": list(verdict.rules),
            "created_at": self.at,
        }

    def _ruling(self, post_id: str, state: State) -> dict[str, Any]:
        reason = self.prepared.verdict.rules[0][:64] if self.prepared.verdict.rules else None
        return history.entry(post_id, "rule", "judged", from_state=State.PENDING, to_state=state, reason=reason)

    def _media_row(self, post_id: str, media: IncomingMedia) -> dict[str, Any]:
        spoken = media.type.startswith("audio/")
        return {
            "id": clock.new_id(),
            "post_id": post_id,
            "channel": self.incoming.channel,
            "external_id": media.external_id,
            "url": media.url,
            "type": media.type,
            "language": media.language,
            "state": MediaState.DUE,
            "public": False,
            "transcript_state": TranscriptState.DUE if spoken else TranscriptState.NONE,
            "due_at": self.at + FIRST_FETCH,
            "created_at": self.at,
        }

    def _receipt(self) -> str:
        if self.incoming.private:
            return "received_private"
        if self.incoming.media and not self.prepared.text:
            return "received_call"
        return "received" if self.prepared.outlet else "received_form"

    def _payload(self) -> bytes:
        """What is kept, sealed, for finding faults: the carrier's bytes and what was typed beside the text."""
        kept = {
            "line": self.incoming.line,
            "name": self.incoming.name,
            "contact": self.incoming.contact,
            "raw": self.incoming.raw.decode("utf-8", "backslashreplace"),
        }
        return json.dumps({key: value for key, value in kept.items() if value}).encode()


def scheme(urn: str | None) -> str:
    """The scheme of a URN (`tel`, `web`), empty for none."""
    return urn.partition(":")[0] if urn else ""
