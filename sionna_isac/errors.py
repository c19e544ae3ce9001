"""Common base of errors that a user can mend; it loads nothing."""

from __future__ import annotations

__all__ = ["UsageError"]


class UsageError(Exception):
    """Something that the user can mend; the message is one line."""
