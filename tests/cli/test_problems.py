"""What a person sees when a command fails."""

from collections.abc import Callable

import pytest
import typer

from suffice.cli.problems import named_problems, show_tracebacks
from suffice.core import CohortError


def failing(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return named_problems(command)


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (CohortError("No cohort here", cure="Make one."), 1, "error: No cohort here. Make one.\n"),
        (KeyboardInterrupt(), 130, "interrupted: give the same command again to go on.\n"),
        (MemoryError(), 1, "error: out of memory. Close other programs and try again.\n"),
    ],
)
def test_one_line_and_a_status(
    error: BaseException, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended:
        failing(error)()
    assert ended.value.exit_code == code
    assert capsys.readouterr() == ("", line)


def test_an_unexpected_error_asks_for_a_report(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        failing(ZeroDivisionError("by\nzero"))()
    assert ended.value.exit_code == 1
    text = capsys.readouterr().err
    assert text.startswith("error: unexpected ZeroDivisionError: by Please report it")
    assert text.count("\n") == 1


def test_debug_shows_the_traceback() -> None:
    token = show_tracebacks.set(True)
    try:
        with pytest.raises(CohortError, match="No cohort"):
            failing(CohortError("No cohort here"))()
    finally:
        show_tracebacks.reset(token)


def test_an_exit_passes_through() -> None:
    with pytest.raises(typer.Exit) as ended:
        failing(typer.Exit(3))()
    assert ended.value.exit_code == 3
