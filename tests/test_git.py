"""The commit that rows name."""

from __future__ import annotations

import subprocess
from pathlib import Path

from genbench import git as checkout


def test_git_says_the_commit_and_whether_it_was_changed(tmp_path: Path) -> None:
    assert checkout.commit_of(tmp_path) is None
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@x"]
    subprocess.run([*git, "init", "-q"], check=True)
    (tmp_path / "file").write_text("1")
    subprocess.run([*git, "add", "file"], check=True)
    subprocess.run([*git, "commit", "-qm", "one"], check=True)
    clean = checkout.commit_of(tmp_path)
    assert clean is not None
    assert len(clean) == 12
    (tmp_path / "file").write_text("2")
    assert checkout.commit_of(tmp_path) == f"{clean}-dirty"
