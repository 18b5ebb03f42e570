"""Serves the upload API on 127.0.0.1: `python -m cli.api PORT`, the same application as in Lambda."""

from __future__ import annotations

import os
import sys
from getpass import getuser

import uvicorn

from cli.emf import deliver
from ingestion.handlers.upload_api_local import asgi
from ledgerlake.aws import Aws
from ledgerlake.logs import structured
from ledgerlake.settings import Settings

TENANT = "local"
"""There is one tenant on a laptop; who asks is the user who started the API, or another who is named."""


def main(port: int) -> None:
    """Serves until a signal ends it."""
    structured()
    settings = Settings.from_mapping(os.environ)
    aws, me, others = Aws(settings), getuser(), [name.strip() for name in settings.local_users.split(",")]
    claims = {name: _claims(settings, name) for name in filter(None, (me, *others))}
    app = asgi(settings, aws, claims[me], claims, emit=deliver(aws))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


def _claims(settings: Settings, name: str) -> dict[str, str]:
    return {"sub": name, settings.tenant_claim: TENANT, "scope": settings.decide_scope}


if __name__ == "__main__":
    main(int(sys.argv[1]))
