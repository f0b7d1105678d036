"""Whose message it is: an address we know, a new one with the rows it needs, or a line that is withheld."""

from dataclasses import dataclass, replace
from datetime import datetime

from gateway import clock
from gateway.schema_incoming import Incoming
from store import citizens
from store.facts import Facts, KnownAddress
from store.incoming import Rows
from store.vault import SealingKey, Vault


@dataclass(frozen=True, slots=True)
class Sender:
    """Who speaks: `address` is None for a withheld line; `person` is the same for all lines somebody linked."""

    address: KnownAddress | None
    citizen_id: str
    person: str
    key: SealingKey


def settle(vault: Vault, incoming: Incoming, lookup: str | None, facts: Facts, rows: Rows, at: datetime) -> Sender:
    """Find or make the sender. A withheld line makes a citizen without address, so that a key of his seals it."""
    known = facts.addresses.get(lookup) if lookup else None
    if known and known.citizen_id and known.person:
        return Sender(known, known.citizen_id, known.person, vault.unwrap(known.key_id, known.wrapped))
    citizen_id = clock.new_id()
    rows.citizens.append({"id": citizen_id, "created_at": at})
    if known:
        # Somebody typed this number into a form before; now it speaks for itself.
        known = replace(known, citizen_id=citizen_id, person=citizen_id)
        rows.claimed.append(known)
    elif lookup and incoming.address:
        known = new_address(vault, lookup, incoming.address, citizen_id, None, rows, at)
    else:
        return Sender(None, citizen_id, citizen_id, _new_key(vault, citizen_id, rows, at))
    facts.addresses[lookup or ""] = known
    return Sender(known, citizen_id, citizen_id, vault.unwrap(known.key_id, known.wrapped))


def new_address(
    vault: Vault, lookup: str, urn: str, citizen_id: str | None, language: str | None, rows: Rows, at: datetime
) -> KnownAddress:
    """An address met for the first time, with a key of its own; `citizen_id` is None for a contact not proved."""
    key, address_id = _new_key(vault, citizen_id, rows, at), clock.new_id()
    rows.addresses.append(
        {
            "id": address_id,
            "citizen_id": citizen_id,
            "scheme": scheme(urn),
            "lookup": lookup,
            "key_id": key.id,
            "sealed": vault.seal(urn.encode(), citizens.address_place(address_id), key),
            "language": language,
            "created_at": at,
        }
    )
    return KnownAddress(address_id, citizen_id, citizen_id, key.id, key.wrapped, language, stopped=False)


def scheme(urn: str | None) -> str:
    """The scheme of a URN (`tel`, `web`), empty for none."""
    return urn.partition(":")[0] if urn else ""


def _new_key(vault: Vault, citizen_id: str | None, rows: Rows, at: datetime) -> SealingKey:
    key = vault.new_key(clock.new_id())
    rows.keys.append({"id": key.id, "citizen_id": citizen_id, "wrapped": key.wrapped, "created_at": at})
    return key
