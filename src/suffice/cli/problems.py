"""How a command ends: 0 done, 1 a named problem in one line, 2 wrong usage, 130 interrupted."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import NoReturn, ParamSpec

import typer

from suffice.cli.console import remark

P = ParamSpec("P")

PROBLEM = 1
INTERRUPTED = 130

show_tracebacks: ContextVar[bool] = ContextVar("show_tracebacks", default=False)


def named_problems(command: Callable[P, None]) -> Callable[P, None]:
    """Turn the errors of a command into one line on standard error and an exit status."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        # Imported here as `--help` needs no numpy.
        from suffice.core import SufficeError

        try:
            command(*args, **kwargs)
        except SufficeError as error:
            _end(f"error: {error}", PROBLEM, error)
        except KeyboardInterrupt as error:
            _end("interrupted: give the same command again to go on.", INTERRUPTED, error)
        except MemoryError as error:
            _end("error: out of memory. Close other programs and try again.", PROBLEM, error)
        except (typer.Exit, BrokenPipeError):
            raise
        except Exception as error:
            first_line = (str(error).splitlines() or [""])[0]
            _end(
                f"error: unexpected {type(error).__name__}: {first_line} Please report it with the"
                " traceback that `suffice --debug` in place of `suffice` shows.",
                PROBLEM,
                error,
            )

    return run


def _end(line: str, code: int, error: BaseException) -> NoReturn:
    if show_tracebacks.get():
        raise error
    remark(line)
    raise typer.Exit(code) from None
