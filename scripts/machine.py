"""Find a Python and a Java on this machine that really run: each candidate is started before it is believed.

A name on PATH proves nothing: pyenv leaves a `python3.13` that only prints an error, Debian a Python without
`ensurepip`, and a Java can be of any version.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PYTHONS = ("3.13", "3.12", "3.11")
"""Best first; 3.13 is what Glue 6.0 runs."""

JAVAS = ("17", "21")
"""Best first; 17 is what Glue 6.0 runs."""

PYTHON_PROBE = "import ctypes, ensurepip, ssl, sys, venv; print('%d.%d' % sys.version_info[:2])"

JAVA_SHIM = """#!/bin/sh
# Spark asks for a module that this Java runtime was built without; Spark only uses it to be faster.
for option do shift; [ "$option" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$option"; done
exec "{runtime}" "$@"
"""


class NotFoundError(Exception):
    """Nothing on this machine will do; the message says what to install."""


def find_python() -> Path:
    """Return the best Python that can make a virtual environment."""
    for version in PYTHONS:
        for candidate in pythons(version):
            if answer([candidate, "-c", PYTHON_PROBE]).strip() == version:
                return candidate
    message = f"no Python {', '.join(PYTHONS)} that can make a venv was found: install one (Debian: python3-venv too)"
    raise NotFoundError(message)


def pythons(version: str) -> Iterator[Path]:
    """Yield where a Python of this version may be: on PATH, at pyenv, uv and Homebrew, and the one running now."""
    yield from on_path(f"python{version}")
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/python"))
    yield from sorted((Path.home() / ".local/share/uv/python").glob(f"cpython-{version}.*/bin/python{version}"))
    yield Path("/opt/homebrew/bin", f"python{version}")
    yield from on_path("python3")
    yield Path(sys.executable)


def find_java() -> Path | None:
    """Return the JAVA_HOME of the best Java that can start Spark, if there is one."""
    homes = [(version, home) for candidate in javas() for version, home in [version_and_home(candidate)] if home]
    return next((home for wanted in JAVAS for version, home in homes if version == wanted), None)


def javas() -> Iterator[Path]:
    """Yield where a Java may be: JAVA_HOME, PATH, and where Linux and macOS keep theirs."""
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home, "bin", "java")
    yield from on_path("java")
    yield from sorted(Path("/usr/lib/jvm").glob("*/bin/java"))
    yield from sorted(Path("/Library/Java/JavaVirtualMachines").glob("*/Contents/Home/bin/java"))


def version_and_home(java: Path) -> tuple[str, Path | None]:
    """Return the major version and the home that this Java says of itself, no home if Spark cannot start on it."""
    said = answer([java, "-XshowSettings:properties", "--describe-module", "jdk.incubator.vector"])
    properties = {name.strip(): value for name, _, value in (line.partition(" = ") for line in said.splitlines())}
    home = properties.get("java.home")
    return properties.get("java.specification.version", ""), Path(home) if home else None


def on_path(name: str) -> Iterator[Path]:
    """Yield every program of this name on PATH, not only the first."""
    for directory in os.get_exec_path():
        if found := shutil.which(name, path=directory):
            yield Path(found)


def answer(command: list[str | Path]) -> str:
    """Return what the command prints, or nothing if it cannot be run, fails or hangs."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr if done.returncode == 0 else ""
