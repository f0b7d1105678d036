"""Sealing: what citizens said and how to reach them is unreadable without the master key, kept outside the database.

A master key of 32 random bytes gives, by HKDF-SHA-256, one key that wraps the keys of citizens and one that makes the
keyed hashes by which addresses are found. Each sealed value is AES-256-GCM with a fresh 96-bit nonce in front, bound to
its place by the associated data, so that a value cannot be moved to another row.
"""

import contextlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway import clock
from gateway.errors import VaultError

KEY_BYTES = 32
NONCE_BYTES = 12


@dataclass(frozen=True, slots=True, repr=False)
class SealingKey:
    """A key as it is used: `raw` never leaves the process, `wrapped` is what the table `keys` holds."""

    id: str
    raw: bytes
    wrapped: bytes


class Vault:
    """Seals and opens with the master key and the keys under it."""

    def __init__(self, master: bytes) -> None:
        if len(master) != KEY_BYTES:
            raise VaultError(f"the master key must be {KEY_BYTES} bytes, not {len(master)}")
        self._wrapping = AESGCM(_derive(master, b"wrap"))
        self._own = _derive(master, b"own")
        self._lookup = _derive(master, b"lookup")

    def lookup(self, value: str) -> str:
        """The keyed hash by which a value (an address, a code) is found without being readable."""
        return hmac.digest(self._lookup, value.encode(), "sha256").hex()

    def new_key(self, key_id: str) -> SealingKey:
        """A fresh key for a citizen."""
        raw = clock.random_bytes(KEY_BYTES)
        return SealingKey(key_id, raw, _seal(self._wrapping, raw, key_id))

    def unwrap(self, key_id: str, wrapped: bytes) -> SealingKey:
        """The key that a row of `keys` holds. Raises `VaultError` under another master key."""
        return SealingKey(key_id, _open(self._wrapping, wrapped, key_id), wrapped)

    def seal(self, value: bytes, place: str, key: SealingKey | None = None) -> bytes:
        """Seal a value to its place (`table.column:row id`), with a citizen's key or else the gateway's own."""
        return _seal(AESGCM(key.raw if key else self._own), value, place)

    def open(self, sealed: bytes, place: str, key: SealingKey | None = None) -> bytes:
        """Open what `seal` sealed for the same place and key. Raises `VaultError` otherwise."""
        return _open(AESGCM(key.raw if key else self._own), sealed, place)


def open_key_file(path: Path) -> bytes:
    """The master key, made at the first start (mode 0600, on disk before it is used)."""
    if not path.exists():
        _make_key_file(path)
    try:
        return bytes.fromhex(path.read_text().strip())
    except ValueError as error:
        raise VaultError(f"{path} does not hold a key of {KEY_BYTES} bytes in hexadecimal") from error


def _make_key_file(path: Path) -> None:
    """Write a key beside the file and put it there whole; of several processes that start at once one is first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.new-{secrets.token_hex(8)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES).hex().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(beside, path)
    finally:
        beside.unlink()


def _derive(master: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=b"everyline:" + purpose).derive(master)


def _seal(cipher: AESGCM, value: bytes, place: str) -> bytes:
    nonce = clock.random_bytes(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, value, place.encode())


def _open(cipher: AESGCM, sealed: bytes, place: str) -> bytes:
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.encode())
    except (InvalidTag, ValueError) as error:
        raise VaultError(f"what is kept at {place} cannot be opened") from error
