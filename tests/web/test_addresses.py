import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from gateway.web import addresses

PROXIES = ("192.0.2.0/24", "2001:db8:ffff::1")


class Transport:
    """Knows only who is at the other end."""

    def __init__(self, peer: str) -> None:
        self._peer = peer

    def get_extra_info(self, name: str, default: object = None) -> object:
        return (self._peer, 5000) if name == "peername" else default

    def is_closing(self) -> bool:
        return False


@pytest.mark.parametrize(
    ("peer", "lines", "client"),
    [
        ("198.51.100.7", [], "198.51.100.7"),
        ("198.51.100.7", ["203.0.113.9"], "198.51.100.7"),  # a stranger says whom he speaks for
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["203.0.113.9"], "203.0.113.9"),
        ("192.0.2.1", ["10.0.0.1, 203.0.113.9"], "203.0.113.9"),  # the citizen wrote the first himself
        ("192.0.2.1", ["10.0.0.1", "203.0.113.9"], "203.0.113.9"),  # a proxy that adds a line of its own
        ("192.0.2.1", ["203.0.113.9, 192.0.2.2"], "203.0.113.9"),
        ("192.0.2.1", ["192.0.2.3, 192.0.2.2"], "192.0.2.3"),
        ("192.0.2.1", ["unknown"], "unknown"),
        ("2001:db8:ffff::1", ["2001:db8::5"], "2001:db8::5"),
        ("::ffff:192.0.2.1", ["203.0.113.9"], "203.0.113.9"),
    ],
)
def test_the_client_is_the_nearest_that_is_no_proxy_of_ours(peer: str, lines: list[str], client: str) -> None:
    headers = CIMultiDict([("X-Forwarded-For", line) for line in lines])
    request = make_mocked_request("GET", "/", headers=headers, transport=Transport(peer))
    assert addresses.client(request, PROXIES) == client


@pytest.mark.parametrize(
    ("address", "household"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("nonsense", "nonsense"),
    ],
)
def test_a_household_is_one_ipv4_address_or_one_64(address: str, household: str) -> None:
    assert addresses.household(address) == household


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.1", False),
        ("", False),
    ],
)
def test_this_machine_is_known(address: str, here: bool) -> None:
    assert addresses.is_loopback(address) is here
