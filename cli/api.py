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
"""There is one tenant on a laptop; who uploads is the user who started the API."""


def main(port: int) -> None:
    """Serves until a signal ends it."""
    structured()
    settings = Settings.from_mapping(os.environ)
    claims = {"sub": getuser(), settings.tenant_claim: TENANT, "scope": settings.decide_scope}
    aws = Aws(settings)
    uvicorn.run(asgi(settings, aws, claims, emit=deliver(aws)), host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main(int(sys.argv[1]))
