"""Which training a work folder belongs to, so that no other one goes on from it."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

from suffice.core import Budget, Cohort, UsageError
from suffice.files import write_text
from suffice.training.plan import Plan, plan_from_toml, plan_to_toml

OWNER, PLAN = "training.json", "plan.toml"


def claim(
    workdir: Path, labelled: Cohort, *, rung: str, budget: Budget, seed: int, plan: Plan | None
) -> Plan | None:
    """Take a work folder for a training, or find it taken by an earlier start of the same.

    Parameters
    ----------
    rung : str
        The kind of model.
    plan : Plan or None
        The plan that is asked for; by default the training plans itself.

    Returns
    -------
    Plan or None
        What the earlier start planned, as cases may be prepared by it already.

    Raises
    ------
    UsageError
        If the folder belongs to a training of another kind, or with other cases, files, minutes,
        seed or plan, or was begun with another minor version of suffice or torch.
    """
    owner = {
        "kind": rung,
        "cases": list(labelled.names),
        "files": _digest(labelled),
        "minutes": float(budget.minutes),
        "seed": seed,
        "plan": "" if plan is None else plan_to_toml(plan),
        # Half a training by one torch and half by another could be had again by neither.
        "versions": {name: _minor(version(name)) for name in ("suffice", "torch")},
    }
    found = _read(workdir / OWNER)
    if found is None:
        write_text(workdir / OWNER, json.dumps(owner, indent=1, sort_keys=True))
        return None
    if found != owner:
        differing = sorted(key for key in owner if found.get(key) != owner[key])
        raise UsageError(
            f"'{workdir}' belongs to a training with other {', '.join(differing)}",
            cure="Delete it or name another folder.",
        )
    written = workdir / PLAN
    return plan_from_toml(written.read_text(encoding="utf-8")) if written.exists() else None


def _minor(number: str) -> str:
    """Leave out what only mends: 2.9.1+cpu is 2.9."""
    return ".".join(number.split("+")[0].split(".")[:2])


def keep_plan(workdir: Path, plan: Plan) -> None:
    """Write the plan that the cases of the folder are prepared by."""
    write_text(workdir / PLAN, plan_to_toml(plan))


def _read(path: Path) -> dict[str, object] | None:
    if not path.exists():
        return None
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        loaded = None
    if not isinstance(loaded, dict):
        raise UsageError(f"'{path}' is damaged", cure=f"Delete '{path.parent}' and start again.")
    return loaded


def _digest(labelled: Cohort) -> str:
    """Sum up what is learned from: masks by content, scans, which are large, by size alone."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr((labelled.channels, labelled.legend)).encode())
    for case in labelled.cases:
        for channel, path in sorted(case.images.items()):
            sizes = [p.stat().st_size for p in _files(path)]
            digest.update(repr((case.name, channel, sizes)).encode())
        for rater, path in case.masks.items():
            digest.update(repr((case.name, rater)).encode())
            for part in _files(path):
                digest.update(part.read_bytes())
    return digest.hexdigest()


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(p for p in path.rglob("*") if p.is_file())
    # A file that is not there is told when it is read.
    return [path] if path.exists() else []
