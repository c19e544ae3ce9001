"""Response in the Born approximation: each voxel answers to the incident field alone."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from sionna_isac.scattering._equations import Antennas, Equations

__all__ = ["born_response"]

BLOCK = 1 << 15  # pairs of antennas and voxels worked on at a time: their fields fit in a cache
BATCH_BYTES = 1 << 27  # of the polarisability of the tones worked on at a time


def born_response(
    equations: Equations, values: Callable[[int], np.ndarray], antennas: Antennas
) -> np.ndarray:
    """h [F, R, T], for each tone a product of the fields of both sides over the voxels.

    Distances, directions and the dyads' three terms in 1/R are found once for all tones; what
    remains for each tone is the phase.

    Parameters
    ----------
    equations : ``Equations``
        Equations
    values : `callable`
        Polarisability [1 or 2, N] at the n-th frequency
    antennas : ``Antennas``
        Antennas
    """
    tx, tx_vectors, rx, rx_vectors = antennas
    voxels, dtype = equations.voxels, np.dtype(equations.dtype)
    number, wavenumbers = len(voxels.positions), equations.wavenumbers
    # Unit vectors, and distances in wavelengths: single precision holds these
    weights = [np.linalg.norm(vectors, axis=1) for vectors in (tx_vectors, rx_vectors)]
    units = [
        vectors / np.where(weight > 0, weight, 1)[:, np.newaxis]
        for vectors, weight in zip((tx_vectors, rx_vectors), weights, strict=True)
    ]
    reference = float(wavenumbers[0])
    ratios = wavenumbers / reference
    total: np.ndarray = np.zeros([len(wavenumbers), len(rx), len(tx)], np.complex128)
    step = max(1, BLOCK // (len(tx) + len(rx)))
    batch = max(1, BATCH_BYTES // (2 * number * dtype.itemsize))
    for first in range(0, len(wavenumbers), batch):
        tones = range(first, min(first + batch, len(wavenumbers)))
        material = [values(n) for n in tones]
        for start in range(0, number, step):
            part = slice(start, start + step)
            places = voxels.positions[part]
            sides = [
                Rays(places, *side, reference, dtype) for side in zip((tx, rx), units, strict=True)
            ]
            normals = None if voxels.normals is None else voxels.normals[part].T
            for n, each in zip(tones, material, strict=True):
                sent, received = (s.fields(ratios[n], equations.cells[n]) for s in sides)
                excited = polarized(sent, each[:, part], normals)
                total[n] += received.reshape(len(rx), -1) @ excited.reshape(len(tx), -1).T
    level = equations.scale * (wavenumbers**3 / (4 * math.pi)) ** 2
    scale = level[:, np.newaxis, np.newaxis] * np.outer(weights[1], weights[0])
    return (scale * total).astype(dtype)


class Rays:
    r"""Rays from antennas to voxels, which all tones share.

    .. math::
        \frac{4\pi}{k} \mathbf{G} \mathbf{v} = s\,\mathbf{v} + (2 n e^{-jx} - s)\,
        \hat{\mathbf{R}}\hat{\mathbf{R}}^T \mathbf{v}, \quad
        s = e^{-jx} \left(\frac{1}{x} - n\right), \quad
        n = \frac{1}{x^3} + \frac{j}{x^2}, \quad x = kR

    Parameters
    ----------
    points : [N, 3]
        Voxels [m]
    antennas : [A, 3]
        Antennas [m]
    vectors : [A, 3], `complex`
        Their unit vectors
    wavenumber : `float`
        Reference wavenumber [1/m]
    dtype : `np.dtype`
        Complex type of the fields
    """

    def __init__(
        self,
        points: np.ndarray,
        antennas: np.ndarray,
        vectors: np.ndarray,
        wavenumber: float,
        dtype: np.dtype,
    ) -> None:
        ray = points.T - antennas[:, :, np.newaxis]  # [A, 3, N]
        distance = np.sqrt(dot(ray, ray))
        ray /= distance[:, np.newaxis]
        # Complex, as products of mixed types are slower
        self._ray, self._vectors = ray.astype(dtype), vectors.astype(dtype)[:, :, np.newaxis]
        self._components = np.flatnonzero(np.any(self._vectors, axis=(0, 2)))
        self._along = dot(self._ray, self._vectors)
        self._turns = wavenumber / (2 * math.pi) * distance  # double, as there are thousands
        self._inverse = (1 / (wavenumber * distance)).astype(self._ray.real.dtype)
        self._wavenumber = wavenumber

    def fields(self, ratio: float, cell: float) -> np.ndarray:
        """4 pi / k G v [A, 3, N] at a multiple of the wavenumber, as means over cells, if any."""
        turns = ratio * self._turns
        turns -= np.rint(turns)
        angle = (-2 * math.pi * turns).astype(self._inverse.dtype)
        phasor = np.empty(angle.shape, self._ray.dtype)
        np.cos(angle, out=phasor.real)
        np.sin(angle, out=phasor.imag)
        if cell:
            share = ratio * self._wavenumber * cell / (2 * math.pi)
            phasor *= np.prod(np.sinc(share * self._ray.real), axis=1)
        inverse = self._inverse / ratio
        near = np.empty_like(phasor)
        np.square(inverse, out=near.imag)
        np.multiply(inverse, near.imag, out=near.real)
        near *= phasor
        phasor *= inverse
        across = phasor - near
        along = 2 * near
        along -= across
        along *= self._along
        field = self._ray * along[:, np.newaxis]
        for component in self._components:
            field[:, component] += self._vectors[:, component] * across
        return field


def polarized(fields: np.ndarray, values: np.ndarray, normals: np.ndarray | None) -> np.ndarray:
    """Polarisability [1 or 2, N] times fields [A, 3, N]."""
    values = values.astype(fields.dtype)
    result = values[0] * fields
    if normals is not None:
        normals = normals.astype(fields.dtype)
        added = normals * (values[1] - values[0])
        result += added * dot(fields, normals[np.newaxis])[:, np.newaxis]
    return result


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Products over the axis of three components, [A, 3, N]; NumPy's sums over it are slow."""
    total = a[:, 0] * b[:, 0]
    total += a[:, 1] * b[:, 1]
    total += a[:, 2] * b[:, 2]
    return total
