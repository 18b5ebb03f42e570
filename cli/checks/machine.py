"""Of a machine that runs the local stack: its programs and processes."""

from __future__ import annotations

import shutil
import sys
from importlib.metadata import version
from pathlib import Path

from cli.checks.finding import Check, Finding
from cli.cloud import this_checkout, weed
from cli.processes import alive
from cli.services import stream_is_ready
from cli.shell import Shell


def python(_: Shell) -> Finding:
    """A Python that the product supports."""
    good = sys.version_info >= (3, 11)
    return Finding("Python", good, sys.version.split()[0], "install Python 3.11 or newer, then `make setup`")


def packages(_: Shell) -> Finding:
    """Which versions of the packages that matter most."""
    names = ("pyspark", "delta-spark", "deltalake", "pyarrow", "boto3")
    return Finding("packages", good=True, found=", ".join(f"{name} {version(name)}" for name in names))


def java(shell: Shell) -> Finding:
    """A Java for Spark."""
    home = shell.env.get("JAVA_HOME") or this_checkout().get("JAVA_HOME", "")
    program = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    return Finding("Java", bool(program), program or "none", "run `make setup`, or set JAVA_HOME to a Java 17")


def jars(shell: Shell) -> Finding:
    """Spark's jars."""
    folder = Path(shell.env.get("LEDGERLAKE_JARS") or this_checkout().get("LEDGERLAKE_JARS", "build/jars"))
    found = len(list(folder.glob("*.jar")))
    return Finding("Spark's jars", found > 0, f"{found} in {folder}", "run `make setup`, or set LEDGERLAKE_JARS")


def s3_program(_: Shell) -> Finding:
    """The S3 of the laptop."""
    return Finding("SeaweedFS", good=True, found=weed())


def processes(shell: Shell) -> Finding:
    """Everything that was started still runs, and the stream reads events."""
    recorded = shell.state.processes()
    dead = [each.name for each in recorded if not alive(each)]
    found = f"dead: {', '.join(dead)}" if dead else ", ".join(f"{each.name} {each.pid}" for each in recorded)
    ready = not shell.state.process("stream") or stream_is_ready(shell.state)
    return Finding("processes", not dead and ready, found or "none of ours", "ledgerlake up")


CHECKS: tuple[Check, ...] = (python, packages, java, jars, s3_program, processes)
