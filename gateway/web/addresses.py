"""Who asks, by network address: the nearest that is not one of our own proxies."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp import web


def client(request: web.Request, trusted: tuple[str, ...]) -> str:
    """The address a request came from. X-Forwarded-For is read from the right, as far as trusted proxies wrote it."""
    # Proxies may add a line of their own instead of lengthening the one that came: all lines together are the way.
    way = ",".join(request.headers.getall("X-Forwarded-For", ()))
    hops = [hop.strip() for hop in way.split(",") if hop.strip()]
    nearest = request.remote or ""
    while hops and is_among(nearest, trusted):
        nearest = hops.pop()
    return nearest


def household(address: str) -> str:
    """What limits count by: an IPv4 address, or the /64 of an IPv6 one, which one subscriber has whole."""
    parsed = _parsed(address)
    if parsed is None:
        return address
    return str(IPv6Network((parsed, 64), strict=False)) if isinstance(parsed, IPv6Address) else str(parsed)


def coarse(address: str) -> str | None:
    """Roughly where an address is: enough to tell a strange place from one's own, not to find anybody."""
    parsed = _parsed(address)
    if parsed is None:
        return None
    return str(ip_network((parsed, 32 if isinstance(parsed, IPv6Address) else 16), strict=False))


def is_among(address: str, networks: tuple[str, ...]) -> bool:
    """Whether an address lies in one of these networks."""
    parsed = _parsed(address)
    return parsed is not None and any(parsed in ip_network(network, strict=False) for network in networks)


def is_loopback(address: str) -> bool:
    """Whether a request came from this machine."""
    parsed = _parsed(address)
    return parsed is not None and parsed.is_loopback


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    # A socket for both kinds shows IPv4 as ::ffff:192.0.2.1; all of them would be one household.
    return (parsed.ipv4_mapped or parsed) if isinstance(parsed, IPv6Address) else parsed
