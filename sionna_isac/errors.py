"""The common base class of errors that users can mend, importable without TensorFlow."""

from __future__ import annotations

__all__ = ["UsageError"]


class UsageError(Exception):
    """Base of errors that users can mend, as opposed to defects of the library.

    The message says what is wrong and what to do. The command line prints it in one line, without
    a traceback. Wrong arguments of functions and layers raise plain `ValueError` or `TypeError`.
    """
