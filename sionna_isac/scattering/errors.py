"""Errors and warnings of computations of the response of a target."""

from __future__ import annotations

from sionna_isac.errors import UsageError

__all__ = ["CoarseGridWarning", "NotConvergedError"]


class NotConvergedError(UsageError, RuntimeError):
    """The iterative solver did not reach its tolerance; the message says what to try.

    Parameters
    ----------
    message : `str`
        Message
    ratio : `float`
        Residual over the one allowed; not finite if not known
    exhausted : `bool`
        `True` if all iterations were used
    """

    def __init__(
        self, message: str = "", ratio: float = float("inf"), exhausted: bool = True
    ) -> None:
        super().__init__(message)
        self.ratio, self.exhausted = ratio, exhausted


class CoarseGridWarning(UserWarning):
    """The voxels are too large against the wavelength for a converged solution."""
