"""Figures, tables and HTML from a study folder; never recomputes a score."""

from suffice.report.page import write_report

__all__ = ["write_report"]
