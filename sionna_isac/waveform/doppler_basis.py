"""Orthonormal basis of the Doppler vectors of a velocity region."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac.core import checks, linalg
from sionna_isac.core.layer import resolve_precision
from sionna_isac.waveform._basis import spanned
from sionna_isac.waveform.numerology import Numerology

__all__ = ["DopplerBasis"]


class DopplerBasis:
    r"""Small orthonormal basis that spans the Doppler vectors of a velocity region.

    .. math::
        [\mathbf{d}(v)]_m = e^{-j4\pi v m T_\mathrm{sym}/\lambda},\quad m = 0, \ldots, M-1

    The counterpart of :class:`DelayBasis` for OFDM symbols: with the Doppler vectors of a grid,
    :math:`\boldsymbol{\Phi}_v = \mathbf{Q}\mathbf{C}`. The rank is about the width of the region in
    cells of ``numerology.velocity_resolution`` and a few more. If it is the number of symbols,
    :math:`\mathbf{Q}` is the identity.

    The decomposition is computed once for equal arguments.

    Parameters
    ----------
    numerology : :class:`~sionna_isac.waveform.Numerology`
        Numerology
    velocities : [num_velocities], array_like
        Grid of radial velocities [m/s], positive for targets that recede; the first and last are
        the limits of the region
    precision : `None` (default) | "single" | "double"
        Sets the tolerance of the rank: 1e-7 or 1e-15 of the largest singular value. `None` is the
        precision of Sionna.
    """

    def __init__(
        self, numerology: Numerology, velocities: Any, *, precision: str | None = None
    ) -> None:
        self.numerology = checks.instance("numerology", numerology, Numerology)
        self.velocities = checks.grid("velocities", velocities)
        self.precision = resolve_precision(precision)
        self._vectors, self._coefficients = _decomposed(
            self.numerology, tuple(self.velocities.tolist()), self.precision
        )

    @property
    def vectors(self) -> np.ndarray:
        r"""[num_symbols, rank] : Orthonormal columns :math:`\mathbf{Q}`"""
        return self._vectors

    @property
    def coefficients(self) -> np.ndarray:
        r"""[rank, num_velocities] : Doppler vectors of the grid in the basis, :math:`\mathbf{C}`"""
        return self._coefficients

    @property
    def rank(self) -> int:
        """`int` : Number of basis vectors"""
        return self._vectors.shape[1]

    def project(self, y: tf.Tensor) -> tf.Tensor:
        r"""Project [..., num_symbols, n] to [..., rank, n]: :math:`\mathbf{Q}^H` times it."""
        if self.rank == self.numerology.num_symbols:
            return y
        return linalg.matmul(tf.constant(self._vectors.conj().T, y.dtype), y)

    def atom(self, velocity: tf.Tensor) -> tf.Tensor:
        """Basis coefficients [..., rank] of the Doppler vectors of velocities [...] in m/s."""
        numerology = self.numerology
        index = tf.range(numerology.num_symbols, dtype=velocity.dtype)
        phase = -_step(numerology) * velocity[..., tf.newaxis] * index
        return self.project(linalg.expj(phase)[..., tf.newaxis])[..., 0]


def _step(numerology: Numerology) -> float:
    """Turn from one symbol to the next for 1 m/s [rad]."""
    return 4 * math.pi * numerology.symbol_duration / numerology.wavelength


@functools.lru_cache(maxsize=16)
def _decomposed(
    numerology: Numerology, velocities: tuple[float, ...], precision: str
) -> tuple[np.ndarray, np.ndarray]:
    """Basis and coefficients of the grid."""
    index = np.arange(numerology.num_symbols)[:, np.newaxis]

    def vectors(velocities: np.ndarray) -> np.ndarray:
        return np.exp(-1j * _step(numerology) * index * velocities)

    found = spanned(vectors, np.asarray(velocities), numerology.num_symbols, precision)
    for array in found:
        array.setflags(write=False)
    return found
