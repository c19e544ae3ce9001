"""Orthonormal basis of the vectors of a grid, for delays and for Doppler shifts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["spanned"]

_RANK_TOLERANCE = {"single": 1e-7, "double": 1e-15}


def spanned(
    vectors: Callable[[np.ndarray], np.ndarray], grid: np.ndarray, size: int, precision: str
) -> tuple[np.ndarray, np.ndarray]:
    """Basis [n, rank] of the vectors [n, num_points] of a region, coefficients of the grid in it.

    With a rank of ``size`` the basis is the identity.
    """
    # A refined estimate lies between grid points: the denser grid makes the basis span it too
    dense = np.linspace(grid[0], grid[-1], 2 * grid.size)
    left, values, _ = np.linalg.svd(vectors(np.concatenate([grid, dense])), full_matrices=False)
    rank = int(np.sum(values > _RANK_TOLERANCE[precision] * values[0]))
    if rank == size:
        # observations as they come and projected ones are then the same: their sizes are, too
        left = np.eye(rank, dtype=complex)
    return left[:, :rank], left[:, :rank].conj().T @ vectors(grid)
