"""Errors of designs of beams."""

from __future__ import annotations

from sionna_isac.errors import UsageError

__all__ = ["InfeasibleError", "SolverError", "VerificationError"]


class InfeasibleError(UsageError, ValueError):
    """No beams meet the requirements; the message says what would make them feasible."""


class SolverError(UsageError, RuntimeError):
    """A numerical solver stopped without a usable solution."""


class VerificationError(UsageError, RuntimeError):
    """Beams violate a requirement that they were designed for."""
