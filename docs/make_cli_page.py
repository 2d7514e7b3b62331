"""Write ``docs/cli.md`` from the commands' own help: ``python docs/make_cli_page.py``."""

from __future__ import annotations

from pathlib import Path

import typer

from suffice.cli.main import app

PLACE = Path(__file__).parent / "cli.md"
WIDTH = 92

_HEAD = """# Command line

<!-- Made by docs/make_cli_page.py from the commands' help; edit that. -->

One executable. Answers go to standard output, progress and remarks to standard error; `--json`
gives the answer to a program. Exit status: 0 done, 1 a problem named in one line with its cure,
2 wrong usage, 130 interrupted. Nothing is overwritten without `--force`. A command that was killed
goes on where it was when it is given again.
"""


def page() -> str:
    """Return the page: the executable's help, then a section for each command."""
    group = typer.main.get_group(app)
    context = group.context_class(
        group, info_name="suffice", terminal_width=WIDTH, **group.context_settings
    )
    parts = [_HEAD, _block(group.get_help(context))]
    for name, command in sorted(group.commands.items()):
        below = command.context_class(command, info_name=name, parent=context)
        parts += [f"## suffice {name}\n", _block(command.get_help(below))]
        for inner, part in sorted(getattr(command, "commands", {}).items()):
            deeper = part.context_class(part, info_name=inner, parent=below)
            parts += [f"## suffice {name} {inner}\n", _block(part.get_help(deeper))]
    return "\n".join(parts)


def _block(text: str) -> str:
    lines = "\n".join(line.rstrip() for line in text.strip().splitlines())
    return f"```text\n{lines}\n```\n"


if __name__ == "__main__":
    PLACE.write_text(page(), encoding="utf-8")
