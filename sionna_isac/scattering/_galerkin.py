"""Kernel averaged over both voxels: it stays nearly passive however coarse the grid is."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from sionna_isac.scattering._lattice import COMPONENTS, lattice_dyad, point_radial

__all__ = ["galerkin_kernel", "galerkin_self_term"]

NEAR = 4  # offsets below this are integrated
MEAN_INVERSE_DISTANCE = 1.8823126443896  # of two points in a unit cube


def galerkin_kernel(shape: Sequence[int], kd: float) -> np.ndarray:
    """Mean of d^3 k^2 G over source and field voxel, [6, nx, ny, nz], on offsets >= 0.

    Near voxels: the static part is Newell's demagnetising tensor, the rest is integrated. Far ones
    see each other in one direction, so that the means are those of plane waves.
    """
    kernel = lattice_dyad(shape, lambda r: point_radial(r, kd))
    axes = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij", sparse=True)
    distance = np.sqrt(sum(axis**2 for axis in axes))
    distance[0, 0, 0] = 1
    for axis in axes:
        kernel *= np.sinc(kd / (2 * math.pi) * axis / distance) ** 2
    near = tuple(slice(min(n, NEAR)) for n in shape)
    kernel[(slice(None), *near)] = (_remainder(kd) - _demagnetising_tensor())[(slice(None), *near)]
    kernel[:, 0, 0, 0] = 0
    return kernel


@lru_cache(maxsize=4096)
def galerkin_self_term(kd: float) -> complex:
    """M: two thirds of the mean of k^2 g over the voxel, by its trace."""
    nodes, weights = _gauss(kd)
    distance = _distances(nodes)
    smooth = np.expm1(-1j * kd * distance) / (4 * math.pi * distance)
    weights = 2 * weights * (1 - nodes)  # both signs of an offset
    mean = np.einsum("i,j,k,ijk->", *[weights] * 3, smooth, optimize=True)
    return complex(2 / 3 * kd**2 * (mean + MEAN_INVERSE_DISTANCE / (4 * math.pi)))


def _remainder(kd: float) -> np.ndarray:
    """Mean of k^2 G less its static part over two unit cubes, [6, NEAR, NEAR, NEAR]."""
    points, weights = _quadrature(kd)
    distance = _distances(points)
    dynamic = point_radial(distance, kd) - point_radial(distance, 0.0)
    dynamic[1] /= distance**2
    axes = np.meshgrid(points, points, points, indexing="ij", sparse=True)
    out = np.empty([6, *[NEAR] * 3], np.complex128)
    for component, (i, j) in enumerate(COMPONENTS):
        value = axes[i] * axes[j] * dynamic[1]
        if i == j:
            value = value + dynamic[0]
        out[component] = np.einsum("ai,bj,ck,ijk->abc", *[weights] * 3, value, optimize=True)
    return out


def _quadrature(kd: float) -> tuple[np.ndarray, np.ndarray]:
    """Points [m] on a line and weights [NEAR, m] of the distances of points in two unit cells.

    The difference of two uniform coordinates has a triangular density around the offset.
    """
    nodes, weights = _gauss(kd)
    starts = np.arange(-1, NEAR)
    points = (starts[:, np.newaxis] + nodes).ravel()
    density = np.maximum(0, 1 - np.abs(points - np.arange(NEAR)[:, np.newaxis]))
    return points, density * np.tile(weights, len(starts))


def _gauss(kd: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on (0, 1), enough for a phase of kd and for 1/R at a corner."""
    nodes, weights = np.polynomial.legendre.leggauss(10 + math.ceil(kd / 2))
    return (1 + nodes) / 2, weights / 2


def _distances(points: np.ndarray) -> np.ndarray:
    square = points**2
    return np.sqrt(square[:, np.newaxis, np.newaxis] + square[:, np.newaxis] + square)


def _demagnetising_tensor() -> np.ndarray:
    """Demagnetising tensor of two unit cubes, [6, NEAR, NEAR, NEAR], after [Newell93]."""
    line = np.arange(-1.0, NEAR + 1)
    x, y, z = np.meshgrid(line, line, line, indexing="ij", sparse=True)
    parts = (
        _newell_f(x, y, z),
        _newell_f(y, x, z),
        _newell_f(z, y, x),
        _newell_g(x, y, z),
        _newell_g(x, z, y),
        _newell_g(y, z, x),
    )
    out = np.zeros([6, *[NEAR] * 3])
    for shifts in itertools.product((-1, 0, 1), repeat=3):
        weight = math.prod(-2 if shift == 0 else 1 for shift in shifts)
        window = tuple(slice(1 + shift, 1 + shift + NEAR) for shift in shifts)
        for component, part in enumerate(parts):
            out[component] -= weight / (4 * math.pi) * part[window]
    return out


def _newell_f(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    x, y, z = np.abs(x), np.abs(y), np.abs(z)
    r = np.sqrt(x**2 + y**2 + z**2)
    return (
        0.5 * y * (z**2 - x**2) * _asinh(y, np.hypot(x, z))
        + 0.5 * z * (y**2 - x**2) * _asinh(z, np.hypot(x, y))
        - x * y * z * np.arctan2(y * z, x * r)
        + (2 * x**2 - y**2 - z**2) * r / 6
    )


def _newell_g(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    sign = np.sign(x) * np.sign(y)
    x, y, z = np.abs(x), np.abs(y), np.abs(z)
    r = np.sqrt(x**2 + y**2 + z**2)
    return sign * (
        x * y * z * _asinh(z, np.hypot(x, y))
        + y * (3 * z**2 - y**2) / 6 * _asinh(x, np.hypot(y, z))
        + x * (3 * z**2 - x**2) / 6 * _asinh(y, np.hypot(x, z))
        - z**3 / 6 * np.arctan2(x * y, z * r)
        - z * y**2 / 2 * np.arctan2(x * z, y * r)
        - z * x**2 / 2 * np.arctan2(y * z, x * r)
        - x * y * r / 3
    )


def _asinh(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """asinh(a/b), 0 for b = 0, where what it is multiplied by is 0."""
    a, b = np.broadcast_arrays(a, b)
    return np.arcsinh(np.divide(a, b, out=np.zeros(b.shape), where=b > 0))
