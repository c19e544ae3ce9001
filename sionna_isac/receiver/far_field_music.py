"""MUSIC for several targets in the far field, over angle and range."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.core import (
    Array,
    Complex,
    Real,
    Receiver,
    checks,
    linalg,
    plane_wave_array,
    register,
    sectors,
)
from sionna_isac.receiver._peak import Peak, interpolated
from sionna_isac.receiver.angle_delay import silenced
from sionna_isac.receiver.estimate import TargetEstimate
from sionna_isac.receiver.search_grid import SearchGrid
from sionna_isac.waveform import Numerology, element_mask

__all__ = ["FarFieldMUSIC"]

_POLISH = 3  # steps of the power method
_FLOOR = {"single": 1e-6, "double": 1e-12}


@register
class FarFieldMUSIC(Receiver):
    r"""MUSIC over angle and range for several targets, and its spectrum.

    Windows of the band are the snapshots: each holds all antennas and ``window`` subcarriers, and
    windows at different subcarriers see the same steering and delay vectors with other phases. The
    signal subspace :math:`\mathbf{U}` has ``max_targets`` dimensions, and

    .. math::
        P(\theta, R) = \frac{1}{1 - \|\mathbf{U}^H\mathbf{u}\|^2},\quad
        \mathbf{u} = \frac{\mathbf{a}(\theta)\otimes\boldsymbol{\rho}(R)}
        {\|\mathbf{a}(\theta)\otimes\boldsymbol{\rho}(R)\|}

    All OFDM symbols are snapshots, too. The echoes of one symbol are coherent: their phases differ
    from window to window by their ranges only, from symbol to symbol by their velocities. Targets
    of (nearly) the same range and velocity share one dimension of the subspace and are not
    separated by these snapshots; ``subarray`` and ``forward_backward`` separate them.

    Without ranges in ``grid`` every subcarrier is a snapshot, and the search is over angles only.

    Eigenvectors are those of the smaller of both products of the snapshots: keep
    ``num_windows`` times the number of symbols small, since XLA is slow for large ones on a CPU.

    Parameters
    ----------
    array : :class:`~sionna_isac.array.UniformLinearArray`
        Array that the receiver believes to have
    numerology : :class:`~sionna_isac.waveform.Numerology`
        Numerology
    grid : :class:`~sionna_isac.receiver.SearchGrid`
        Grid of angles, and of ranges or none. A parabola along each axis places estimates between
        its points; close targets make ridges across both axes, which need a fine grid.
    max_targets : `int`
        Dimension of the signal subspace, and number of estimates
    num_windows : `int`, (default 16)
        Number of windows, evenly over the band; with ranges only
    window : `None` (default) | `int`
        Subcarriers from the first to the last of a window, in steps of those that are used; `None`
        is two thirds of the band. A subcarrier that one window does not see is left out of all.
    forward_backward : `bool`, (default `False`)
        If `True`, snapshots are also used in reverse order and conjugated. This holds
        for uniform arrays of equal elements and for windows without gaps.
    subarray : `None` (default) | `int`
        Number of neighbours in each subarray, all of which are snapshots (spatial smoothing); for
        uniform arrays of equal elements. `None` is the whole array.
    elements : `None` (default) | [num_symbols, num_subcarriers], array_like of `bool`
        Resource elements that are used; with ranges, those subcarriers that are used in all
        symbols. `None` is all active ones.

    Input
    -----
    y : [batch_size, num_antennas, ..., num_subcarriers], `tf.complex`
        Observation after reciprocal filtering, [batch_size, num_antennas, num_subcarriers] or
        [batch_size, num_antennas, num_symbols, num_subcarriers]
    sector : [batch_size, 2], `tf.float`
        Lower and upper azimuth of the search [rad]

    Output
    ------
    : :class:`~sionna_isac.receiver.TargetEstimate`
        Local maxima of the spectrum in the sector, the largest first. ``metric`` is the share of
        :math:`\mathbf{u}` that lies in the signal subspace, 0 to 1, and 0 where there are fewer
        maxima. NaN (an error in eager mode) where no grid angle lies in the sector, or ``y`` is not
        finite

    Raises
    ------
    ValueError
        If shapes do not fit, the array is not uniform where it must be, or there are too few
        snapshots for ``max_targets``
    """

    def __init__(
        self,
        array: Array,
        numerology: Numerology,
        grid: SearchGrid,
        *,
        max_targets: int,
        num_windows: int = 16,
        window: int | None = None,
        forward_backward: bool = False,
        subarray: int | None = None,
        elements: Any = None,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.array = plane_wave_array("array", array)
        self.numerology = checks.instance("numerology", numerology, Numerology)
        self.grid = checks.instance("grid", grid, SearchGrid)
        numerology.check_array("array", array)
        checks.angle_grid("grid.angles", grid.angles)
        if grid.velocities is not None:
            raise ValueError(
                f"grid must have no velocities: FarFieldMUSIC estimates none; got {grid!r}"
            )
        self.max_targets = checks.integer("max_targets", max_targets)
        self.num_windows = checks.integer("num_windows", num_windows)
        self.window = None if window is None else checks.integer("window", window, minimum=2)
        self.forward_backward = bool(forward_backward)
        self.subarray = (
            None
            if subarray is None
            else checks.integer("subarray", subarray, minimum=2, maximum=array.num_antennas)
        )
        if subarray is not None or forward_backward:
            _check_uniform("forward_backward" if subarray is None else "subarray", array)
        element_mask(numerology, elements)
        self.elements = None if elements is None else np.array(elements)
        self._shifts, self._tones = self._windows()
        if self.forward_backward and np.any(np.diff(self._tones, 2)):
            raise ValueError(
                "forward_backward must be False for windows with gaps in their subcarriers; got "
                f"{self._tones.size} of {self._tones[-1] - self._tones[0] + 1}"
            )
        size = (self.subarray or array.num_antennas) * self._tones.size
        if self.max_targets >= size:
            raise ValueError(
                f"max_targets must be below the number of entries of a snapshot, {size}; got "
                f"{max_targets}"
            )

    @property
    def angles(self) -> np.ndarray:
        """[num_angles] : Angles of the spectrum [rad]"""
        return np.asarray(self.grid.angles)

    @property
    def ranges(self) -> np.ndarray | None:
        """[num_ranges] : Ranges of the spectrum [m], or `None`"""
        return self.grid.ranges

    def spectrum(self, y: Any) -> tf.Tensor:
        """Spectrum [batch_size, num_angles, num_ranges], [batch_size, num_angles] without ranges.

        It is at least 1, and NaN for samples of ``y`` that are not finite.
        """
        share, valid = self._share(self.cast(y, Complex, "y"))
        values = tf.where(valid[:, tf.newaxis, tf.newaxis], self._height(share), float("nan"))
        return values[..., 0] if self.grid.ranges is None else values

    def call(self, y: Complex, sector: Real) -> TargetEstimate:
        share, valid = self._share(y)
        sector = checks.sector("sector", sector, y.shape[0])
        inside = sectors.within(self.angles, sector)
        valid &= sectors.has_angles(inside, sector)
        picture = share[..., tf.newaxis]
        largest = tf.nn.max_pool2d(picture, 3, 1, "SAME")
        peak = (picture >= largest)[..., 0] & inside[..., tf.newaxis]
        rows, columns = share.shape[1:]
        flat = tf.reshape(tf.where(peak, share, tf.zeros_like(share)), [-1, rows * columns])
        metric, index = tf.math.top_k(flat, self.max_targets)
        angles = tf.constant(self.angles, self.rdtype)
        ranges = None if self.ranges is None else tf.constant(self.ranges, self.rdtype)
        found: list[tuple[tf.Tensor, ...]] = []
        for target in range(self.max_targets):
            place = index[:, target]
            at = Peak(place // columns, place % columns, metric[:, target])
            row, column = interpolated(share, at)
            values = [_between(angles, at.row, row)]
            values += [] if ranges is None else [_between(ranges, at.column, column)]
            found.append((*values, at.value))
        nan = tf.constant(np.nan, self.rdtype)
        angle, *distance, metric = (
            tf.where(valid[:, tf.newaxis], tf.stack(v, axis=-1), nan)
            for v in zip(*found, strict=True)
        )
        return TargetEstimate(angle, distance[0] if distance else None, metric)

    def _height(self, share: tf.Tensor) -> tf.Tensor:
        return 1 / tf.maximum(1 - share, _FLOOR[self.precision])

    def _share(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Shares [batch_size, num_angles, num_ranges] of the subspace, and mask of finite ``y``."""
        basis, valid = self._subspace(y)
        rows = self.cast(self.array.steering(self.cast(self.angles)))[:, : self.subarray]
        rows /= linalg.to_complex(tf.norm(tf.abs(rows), axis=-1, keepdims=True))
        shape = [-1, self.max_targets, rows.shape[1], self._tones.size]
        basis = tf.reshape(tf.linalg.matrix_transpose(basis), shape)
        product = linalg.matmul(tf.math.conj(rows), basis)
        if self.ranges is not None:
            step = 4 * math.pi * self.numerology.subcarrier_spacing / SPEED_OF_LIGHT
            wave = np.exp(1j * step * np.outer(self._tones, self.ranges))
            wave /= math.sqrt(self._tones.size)
            product = linalg.matmul(product, tf.constant(wave, self.cdtype))
        re, im = tf.math.real(product), tf.math.imag(product)
        return tf.reduce_sum(re * re + im * im, axis=1), valid

    def _subspace(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Orthonormal columns [batch_size, num_entries, max_targets], and mask of finite ``y``."""
        axes = "[batch_size, num_antennas, (num_symbols,) num_subcarriers]"
        checks.rank("y", y, (3, 4), axes)
        middle = [None] * (y.shape.rank - 3)
        number = self.numerology.num_subcarriers
        checks.shape("y", y, [None, self.array.num_antennas, *middle, number], axes)
        y, valid = silenced(y)
        if y.shape.rank == 3:
            y = y[:, :, tf.newaxis]
        if self.elements is not None:
            checks.shape("y", y, [None, None, len(self.elements), None], axes)
            y *= tf.constant(self.elements, self.cdtype)
        size = self.subarray or self.array.num_antennas
        antennas = np.arange(self.array.num_antennas - size + 1)[:, np.newaxis] + np.arange(size)
        tones = self._shifts[:, np.newaxis] + self._tones
        y = tf.gather(y, tones, axis=3)  # [B, K, M, windows, tones]
        y = tf.gather(y, antennas, axis=1)  # [B, subarrays, K', M, windows, tones]
        y = tf.transpose(y, [0, 2, 5, 1, 3, 4])
        sizes = linalg.sizes(y)
        y = tf.reshape(y, [sizes[0], sizes[1] * sizes[2], sizes[3] * sizes[4] * sizes[5]])
        if self.forward_backward:
            y = tf.concat([y, tf.math.conj(y[:, ::-1])], axis=-1)
        if y.shape[-1] is not None and y.shape[-1] < self.max_targets:
            raise ValueError(
                f"max_targets must be at most the number of snapshots, {y.shape[-1]}; got "
                f"{self.max_targets}"
            )
        largest = tf.reduce_max(tf.abs(y), axis=[1, 2], keepdims=True)
        y /= linalg.to_complex(tf.where(largest > 0, largest, tf.ones_like(largest)))
        adjoint = tf.linalg.adjoint(y)
        wide = y.shape[-1] is None or y.shape[1] <= y.shape[-1]
        gram = linalg.matmul(y, adjoint) if wide else linalg.matmul(adjoint, y)
        columns = tf.linalg.eigh(gram)[1][..., : -self.max_targets - 1 : -1]
        if not wide:
            columns = linalg.matmul(y, columns)
        for _ in range(_POLISH):  # XLA's eigenvectors are good to 1e-5 only
            columns = self._orthonormal(linalg.matmul(y, linalg.matmul(adjoint, columns)))
        return columns, valid

    def _orthonormal(self, columns: tf.Tensor) -> tf.Tensor:
        """Gram-Schmidt, the strongest first; 0 for columns that are rounding errors of others."""
        tiny = 100 * np.finfo(self.rdtype.as_numpy_dtype).eps
        strongest = tf.norm(tf.abs(columns[..., :1]), axis=1, keepdims=True)
        done: list[tf.Tensor] = []
        for number in range(self.max_targets):
            rest = columns[..., number : number + 1]
            for _ in range(2):  # the second time removes the rounding errors of the first
                for other in done:
                    rest -= other * linalg.matmul(tf.linalg.adjoint(other), rest)
            norm = tf.norm(tf.abs(rest), axis=1, keepdims=True)
            good = (norm > tiny * strongest) & (norm > 0)
            unit = rest / linalg.to_complex(tf.where(good, norm, tf.ones_like(norm)))
            done.append(tf.where(good, unit, tf.zeros_like(unit)))
        return tf.concat(done, axis=-1)

    def _windows(self) -> tuple[np.ndarray, np.ndarray]:
        """First subcarriers of the windows, and the offsets of those that all windows see."""
        used = np.zeros(self.numerology.num_subcarriers, bool)
        used[self.numerology.subcarriers] = True
        if self.grid.ranges is None:
            if self.elements is not None:
                used &= self.elements.any(axis=0)
            return np.flatnonzero(used), np.zeros(1, int)
        if self.elements is not None:
            used &= self.elements.all(axis=0)
        index = np.flatnonzero(used)
        if index.size < 3:
            raise ValueError(
                "numerology and elements must leave at least three subcarriers that all symbols "
                f"use; got {index.size}"
            )
        step = int(np.gcd.reduce(np.diff(index)))
        length = int(index[-1] - index[0]) // step + 1
        window = math.ceil(2 * length / 3) if self.window is None else self.window
        if window >= length:
            raise ValueError(
                f"window must be below the {length} subcarriers of the band; got {window}"
            )
        number = min(self.num_windows, length - window + 1)
        shifts = np.unique(np.round(np.linspace(0, length - window, number)).astype(int)) * step
        shifts += index[0]
        tones = step * np.arange(window)
        tones = tones[used[shifts[:, np.newaxis] + tones].all(axis=0)]
        if tones.size < 2:
            raise ValueError(
                "num_windows must be small enough for two subcarriers that all windows see; got "
                f"{self.num_windows} windows of irregular subcarriers"
            )
        return shifts, tones


def _between(grid: tf.Tensor, index: tf.Tensor, offset: tf.Tensor) -> tf.Tensor:
    """Values of a grid at an index plus an offset within 1/2."""
    side = tf.where(offset < 0, index - 1, index + 1)
    side = tf.clip_by_value(side, 0, grid.shape[0] - 1)
    here = tf.gather(grid, index)
    return here + tf.abs(offset) * (tf.gather(grid, side) - here)


def _check_uniform(name: str, array: Array) -> None:
    positions = array.element_positions
    gaps = None if positions is None or np.ndim(positions) != 1 else np.diff(positions)
    if gaps is None or not np.allclose(gaps, gaps[:1], rtol=1e-3, atol=0):
        raise ValueError(f"{name} must be left out for arrays that are not uniform; got {array!r}")
