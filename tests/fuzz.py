"""Coverage-guided fuzzing (`make fuzz`): atheris looks for bytes that take a reader where it was never before.

Without arguments each format is fuzzed for a minute, in a process of its own; `FORMAT SECONDS` does one. What was found
is kept under `build/fuzz`: the corpus of each format, and every input that broke it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["validation"]):
    from tests.hostile import judge_hostile
    from tests.shapes import in_format
    from tests.statements import FILES
    from validation.formats import FORMATS

FOUND = Path(__file__).parents[1] / "build" / "fuzz"
SECONDS = "60"


def fuzz(form: str, seconds: str) -> None:
    """Fuzzes one format, and ends the process; whatever its reader raises is a find."""
    corpus = FOUND / form
    corpus.mkdir(parents=True, exist_ok=True)
    rows = [{"account": "DE89370400440532013000", "amount": "250.50"}]
    for name, content in {**FILES, **{name: in_format(rows, name) for name in ("parquet", "jsonl")}}.items():
        (corpus / f"seed-{name}").write_bytes(content)
    limits = [f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=2048", "-max_len=65536"]
    arguments = [sys.argv[0], str(corpus), *limits, f"-artifact_prefix={FOUND}/{form}-"]

    def judge(data: bytes) -> None:
        judge_hostile(data, form)

    atheris.Setup(arguments, judge)
    atheris.Fuzz()


def main() -> int:
    """1 if the reader of a format was broken."""
    if len(sys.argv) == 3:  # a format and seconds
        fuzz(*sys.argv[1:])
    broken = []
    for form in sys.argv[1:] or FORMATS:
        done = subprocess.run([sys.executable, "-m", "tests.fuzz", form, SECONDS], check=False)
        broken += [form] if done.returncode else []
    if broken:
        sys.stderr.write(f"broken: {', '.join(broken)}; the inputs are under {FOUND}\n")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
