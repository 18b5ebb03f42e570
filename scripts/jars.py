"""Resolve Spark's extra jars into `build/jars`: Delta, S3A and the parts of the AWS SDK that they call.

Runs with the project's Python (it needs pyspark), started by `bootstrap.py`.
Spark's own Ivy does the resolving, so nothing but Spark has to be installed; see docs/adr/0002.
What arrives must be exactly what `jars.sha256` lists, or nothing is installed.
"""

import argparse
import contextlib
import hashlib
import io
import os
import shlex
import shutil
import sys
from pathlib import Path

from pyspark.errors import PySparkRuntimeError
from pyspark.java_gateway import launch_gateway

HASHES = Path(__file__).with_name("jars.sha256")
"""The lock of the jars, in the format of `sha256sum`."""

COMPILER = "org.eclipse.jdt:ecj:3.41.0"
"""Compiles our one Java file on a bare Java runtime too: a machine needs no JDK (see `log_store.py`)."""

UNREACHABLE = """
Ivy could not download the jars. Behind a mirror of Maven Central set DEFAULT_ARTIFACT_REPOSITORY to its address.
Behind a proxy set JAVA_TOOL_OPTIONS="-Dhttps.proxyHost=... -Dhttps.proxyPort=...", and where the proxy has its own
certificate also -Djavax.net.ssl.trustStore=FILE.
"""

PACKAGES = (
    COMPILER,
    "io.delta:delta-spark_4.1_2.13:4.2.0",
    "org.apache.hadoop:hadoop-aws:3.4.2",
    "software.amazon.awssdk:s3:2.29.52",
    "software.amazon.awssdk:s3-transfer-manager:2.29.52",
    "software.amazon.awssdk:sts:2.29.52",
)

HUGE = (  # the whole AWS SDK in one jar of 600 MB, and Hadoop, which pyspark ships
    "software.amazon.awssdk:bundle",
    "org.apache.hadoop:hadoop-client-api",
    "org.apache.hadoop:hadoop-client-runtime",
)

SHIPPED_BY_PYSPARK = (
    "org.apache.parquet:*",
    "com.fasterxml.jackson.core:*",
    "com.fasterxml.jackson.datatype:*",
    "org.apache.logging.log4j:*",
    "org.slf4j:*",
    "io.netty:*",
    "com.github.luben:*",
    "org.xerial.snappy:*",
    "io.airlift:*",
    "org.locationtech.jts:*",
    "org.roaringbitmap:*",
    "commons-codec:*",
    "commons-pool:*",
    "com.google.code.findbugs:*",
    "javax.annotation:*",
)

UNUSED = (  # optional parts of S3A and the SDK that are off by default
    "org.apache.httpcomponents:*",
    "org.wildfly.openssl:*",
    "software.amazon.s3.analyticsaccelerator:*",
    "software.amazon.awssdk:netty-nio-client",
)


def main() -> int:
    """Resolve, check, install; with --lock, write the hashes instead of checking them."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("target", type=Path, help="the directory to fill with jars")
    arguments.add_argument("--lock", action="store_true", help="write jars.sha256 instead of checking it")
    given = arguments.parse_args()
    ivy = given.target.absolute().with_name("ivy")
    shutil.rmtree(ivy, ignore_errors=True)
    try:
        resolve(ivy)
    except PySparkRuntimeError:
        sys.stderr.write(UNREACHABLE)
        return 1
    found = hashes_of(ivy / "jars")
    if given.lock:
        HASHES.write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(found.items())))
    if problems := differences(found, locked()):
        sys.stderr.write("\n".join(["The resolved jars are not those of scripts/jars.sha256:", *problems, ""]))
        return 1
    install(ivy / "jars", given.target)
    shutil.rmtree(ivy)
    return 0


def resolve(ivy: Path) -> None:
    """Let Spark's launcher download `PACKAGES` without the excluded ones into `ivy/jars`.

    Honours DEFAULT_ARTIFACT_REPOSITORY, Spark's own variable for a mirror of Maven Central.
    """
    excludes = ",".join((*HUGE, *SHIPPED_BY_PYSPARK, *UNUSED))
    confs = [f"spark.jars.ivy={ivy}", f"spark.jars.excludes={excludes}"]
    options = [part for conf in confs for part in ("--conf", conf)]
    os.environ["PYSPARK_SUBMIT_ARGS"] = shlex.join([*options, "--packages", ",".join(PACKAGES), "pyspark-shell"])
    with contextlib.redirect_stdout(io.StringIO()):
        launch_gateway().shutdown()  # type: ignore[no-untyped-call]


def hashes_of(directory: Path) -> dict[str, str]:
    """Return name -> SHA-256 of each jar in the directory."""
    return {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in directory.glob("*.jar")}


def locked() -> dict[str, str]:
    """Return name -> SHA-256 as `jars.sha256` lists them."""
    pairs = (line.split() for line in HASHES.read_text().splitlines())
    return {name: digest for digest, name in pairs}


def differences(found: dict[str, str], expected: dict[str, str]) -> list[str]:
    """Say for each jar that is missing, unexpected or different what is wrong; empty if all is well."""
    return [
        f"  {name}: found {found.get(name, 'nothing')}, expected {expected.get(name, 'nothing')}"
        for name in sorted(found.keys() | expected.keys())
        if found.get(name) != expected.get(name)
    ]


def install(source: Path, target: Path) -> None:
    """Make the jars of `source` the content of `target`, but for the compiler, which stays off Spark's class path."""
    shutil.rmtree(target, ignore_errors=True)
    for compiler in source.glob("org.eclipse.jdt_ecj-*.jar"):
        compiler.replace(target.with_name("ecj.jar"))
    source.replace(target)


if __name__ == "__main__":
    sys.exit(main())
