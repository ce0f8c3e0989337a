"""Implementations under test: what the judge asks of them, and how a Python one is found."""

from __future__ import annotations

from .arguments import Arguments
from .base import BrokenSubjectError, PartialWriteError, Subject, Taken, UnsupportedError
from .python import FLAVOURS, SubjectNotFoundError, python_subject

__all__ = [
    "FLAVOURS",
    "Arguments",
    "BrokenSubjectError",
    "PartialWriteError",
    "Subject",
    "SubjectNotFoundError",
    "Taken",
    "UnsupportedError",
    "python_subject",
]
