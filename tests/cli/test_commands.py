"""Commands as a person or a program calls them; the heavy ones are tried in tests/faults."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer

from suffice.cli.importing import Layout
from suffice.cli.main import app
from suffice.core import Cohort
from suffice.io.layouts import LAYOUTS

Cli = Callable[..., tuple[int, str, str]]
COMMANDS = {
    "import",
    "check",
    "plan",
    "cluster",
    "pretrain",
    "train",
    "predict",
    "evaluate",
    "agree",
    "fuse",
    "compare",
    "augment",
    "ablate",
    "enough",
    "run",
    "report",
    "demo",
    "weights",
    "pacs",
    "deidentify",
    "measure",
    "rehearse",
    "select",
    "track",
}


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            app([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run


def commands_within(group: Any) -> Iterator[Any]:
    """Give every command of a group, those of groups in it too."""
    for command in group.commands.values():
        yield from commands_within(command) if hasattr(command, "commands") else (command,)


def test_every_command_and_option_is_explained() -> None:
    group = typer.main.get_command(app)
    assert set(group.commands) == COMMANDS
    assert all(command.help for command in group.commands.values())
    for command in commands_within(group):
        assert command.help
        assert all(option.help for option in command.params)


def test_every_command_answers_programs() -> None:
    for command in commands_within(typer.main.get_command(app)):
        assert "--json" in {name for option in command.params for name in option.opts}


def test_the_layouts_are_those_of_the_library() -> None:
    assert set(get_args(Layout)) == {"auto", *LAYOUTS}


def test_import(tiny_cohort: Cohort, tmp_path: Path, cli: Cli) -> None:
    source, out = tmp_path / "source", tmp_path / "cohort"
    for name in ("images", "masks"):
        shutil.copytree(tiny_cohort.root / name, source / name)
    arguments = ("import", source, "--out", out, "--label", "1=ball", "--modality", "MR")
    code, text, _ = cli(*arguments)
    assert code == 0
    assert "cases     8 of 8 subjects" in text
    assert "labels    1 ball" in text
    code, text, told = cli(*arguments)
    assert (code, text) == (1, "")
    assert told.splitlines()[-1].endswith("or give --force to replace it.")
    code, text, _ = cli(*arguments, "--force", "--json")
    answer = json.loads(text)
    assert (answer["n_cases"], answer["n_labelled"], answer["labels"]) == (8, 6, {"1": "ball"})


def test_import_wants_names_of_values(tmp_path: Path, cli: Cli) -> None:
    code, _, told = cli("import", tmp_path, "--out", tmp_path / "c", "--label", "ball")
    assert code == 1
    assert told == "error: A label needs a value and a name: got ball. Give --label 1=lung.\n"


def test_check(tiny_cohort: Cohort, cli: Cli) -> None:
    code, text, _ = cli("check", tiny_cohort.root)
    assert code == 0
    assert text.startswith("8 cases of 8 subjects, 6 labelled: 0 errors")
    code, text, _ = cli("check", tiny_cohort.root, "--json")
    assert json.loads(text)["is_clean"] is True


def test_cluster(tiny_cohort: Cohort, tmp_path: Path, cli: Cli) -> None:
    arguments = ("cluster", tiny_cohort.root, "--out", tmp_path / "masks", "--classes", 2)
    code, text, _ = cli(*arguments)
    assert code == 0 and len(text.splitlines()) == 8
    _, text, told = cli(*arguments, "--json")
    assert json.loads(text)["model"] == str(tmp_path / "masks" / "clusters")
    assert "8 masks were there already" in told


def test_evaluate(tiny_cohort: Cohort, tmp_path: Path, cli: Cli) -> None:
    arguments = ("evaluate", tiny_cohort.root / "masks", tiny_cohort.root)
    code, text, _ = cli(*arguments, "--out", tmp_path / "scores.csv")
    assert code == 0
    assert text.splitlines()[0].split()[:3] == ["label", "metric", "mean"]
    assert (tmp_path / "scores.csv").read_text(encoding="utf-8").startswith("case,subject,label")
    code, text, told = cli(*arguments, "--out", tmp_path / "scores.csv")
    assert (code, text) == (1, "")
    assert "exists already" in told
    code, _, told = cli("evaluate", tmp_path)
    assert code == 1 and "nothing to score against" in told
    _, text, _ = cli(*arguments, "--json")
    rows = json.loads(text)["summary"]
    assert {row["mean"] for row in rows if row["metric"] == "dice"} == {1.0}


def test_evaluate_fails_where_a_case_has_no_prediction(
    tiny_cohort: Cohort, tmp_path: Path, cli: Cli
) -> None:
    (tmp_path / "case0.nii.gz").symlink_to(tiny_cohort.cases[0].masks["expert"])
    code, text, told = cli("evaluate", tmp_path, tiny_cohort.root, "--metrics", "dice,hd95")
    assert code == 1 and "ball" in text and "iou" not in text
    assert "no prediction is called 'case1'" in told
    assert told.splitlines()[-1].startswith("error: 5 masks were left out")


def test_evaluate_gives_advice(tiny_cohort: Cohort, cli: Cli) -> None:
    code, text, _ = cli("evaluate", tiny_cohort.root, "--advise")
    assert code == 0 and text.startswith("From 6 drawn masks:") and "use   dice" in text


def test_agree_and_fuse_want_two_raters(tiny_cohort: Cohort, tmp_path: Path, cli: Cli) -> None:
    for arguments in (("agree",), ("fuse", "--out", tmp_path / "fused")):
        code, _, told = cli(arguments[0], tiny_cohort.root, *arguments[1:])
        assert code == 1 and "has two raters" in told


def test_report_needs_a_study(tmp_path: Path, cli: Cli) -> None:
    code, _, told = cli("report", tmp_path)
    assert code == 1
    assert "is not a study folder" in told
    assert told.count("\n") == 1


def test_version(cli: Cli) -> None:
    code, text, told = cli("--version")
    assert (code, told) == (0, "")
    assert text.startswith("suffice ")


def test_compare(tmp_path: Path, cli: Cli) -> None:
    for name, gain, n in (("new", 0.1, 8), ("old", 0.0, 9)):
        rows = [
            f"c{i},s{i},lung,dice,{0.5 + 0.03 * i + gain + 0.001 * (i % 3) * gain}\n"
            for i in range(n)
        ]
        (tmp_path / f"{name}.csv").write_text("case,subject,label,metric,value\n" + "".join(rows))
    places = (tmp_path / "new.csv", tmp_path / "old.csv")
    code, text, told = cli("compare", *places, "--width", "0.05")
    assert code == 0
    assert "'new' is better than 'old' by 10.0 points of Dice" in text
    assert "p = 0.008 after Holm; with 8 subjects." in text
    assert "'old': the interval is" in text
    assert "not compared: 1 case of 'old', not scored by 'new': c8\n" in told
    assert "note: only 8 subjects: the interval itself is unsure\n" in told
    code, text, _ = cli("compare", *places, "--names", "A, B", "--json", "--out", tmp_path / "out")
    answer = json.loads(text)
    assert answer["differences"][0]["a"] == "A"
    assert (tmp_path / "out" / "comparison.png").is_file()
    assert cli("compare", places[0], "--label", "liver")[0] == 1
