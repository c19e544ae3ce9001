"""Errors of designs of beams."""

from __future__ import annotations

__all__ = ["InfeasibleError", "SolverError", "VerificationError"]


class InfeasibleError(ValueError):
    """No beams meet the requirements; the message says what would make them feasible."""


class SolverError(RuntimeError):
    """A numerical solver stopped without a usable solution."""


class VerificationError(RuntimeError):
    """Beams violate a requirement that they were designed for."""
