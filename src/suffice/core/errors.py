"""Errors for the person who reads them: what, what was got, what was expected, the cure."""

from __future__ import annotations


class SufficeError(Exception):
    """Base of every error that suffice raises on purpose.

    Parameters
    ----------
    what : str
        What is wrong, in one clause and with the name of the file, case or option.
    got, expected : object, optional
        What was found and what would have been right.
    cure : str, optional
        What the reader can do about it.

    Examples
    --------
    >>> str(SufficeError("'a.nii.gz' has no label", got="1 value", expected="2", cure="Draw one."))
    "'a.nii.gz' has no label: got 1 value, expected 2. Draw one."
    """

    def __init__(
        self,
        what: str,
        *,
        got: object = None,
        expected: object = None,
        cure: str | None = None,
    ) -> None:
        self.what = what
        self.got = got
        self.expected = expected
        self.cure = cure
        super().__init__(self._sentence())

    def _sentence(self) -> str:
        facts = []
        if self.got is not None:
            facts.append(f"got {self.got}")
        if self.expected is not None:
            facts.append(f"expected {self.expected}")
        text = self.what.rstrip(".")
        if facts:
            text += ": " + ", ".join(facts)
        text += "."
        if self.cure:
            text += f" {self.cure}"
        return " ".join(text.split())


class UsageError(SufficeError):
    """An option or argument that cannot be used as given."""


class FileFormatError(SufficeError):
    """A file that cannot be read as what it claims to be."""


class GeometryError(SufficeError):
    """Grids that differ, or a geometry that no regular grid can hold."""


class LabelError(SufficeError):
    """Label values that the legend does not know, or a legend that contradicts itself."""


class CohortError(SufficeError):
    """A cohort that cannot serve the task: too few subjects, no labels, unknown layout."""


class StorageError(SufficeError):
    """A folder or disk that cannot be written, or something that would be overwritten."""


class ModelError(SufficeError):
    """A model folder that is incomplete, damaged or unfit for the image at hand."""


class OutOfMemoryError(SufficeError):
    """A task that needs more memory than the machine or its GPU has left."""


class MissingDependencyError(SufficeError):
    """An optional library that the task needs is not installed."""


class WorkerError(SufficeError):
    """A process that was given a task and ended without a word, again and again."""
