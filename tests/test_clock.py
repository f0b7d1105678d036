"""Randomness drawn by the page: each byte given once, and not to a forked child too."""

import os

from gateway import clock


def test_each_byte_is_given_once() -> None:
    drawn = [clock.random_bytes(count) for count in (8, 12, 32, 4096, 1) * 50]
    assert [len(one) for one in drawn] == [8, 12, 32, 4096, 1] * 50
    keys = [one for one in drawn if len(one) == 32]
    assert len(set(keys)) == len(keys)


def test_a_child_draws_its_own() -> None:
    clock.random_bytes(1)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, clock.random_bytes(32))
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with open(reading, "rb") as theirs:
        assert theirs.read() != clock.random_bytes(32)
