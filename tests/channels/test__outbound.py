"""Calls to addresses others chose: nothing inside is ever connected to, however it is written or looked up."""

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from channels import _outbound
from channels.failures import Refused, RetryLater
from gateway.errors import BadInput
from gateway.runtime import Runtime
from tests.channels.subscribed import adapter, message

INSIDE = [
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0177.0.0.1/",
    "https://0x7f.1/",
    "https://0x7f000001/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::]/",
    "https://0.0.0.0/",
    "https://10.1.2.3/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data",
    "https://100.64.0.1/",
    "https://[fe80::1]/",
    "https://[fd00::1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b:1::7f00:1]/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://127.0.0.1./",
    "https://１２７.0.0.1/",
    "https://224.0.0.1/",
    "https://localhost/",
    "https://localhost./",
    "https://db.internal/",
    "https://city.example/in",
    "https://CITY.example./in",
    "http://example.org/",
    "ftp://example.org/",
    "https://user:pass@example.org/",
    "https://example.org/#part",
    "https://",
    "example.org",
    "https://example.org:99999/",
    "https://example.org/" + "x" * 1000,
]


@pytest.mark.parametrize("url", INSIDE)
async def test_addresses_that_are_ours_or_private_are_not_taken(runtime: Runtime, url: str) -> None:
    with pytest.raises(BadInput):
        adapter(runtime).admit(url)
    with pytest.raises(Refused):
        await adapter(runtime).send(message(url))


@pytest.mark.parametrize("url", ["https://example.org/in?x=1", "https://8.8.8.8/", "https://[2606:4700::1111]:8443/"])
def test_public_addresses_are_taken(runtime: Runtime, url: str) -> None:
    admitted = adapter(runtime).admit(url)
    assert admitted.address.startswith(f"hook:{url}#whsec_")
    assert admitted.secret not in repr(admitted)


@pytest.mark.parametrize("leads_to", ["127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1"])
async def test_a_name_that_leads_inside_is_not_connected_to(
    runtime: Runtime, leads_to: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As whoever owns a domain can arrange: the name looks honest, and its address record names our network."""
    reached = asyncio.Event()

    def came(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        writer.close()

    host = leads_to if leads_to in ("127.0.0.1", "::1") else "127.0.0.1"
    server = await asyncio.start_server(came, host, 0)
    port = server.sockets[0].getsockname()[1]
    family = 10 if ":" in leads_to else 2

    async def lookup(*_args: Any, **_more: Any) -> list[Any]:
        return [(family, 1, 6, "", (leads_to, port, 0, 0) if family == 10 else (leads_to, port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lookup)
    with pytest.raises(RetryLater, match="not on the public internet"):
        await adapter(runtime).send(message(f"https://harmless.example:{port}/"))
    assert not reached.is_set()
    server.close()


@pytest.mark.parametrize("written", ["2130706433", "0177.0.0.1", "127.1", "not an address", "127.0.0.1", "::1"])
def test_no_socket_is_made_for_what_is_not_public(written: str) -> None:
    with pytest.raises(_outbound.NotPublic):
        _outbound.public_socket((2, 1, 6, "", (written, 443)))


async def test_a_certificate_that_proves_nothing_gets_no_message(runtime: Runtime, tmp_path: Path) -> None:
    made = tmp_path / "made.pem"
    made.write_bytes(own_certificate())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made)
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(RetryLater, match="certificate"):
        await adapter(runtime, allow_any_address=True).send(message(f"https://127.0.0.1:{port}/"))
    server.close()


def own_certificate() -> bytes:
    """A key and a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
    signed = made.not_valid_after(datetime(2100, 1, 1, tzinfo=UTC)).sign(key, hashes.SHA256())
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    return key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + signed.public_bytes(pem)
