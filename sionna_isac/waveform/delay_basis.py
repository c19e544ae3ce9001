"""Orthonormal basis of the delay vectors of a range region."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import tensorflow as tf
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.core import checks, linalg
from sionna_isac.core.layer import resolve_precision
from sionna_isac.waveform._basis import spanned
from sionna_isac.waveform.numerology import Numerology

__all__ = ["DelayBasis"]


class DelayBasis:
    r"""Small orthonormal basis that spans the delay vectors of a range region.

    The delay vectors of a bounded range region span far fewer dimensions than subcarriers: with
    those of a grid, :math:`\boldsymbol{\Phi}_d = \mathbf{Q}\mathbf{C}`, and orthonormal columns in
    :math:`\mathbf{Q}`, every product with them needs only the projected observation
    :math:`\tilde{\mathbf{Y}}\mathbf{Q}^*`. Inactive subcarriers do not enter. If the rank is the
    number of subcarriers, :math:`\mathbf{Q}` is the identity.

    The decomposition is computed once for equal arguments.

    Parameters
    ----------
    numerology : :class:`~sionna_isac.waveform.Numerology`
        Numerology
    ranges : [num_ranges], array_like
        Grid of ranges [m]; the first and last are the limits of the region
    precision : `None` (default) | "single" | "double"
        Sets the tolerance of the rank: 1e-7 or 1e-15 of the largest singular value. `None` is the
        precision of Sionna.
    """

    def __init__(
        self, numerology: Numerology, ranges: Any, *, precision: str | None = None
    ) -> None:
        self.numerology = checks.instance("numerology", numerology, Numerology)
        self.ranges = checks.grid("ranges", ranges, minimum=0)
        self.precision = resolve_precision(precision)
        self._vectors, self._coefficients = _decomposed(
            self.numerology, tuple(self.ranges.tolist()), self.precision
        )

    @property
    def vectors(self) -> np.ndarray:
        r"""[num_subcarriers, rank] : Orthonormal columns :math:`\mathbf{Q}`"""
        return self._vectors

    def columns(self, dtype: tf.DType) -> tf.Tensor:
        """Basis [num_subcarriers, rank] as a tensor, which graphs take as an input, not a constant.

        Compiled products with a constant have another order of sums.
        """
        with tf.init_scope():
            return tf.constant(self._vectors, dtype)

    @property
    def coefficients(self) -> np.ndarray:
        r"""[rank, num_ranges] : Delay vectors of the grid in the basis, :math:`\mathbf{C}`"""
        return self._coefficients

    @property
    def rank(self) -> int:
        """`int` : Number of basis vectors"""
        return self._vectors.shape[1]

    def project(self, y: tf.Tensor) -> tf.Tensor:
        r"""Project [..., num_subcarriers] to [..., rank]: the product with :math:`\mathbf{Q}^*`."""
        if self.rank == self.numerology.num_subcarriers:
            return y
        block = linalg.real_block(tf.constant(self._vectors.conj(), y.dtype))
        re, im = tf.split(linalg.apply_on_right(linalg.real_rows(y), block), 2, -1)
        return tf.complex(re, im)

    def atom(self, distance: tf.Tensor) -> tf.Tensor:
        """Basis coefficients [..., rank] of the delay vectors of ranges [...] in m."""
        step = 4 * math.pi * self.numerology.subcarrier_spacing / SPEED_OF_LIGHT
        index = tf.range(self.numerology.num_subcarriers, dtype=distance.dtype)
        phase = -step * distance[..., tf.newaxis] * index
        return self.project(linalg.expj(phase))


@functools.lru_cache(maxsize=16)
def _decomposed(
    numerology: Numerology, ranges: tuple[float, ...], precision: str
) -> tuple[np.ndarray, np.ndarray]:
    """Basis and coefficients of the grid."""
    delays = 2 * np.asarray(ranges) / SPEED_OF_LIGHT
    index = numerology.subcarriers[:, np.newaxis]

    def vectors(delays: np.ndarray) -> np.ndarray:
        return np.exp(-2j * np.pi * numerology.subcarrier_spacing * index * delays)

    left, coefficients = spanned(vectors, delays, numerology.num_subcarriers, precision)
    basis = np.zeros((numerology.num_subcarriers, left.shape[1]), complex)
    basis[numerology.subcarriers] = left
    for array in (basis, coefficients):
        array.setflags(write=False)
    return basis, coefficients
