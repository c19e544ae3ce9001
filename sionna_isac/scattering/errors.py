"""What can go wrong when the response of a target is computed, and what deserves a warning."""

from __future__ import annotations

__all__ = ["CoarseGridWarning", "NotConvergedError"]


class NotConvergedError(RuntimeError):
    """The iterative solver did not reach its tolerance; the message says what to try."""


class CoarseGridWarning(UserWarning):
    """The voxels are too large against the wavelength for a converged solution."""
