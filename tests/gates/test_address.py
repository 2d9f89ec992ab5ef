"""Which addresses count as public. The resolver is injected: no test asks DNS for anything but localhost."""

import asyncio

import pytest

from ultralearn.gates.address import AddressError, base_url, resolve, why_not_public


def reason(host, *addresses):
    async def resolver(name):
        return list(addresses)

    return asyncio.run(why_not_public(host, resolver))


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST.",
        "api.localhost",
        "films",
        "laptop.local",
        "box.lan",
        "nas.home.arpa",
        "service.internal",
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.1.2.3",
        "172.20.0.1",
        "192.168.1.10",
        "169.254.7.7",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "203.0.113.9",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fd12::1",
        "::ffff:127.0.0.1",
        "::ffff:192.168.0.1",
        "2002:7f00:1::1",
    ],
)
def test_local_hosts_are_not_public_whatever_a_resolver_says(host):
    assert reason(host, "93.184.215.14")


@pytest.mark.parametrize("host", ["93.184.215.14", "2606:4700:4700::1111", "::ffff:93.184.215.14"])
def test_public_addresses(host):
    assert reason(host) is None


def test_a_name_is_public_if_all_that_it_leads_to_is():
    assert reason("films.example.com", "93.184.215.14", "2606:4700:4700::1111") is None
    assert "127.0.0.1" in reason("films.example.com", "127.0.0.1")
    assert "10.0.0.8" in reason("films.example.com", "93.184.215.14", "10.0.0.8")
    assert "fe80::1%eth0" in reason("films.example.com", "fe80::1%eth0")
    assert "nonsense" in reason("films.example.com", "nonsense")
    assert "has no address" in reason("films.example.com")


def test_a_resolver_that_fails_or_hangs_makes_nothing_public(monkeypatch):
    async def fails(name):
        raise OSError("Name or service not known")

    async def breaks(name):
        raise ZeroDivisionError

    async def hangs(name):
        await asyncio.sleep(3600)

    monkeypatch.setattr("ultralearn.gates.address.RESOLVED_WITHIN", 0.05)
    assert "Name or service not known" in asyncio.run(why_not_public("films.example.com", fails))
    assert "has no address" in asyncio.run(why_not_public("films.example.com", breaks))
    assert "not resolved" in asyncio.run(why_not_public("films.example.com", hangs))


def test_the_real_resolver_knows_this_machine():
    assert set(asyncio.run(resolve("localhost"))) <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("https://films.example.com/", "https://films.example.com"),
        (" https://films.example.com/api/v1/ ", "https://films.example.com/api/v1"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_base_url(text, kept):
    assert str(base_url(text)).rstrip("/") == kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "films.example.com",
        "127.0.0.1:8000",
        "ftp://films.example.com",
        "http://",
        "file:///etc/passwd",
        "http://user:secret@films.example.com",
        "http://films.example.com/?k=1",
        "http://films.example.com/#top",
        "http://films.example.com:port",
        "http://\n",
    ],
)
def test_a_bad_address_is_refused_with_what_is_expected(text):
    with pytest.raises(AddressError, match=r"expected|instead") as error:
        base_url(text)
    assert "secret" not in str(error.value)
