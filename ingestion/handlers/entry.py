"""What the entry points share: each builds its dependencies from the environment, once, at its first call."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from aws_lambda_powertools.utilities.typing import LambdaContext

from ledgerlake.aws import Aws
from ledgerlake.logs import structured
from ledgerlake.settings import Settings

Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]
Built = TypeVar("Built")


def at_first_call(build: Callable[[Settings, Aws], Built]) -> Callable[[], Built]:
    """What `build` makes of the environment; made by the first call, the same for every other."""

    @cache
    def built() -> Built:
        structured()
        settings = Settings.from_mapping(os.environ)
        return build(settings, Aws(settings))

    return built
