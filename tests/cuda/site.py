"""Makes the metadata of this checkout's distributions, for a machine that cannot install them."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def main(site: Path) -> None:
    """Write a ``.dist-info`` with entry points for every ``pyproject.toml``."""
    for path in (
        ROOT / "pyproject.toml",
        *ROOT.glob("plugins/*/pyproject.toml"),
        ROOT / "tests" / "genbench-toys" / "pyproject.toml",
    ):
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        name, version = project["name"], project["version"]
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        lines = []
        for group, points in project.get("entry-points", {}).items():
            lines.append(f"[{group}]")
            lines += [f"{point} = {target}" for point, target in points.items()]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
