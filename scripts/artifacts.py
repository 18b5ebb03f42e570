"""Build what AWS runs into `build/deploy` and `build/lambda`: `python scripts/artifacts.py`.

The functions get a folder of packages for Lambda's processor, the job a wheel, the log store's jar and an archive of
a virtual environment for Glue's. Every package has the version that requirements.txt pins; nothing is compiled.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
DEPLOY = BUILD / "deploy"
LAMBDA = BUILD / "lambda"
UV = str(ROOT / ".venv" / "bin" / "uv")
LAMBDA_LIMIT = 250 * 1024**2
"""What Lambda takes, unpacked."""

FUNCTION_ROOMS = ("ingestion", "ledgerlake", "monitoring", "tables", "validation")
PRUNED = (
    "pyarrow/include/**/*",
    "pyarrow/tests/**/*",
    "pyarrow/src/**/*",
    "pyarrow/includes/**/*",
    "pyarrow/*flight*",
    "pyarrow/*.lib",
    "numpy/**/tests/**/*",
    "numpy/f2py/**/*",
    "**/__pycache__/**/*",
)
"""Of the functions' packages: what no import needs."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where packages will run, and which: without their own dependencies in `alone`."""

    platform: str
    packages: tuple[str, ...]
    alone: tuple[str, ...] = ()


READERS = ("bai2", "holidays", "iso3166", "iso4217", "mt-940", "openpyxl")
"""What reads and judges files, wherever that is done."""
FUNCTIONS = Target(
    "aarch64-manylinux_2_28",
    (
        "aws-lambda-powertools",
        "boto3",
        "jsonschema",
        "numpy",
        "open-data-contract-standard",
        "pyarrow",
        "pydantic",
        "ruamel.yaml",
        *READERS,
    ),
)
JOB = Target(
    "x86_64-manylinux_2_28",
    (
        "boto3",
        "deltalake",
        "jsonschema",
        "numpy",
        "open-data-contract-standard",
        "pandas",
        "pyarrow",
        "ruamel.yaml",
        *READERS,
    ),
    alone=("delta-spark",),  # Spark itself is the platform's
)
PYTHON = "3.13"
GLUES_PYTHON = f"/usr/bin/python{PYTHON}"


def main() -> int:
    """Build everything; print the sizes."""
    for folder in (DEPLOY, LAMBDA):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    wheel = build_wheel(DEPLOY)
    build_functions(wheel, FUNCTIONS, LAMBDA)
    shutil.copy(ROOT / "streaming_jobs" / "glue_entry.py", DEPLOY)
    shutil.copy(BUILD / "jars" / "ledgerlake-logstore.jar", DEPLOY)
    build_environment(BUILD / "venv")
    for file in sorted(DEPLOY.iterdir()):
        print(f"{file.stat().st_size / 1e6:8.1f} MB  {file.relative_to(ROOT)}")
    print(f"{size(LAMBDA) / 1e6:8.1f} MB  {LAMBDA.relative_to(ROOT)}")
    print(f"prefix {prefix(DEPLOY, wheel)}")
    return 0


def build_wheel(folder: Path) -> Path:
    """Build the wheel of all rooms."""
    run([sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)])
    (wheel,) = folder.glob("*.whl")
    return wheel


def build_functions(wheel: Path, target: Target, folder: Path) -> None:
    """Fill the folder that is the code of every function."""
    install(target, folder)
    with zipfile.ZipFile(wheel) as packed:
        for name in packed.namelist():
            if name.split("/")[0] in FUNCTION_ROOMS:
                packed.extract(name, folder)
    for pattern in PRUNED:
        for path in folder.glob(pattern):
            if path.is_file():
                path.unlink()
    if size(folder) > LAMBDA_LIMIT:
        raise SystemExit(f"{folder} has {size(folder)} bytes, Lambda takes {LAMBDA_LIMIT}: prune more")


def build_environment(folder: Path) -> None:
    """Pack an environment for Glue: a folder of packages, and a link to the Python that Glue has."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "bin").mkdir(parents=True)
    install(JOB, folder / "lib" / f"python{PYTHON}" / "site-packages")
    for name in ("python", "python3"):
        (folder / "bin" / name).symlink_to(GLUES_PYTHON)
    home = f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {PYTHON}\n"
    (folder / "pyvenv.cfg").write_text(home)
    with tarfile.open(DEPLOY / "venv.tar.gz", "w:gz", compresslevel=6) as archive:
        archive.add(folder, arcname=".")


def install(target: Target, folder: Path) -> None:
    """Put the pinned packages of a target into a folder."""
    command = [UV, "pip", "install", "--quiet", "--target", str(folder), "--python-version", PYTHON]
    command += ["--python-platform", target.platform, "--only-binary", ":all:"]
    command += ["--constraints", str(ROOT / "requirements.txt")]
    run([*command, *target.packages])
    if target.alone:
        run([*command, "--no-deps", *target.alone])


def prefix(folder: Path, wheel: Path) -> str:
    """Name a version by the wheel's version and all that the folder holds; what was built twice alike, is one."""
    content = hashlib.sha256()
    for name, data in contents(folder):
        content.update(hashlib.sha256(name.encode() + b"\0" + data).digest())
    return f"{wheel.name.split('-')[1]}-{content.hexdigest()[:12]}"


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file's name and bytes, those of an archive one by one: its own bytes hold the time it was made."""
    for file in sorted(folder.iterdir()):
        if file.name.endswith(".tar.gz"):
            with tarfile.open(file) as archive:
                for member in sorted(archive.getmembers(), key=lambda each: each.name):
                    opened = archive.extractfile(member) if member.isfile() else None
                    yield f"{file.name}/{member.name}", opened.read() if opened else member.linkname.encode()
        else:
            yield file.name, file.read_bytes()


def size(folder: Path) -> int:
    """Count the bytes of all files under a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def run(command: Sequence[str]) -> None:
    """Run a command in the checkout; end with its message if it fails."""
    done = subprocess.run(command, cwd=ROOT, check=False, env=os.environ)
    if done.returncode:
        raise SystemExit(f"failed: {' '.join(command)}")


if __name__ == "__main__":
    sys.exit(main())
