"""A token leaves this process in a header only, and never without TLS."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from cli.person import TOKEN, client_of
from cli.shell import Shell
from ledgerlake.errors import ConfigurationError


def shell(folder: Path, url: str, token: str = "") -> Shell:
    return Shell(folder, {"LEDGERLAKE_API_URL": url, TOKEN: token})


@pytest.mark.parametrize("url", ["https://api.example.com", "http://127.0.0.1:8000", "http://localhost:8000"])
def test_the_token_of_the_environment_is_sent(tmp_path: Path, url: str) -> None:
    client = client_of(shell(tmp_path, url, "abc"), Namespace(person="colleague"))
    assert (client.url, client.token, client.person) == (url, "abc", "colleague")


def test_without_a_token_none_is_sent(tmp_path: Path) -> None:
    client = client_of(shell(tmp_path, "http://api.example.com"), Namespace())
    assert not client.token
    assert client.person is None


def test_a_token_never_travels_without_tls(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="has no TLS: name the API by an https:// address"):
        client_of(shell(tmp_path, "http://127.0.0.1.example.com", "abc"), Namespace())
