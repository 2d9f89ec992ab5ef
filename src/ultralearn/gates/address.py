"""Where an address leads: out into the internet, or no further than this machine and its network."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable

import httpx2 as httpx

from ultralearn import UltralearnError

Resolver = Callable[[str], Awaitable[list[str]]]

# Names that are never the same service to everybody (RFC 6761, 6762, 8375; ICANN's .internal; home routers' .lan).
LOCAL_NAMES = ("localhost", "local", "internal", "home.arpa", "lan")


RESOLVED_WITHIN = 10.0  # seconds


class AddressError(UltralearnError, ValueError):
    """The address cannot be that of a service; the message says what is expected."""


def base_url(text: str) -> httpx.URL:
    """The address of a service, checked, without a slash at its end. Raises AddressError."""
    expected = "expected something like https://recommender.example.com or http://127.0.0.1:8000"
    try:
        url = httpx.URL(text.strip())
    except httpx.InvalidURL as error:
        raise AddressError(f"{text!r} is not an address ({error}); {expected}") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise AddressError(f"{text!r} has no http:// or https:// and a host; {expected}")
    if url.userinfo:
        raise AddressError(
            "The address holds a name or a password, which would end up in reports; use --header instead."
        )
    if url.query or url.fragment:
        raise AddressError(f"{text!r} has a part after '?' or '#'; {expected}")
    return url.copy_with(path=url.path.rstrip("/") or "/")


async def resolve(host: str) -> list[str]:
    """The IP addresses of a host, by this machine's own resolver: DNS, and the hosts file. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return sorted({str(entry[4][0]) for entry in found})


async def why_not_public(host: str, resolver: Resolver) -> str | None:
    """Why nobody else could reach this host; None where it is on the public internet.

    Public means that every address that the name leads to is one, and that the name is nobody's private one.
    """
    name = host.rstrip(".").lower()
    literal = _parsed(name)
    if literal is None:
        if "." not in name or any(name.endswith(f".{ending}") for ending in LOCAL_NAMES):
            return f"{host} is a name that means something on your own network only"
        try:
            addresses = await asyncio.wait_for(resolver(name), RESOLVED_WITHIN)
        except TimeoutError:
            return f"{host} was not resolved within {RESOLVED_WITHIN:g} s"
        except Exception as error:  # whatever a resolver does, the host is not known to be public
            return f"{host} has no address ({error})"
    else:
        addresses = [name]
    if not addresses:
        return f"{host} has no address"
    for address in addresses:
        if not _is_public(address):
            led = "" if literal else f"{host} leads to "
            return f"{led}{address}, which no one outside your machine or network can reach"
    return None


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _is_public(address: str) -> bool:
    ip = _parsed(address)
    if isinstance(ip, ipaddress.IPv6Address):
        # An IPv4 address in IPv6's clothes is judged as what it is.
        teredo = ip.teredo
        ip = ip.ipv4_mapped or ip.sixtofour or (teredo[1] if teredo else ip)
    return ip is not None and ip.is_global and not ip.is_multicast
