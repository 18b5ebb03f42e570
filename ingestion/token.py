"""The bearer token of a program that calls the upload API: OAuth 2.0 client credentials (RFC 6749, section 4.4)."""

from __future__ import annotations

import base64
import json
from urllib.error import HTTPError
from urllib.parse import quote_plus, urlencode
from urllib.request import Request, urlopen

from ledgerlake.aws import Aws
from ledgerlake.errors import ConfigurationError, TransientError
from ledgerlake.secret import read_secret

TIMEOUT = 10.0
NEEDED = ("token_url", "client_id", "client_secret")


def fetch(aws: Aws, secret: str) -> str:
    """A fresh access token, for the client that this secret of Secrets Manager describes.

    The secret is a JSON object with `token_url`, `client_id`, `client_secret`, and `scope` if one is needed.

    Raises:
        ConfigurationError: the secret is missing or incomplete, or the issuer refuses the client.
        TransientError: the issuer is out of reach.
    """
    found = _secret(aws, secret)
    if not found["token_url"].startswith("https://") and aws.settings.endpoint_url is None:
        msg = f"token_url of the secret {secret} must begin with https://"
        raise ConfigurationError(msg)
    scope = {"scope": found["scope"]} if "scope" in found else {}
    pair = f"{quote_plus(found['client_id'])}:{quote_plus(found['client_secret'])}"
    request = Request(  # noqa: S310  # https, as checked above
        found["token_url"],
        data=urlencode({"grant_type": "client_credentials", **scope}).encode(),
        headers={"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"},
        method="POST",
    )
    try:
        with urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310  # as above
            return str(json.loads(answer.read())["access_token"])
    except HTTPError as error:
        with error:
            msg = f"the issuer refuses the client of the secret {secret}: {error.code}"
        raise ConfigurationError(msg) from error
    except OSError as error:
        msg = f"the issuer of tokens: {error}"
        raise TransientError(msg) from error
    except (ValueError, KeyError, TypeError) as error:
        msg = "the issuer's answer has no access_token"
        raise ConfigurationError(msg) from error


def _secret(aws: Aws, secret: str) -> dict[str, str]:
    try:
        members = json.loads(read_secret(aws, secret))
    except ValueError:
        members = None
    missing = [name for name in NEEDED if not isinstance(members, dict) or not isinstance(members.get(name), str)]
    if missing:
        msg = f"the secret {secret} must be a JSON object with {', '.join(NEEDED)}; missing: {', '.join(missing)}"
        raise ConfigurationError(msg)
    return dict(members)
