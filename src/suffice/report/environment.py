"""What fills the templates of pages."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from suffice.report.words import interval, number


@cache
def environment() -> Environment:
    """Return the templates; whatever is filled in is escaped, and what is missing is an error."""
    made = Environment(
        loader=PackageLoader("suffice.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(number=number, interval=interval)
    return made
