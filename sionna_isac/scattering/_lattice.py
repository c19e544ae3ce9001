"""Dyads a(R) I + b(R) R R^T on the offsets of a cubic lattice; lengths in units of its spacing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

__all__ = ["COMPONENTS", "lattice_dyad", "point_radial"]

COMPONENTS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
"""Order of the six components of a symmetric 3 x 3 tensor"""


def lattice_dyad(shape: Sequence[int], radial: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Dyad [6, nx, ny, nz] on the offsets >= 0, 0 at the origin.

    ``radial`` takes distances [M] to the coefficients [2, M] of I and of the unit dyad. Squared
    distances are integers, far fewer than there are offsets: it is tabulated once for each.
    """
    squares = [np.arange(n) ** 2 for n in shape]
    index = squares[0][:, np.newaxis, np.newaxis] + squares[1][:, np.newaxis] + squares[2]
    if index.max() <= 4 * index.size:
        square = np.arange(index.max() + 1.0)
    else:  # a long line has few offsets, but squares that would not fit into memory
        square, index = np.unique(index, return_inverse=True)
        index = index.reshape(tuple(shape))
    table = np.zeros([2, len(square)], np.complex128)
    away = square > 0
    if np.any(away):
        table[:, away] = radial(np.sqrt(square[away]))
        table[1, away] /= square[away]
    isotropic, directed = table[:, index]
    axes = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij", sparse=True)
    dyad = np.empty([6, *shape], np.complex128)
    for component, (i, j) in enumerate(COMPONENTS):
        np.multiply(axes[i] * axes[j], directed, out=dyad[component])
        if i == j:
            dyad[component] += isotropic
    return dyad


def point_radial(distance: np.ndarray, kd: float) -> np.ndarray:
    """Coefficients [2, ...] of k^2 G."""
    green = np.exp(-1j * kd * distance) / (4 * np.pi * distance)
    static = (1 + 1j * kd * distance) / distance**2
    return green * np.array([kd**2 - static, 3 * static - kd**2])
