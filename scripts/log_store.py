"""Compile `ConditionalLogStore.java` into `build/jars/ledgerlake-logstore.jar`, beside the jars it is written against.

Standard library only. The compiler is Eclipse's, fetched with the other jars: it runs on any Java 17 or 21,
so the build does not ask for a JDK and gives the same class file everywhere.
"""

import argparse
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "streaming_jobs" / "logstore"
LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The time stamp of each entry, so that equal sources give an equal jar."""


def main() -> int:
    """Compile and pack; the exit status is the compiler's."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("java", type=Path, help="the java program to run")
    arguments.add_argument("compiler", type=Path, help="the jar of the compiler")
    arguments.add_argument("jars", type=Path, help="the directory of jars: compiled against, and written to")
    arguments.add_argument("spark_jars", type=Path, help="the directory of jars that pyspark ships")
    given = arguments.parse_args()
    api = [*given.jars.glob("io.delta_delta-storage-*.jar"), *given.spark_jars.glob("hadoop-client-api-*.jar")]
    with tempfile.TemporaryDirectory() as classes:
        options = ["-17", "-proc:none", "-failOnWarning", "-encoding", "UTF-8", "-d", classes]
        classpath = ["-classpath", ":".join(map(str, api))]
        command = [given.java, "-jar", given.compiler, *options, *classpath, *sorted(SOURCES.glob("*.java"))]
        compiled = subprocess.run(command, check=False)
        if compiled.returncode == 0:
            pack(Path(classes), given.jars / "ledgerlake-logstore.jar")
    return compiled.returncode


def pack(classes: Path, jar: Path) -> None:
    """Write the class files into the jar."""
    with zipfile.ZipFile(jar, "w") as archive:
        for file in sorted(classes.rglob("*.class")):
            archive.writestr(zipfile.ZipInfo(str(file.relative_to(classes)), LONG_AGO), file.read_bytes())


if __name__ == "__main__":
    sys.exit(main())
