"""Sealing: opened only with the right key at the right place."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.errors import VaultError
from store.vault import Vault, open_key_file


def test_what_is_sealed_opens_with_its_key_at_its_place_only() -> None:
    vault = Vault(bytes(32))
    key, other = vault.new_key("k1"), vault.new_key("k2")
    sealed = vault.seal(b"secret", "posts.text:1", key)
    assert b"secret" not in sealed
    assert vault.open(sealed, "posts.text:1", key) == b"secret"
    for place, wrong in (("posts.text:2", key), ("posts.text:1", other), ("posts.text:1", None)):
        with pytest.raises(VaultError):
            vault.open(sealed, place, wrong)


def test_a_wrapped_key_opens_under_its_master_only() -> None:
    vault = Vault(bytes(32))
    key = vault.new_key("k1")
    assert vault.unwrap("k1", key.wrapped).raw == key.raw
    with pytest.raises(VaultError):
        Vault(b"x" * 32).unwrap("k1", key.wrapped)
    with pytest.raises(VaultError):
        vault.unwrap("k2", key.wrapped)


def test_addresses_are_found_by_a_hash_that_needs_the_master() -> None:
    assert Vault(bytes(32)).lookup("tel:+1") == Vault(bytes(32)).lookup("tel:+1")
    assert Vault(bytes(32)).lookup("tel:+1") != Vault(b"x" * 32).lookup("tel:+1")


def test_a_key_never_shows_itself() -> None:
    key = Vault(bytes(32)).new_key("k1")
    assert key.raw.hex() not in repr(key)
    assert repr(key.raw) not in repr(key)


def test_the_key_file_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "var" / "everyline.key"
    first = open_key_file(path)
    assert len(first) == 32
    assert open_key_file(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_processes_that_start_at_once_have_one_key(tmp_path: Path) -> None:
    for n in range(20):
        path = tmp_path / f"{n}.key"
        with ThreadPoolExecutor(4) as threads:
            assert len(set(threads.map(open_key_file, [path] * 4))) == 1
    assert len(list(tmp_path.iterdir())) == 20, "nothing else is left"


def test_a_damaged_key_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "everyline.key"
    path.write_text("not a key")
    with pytest.raises(VaultError, match=r"everyline\.key"):
        open_key_file(path)
    with pytest.raises(VaultError, match="32 bytes"):
        Vault(b"short")
