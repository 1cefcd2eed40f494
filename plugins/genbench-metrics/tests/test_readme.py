"""The metric that the README shows, whole, and the tests that it shows of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_the_metric_in_the_readme_keeps_the_contract_by_the_tests_in_the_readme(
    tmp_path: Path,
) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.S | re.M)
    metric, tests = blocks
    (tmp_path / "energy.py").write_text(metric, encoding="utf-8")
    (tmp_path / "test_energy.py").write_text(tests, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "test_energy.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    # It shows every promise but for what takes a device, or statistics that are kept.
    skipped = set(re.findall(r"SKIPPED .*?py:\d+: (.*)", done.stdout))
    assert skipped <= {"there is no CUDA device to try it on", "it keeps none"}
