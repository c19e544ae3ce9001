"""Fisher information matrices: removal of nuisance parameters and inversion, with checks.

Matrices are scaled to a unit diagonal before anything is decided about them: their entries
carry units, and differ by many orders of magnitude without being singular.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sionna_isac.core import checks

__all__ = ["cramer_rao_bound", "effective_fim"]

_SINGULAR = 1e-12
_SYMMETRY = 1e-8


def effective_fim(fim: Any, num_interest: int) -> np.ndarray:
    r"""Information on the first parameters when the others are unknown, Eq. (21) of [Yuan25]_.

    .. math::
        \mathbf{J}_e = \mathbf{J}_{11} - \mathbf{J}_{12} \mathbf{J}_{22}^{-1} \mathbf{J}_{12}^\top

    Parameters
    ----------
    fim : [..., n, n], array_like
        Fisher information matrices, the parameters of interest first
    num_interest : `int`
        Number of parameters of interest, at most n

    Output
    ------
    : [..., num_interest, num_interest], `np.float64`
        Equivalent Fisher information matrices

    Raises
    ------
    ValueError
        If ``fim`` is not finite or not symmetric, or the nuisance parameters cannot be told
        apart (or are not observed at all), so that the complement does not exist
    """
    fim = _symmetric("fim", fim)
    num_interest = checks.integer("num_interest", num_interest, maximum=fim.shape[-1])
    first, both = fim[..., :num_interest, :num_interest], fim[..., :num_interest, num_interest:]
    second = fim[..., num_interest:, num_interest:]
    if num_interest == fim.shape[-1]:
        return first.copy()
    values, vectors, scale = _decomposed(
        second, "fim has a singular block of nuisance parameters: they are not observed"
    )
    # J12 J22^-1 J12^T as a product with its own transpose stays symmetric
    half = (both / scale[..., np.newaxis, :]) @ vectors / np.sqrt(values)[..., np.newaxis, :]
    return first - half @ half.swapaxes(-1, -2)


def cramer_rao_bound(fim: Any) -> np.ndarray:
    """Cramér-Rao bound: the inverse of a Fisher information matrix.

    Parameters
    ----------
    fim : [..., n, n], array_like
        (Equivalent) Fisher information matrices

    Output
    ------
    : [..., n, n], `np.float64`
        No unbiased estimator has a smaller error covariance

    Raises
    ------
    ValueError
        If ``fim`` is not finite, not symmetric or singular
    """
    fim = _symmetric("fim", fim)
    values, vectors, scale = _decomposed(
        fim, "fim is singular: the observation does not determine all parameters"
    )
    half = vectors / np.sqrt(values)[..., np.newaxis, :] / scale[..., :, np.newaxis]
    return half @ half.swapaxes(-1, -2)


def _symmetric(name: str, matrix: Any) -> np.ndarray:
    matrix = np.asarray(matrix)
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2] or not matrix.shape[-1]:
        raise ValueError(
            f"{name} must be square matrices [..., n, n]; got shape {list(matrix.shape)}"
        )
    if np.iscomplexobj(matrix):
        raise TypeError(f"{name} must be real (complex parameters are two real ones); got complex")
    matrix = checks.finite(name, checks.floats(name, matrix))
    diagonal = np.abs(np.diagonal(matrix, axis1=-2, axis2=-1))
    allowed = _SYMMETRY * np.sqrt(diagonal[..., :, np.newaxis] * diagonal[..., np.newaxis, :])
    excess = np.abs(matrix - matrix.swapaxes(-1, -2)) - allowed
    if np.any(excess > 0):
        raise ValueError(
            f"{name} must be symmetric; got entries that differ by {np.max(excess):.3g}"
        )
    return (matrix + matrix.swapaxes(-1, -2)) / 2


def _decomposed(matrix: np.ndarray, problem: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eigenvalues and eigenvectors of D^-1 M D^-1, and the diagonal of D = sqrt(diag M)."""
    diagonal = np.diagonal(matrix, axis1=-2, axis2=-1)
    seen = np.all(diagonal > 0, axis=-1)
    scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    scaled = matrix / scale[..., :, np.newaxis] / scale[..., np.newaxis, :]
    values, vectors = np.linalg.eigh(scaled)
    smallest = np.where(seen, values[..., 0], np.minimum(values[..., 0], 0.0))
    if np.any(smallest <= _SINGULAR):
        raise ValueError(
            f"{problem} (smallest eigenvalue {float(np.min(smallest)):.2g} at unit diagonal; "
            f"it must exceed {_SINGULAR:g})"
        )
    return values, vectors, scale
