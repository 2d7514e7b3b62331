"""Print the exact versions of everything that developing suffice needs, as installed now.

The closure of the project's dependencies, its ``dev`` group and its build backend; nothing else
that happens to be installed. Local version labels (``+cpu``) are cut, so that the line fits
every build of a release.
"""

from __future__ import annotations

import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

# What hatchling's editable builds need; its metadata does not name it.
BUILD = ["hatchling", "editables"]


def closure(wanted: list[str]) -> dict[str, str]:
    """Versions of ``wanted`` and of all that they need on this platform, by canonical name."""
    found: dict[str, str] = {}
    queue = [Requirement(line) for line in wanted]
    done: set[tuple[str, str]] = set()
    while queue:
        requirement = queue.pop()
        name = canonicalize_name(requirement.name)
        for extra in ["", *requirement.extras]:
            if (name, extra) in done:
                continue
            done.add((name, extra))
            try:
                package = distribution(name)
            except PackageNotFoundError:
                sys.exit(f"'{name}' is needed but not installed; install it in .venv first")
            found[name] = Version(package.version).public
            needs = [Requirement(line) for line in package.requires or []]
            queue += [r for r in needs if r.marker is None or r.marker.evaluate({"extra": extra})]
    return found


def main() -> None:
    """Print the lock."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"], *BUILD]
    lines = [f"{name}=={version}\n" for name, version in sorted(closure(wanted).items())]
    sys.stdout.write("# Made by `make lock`. Ranges for users are in pyproject.toml.\n")
    sys.stdout.writelines(lines)


if __name__ == "__main__":
    main()
