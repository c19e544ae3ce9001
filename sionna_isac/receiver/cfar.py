"""Detection of targets in power maps at a constant rate of false alarms."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sionna_isac.core import Layer, Real, checks, register
from sionna_isac.receiver._cfar_cells import Plan, exceeds, statistic
from sionna_isac.receiver._cfar_search import candidates
from sionna_isac.receiver.cfar_threshold import CFAR_KINDS, cfar_threshold, default_rank

__all__ = ["CFAR", "Detections"]

FEWEST = 100  # false alarms that a calibration rests on
SMALLEST = 1e-12  # multiplier that a calibration looks for, over the one at the start


class Detections(NamedTuple):
    """Cells of power maps that a detector takes for targets, the strongest first.

    Attributes
    ----------
    velocity_index, range_index : [batch_size, max_detections], `tf.int32`
        Row and column of the cell
    power : [batch_size, max_detections], `tf.float`
        Power of the cell, 0 where there is no further detection
    threshold : [batch_size, max_detections], `tf.float`
        Threshold that it exceeds, 0 where there is no further detection
    mask : [batch_size, max_detections], `tf.bool`
        `True` for detections
    angle_index : `None` | [batch_size, max_detections], `tf.int32`
        Map of the cube
    """

    velocity_index: tf.Tensor
    range_index: tf.Tensor
    power: tf.Tensor
    threshold: tf.Tensor
    mask: tf.Tensor
    angle_index: tf.Tensor | None = None


@register
class CFAR(Layer):
    r"""Detection with a constant rate of false alarms (CFAR) in range-Doppler maps.

    A cell is detected if its power exceeds :math:`\alpha` times a statistic of the reference cells
    around it: their mean (``"ca"``), the larger or smaller mean of two halves (``"go"``,
    ``"so"``), or their value of a rank (``"os"``); :func:`cfar_threshold` has the formulas. Of
    detections that are neighbours, also across a corner or in the next map of a cube, the
    strongest remains.

    Reference cells fill a rectangle of :math:`2(r_i + g_i) + 1` cells along each axis, without
    the rectangle of :math:`2g_i + 1` cells in its middle, where :math:`r_i` and :math:`g_i` are the
    numbers of reference and guard cells to each side. Their number is :math:`N = \prod_i (2(r_i +
    g_i) + 1) - \prod_i (2g_i + 1)`; with :math:`r_i = g_i = 0` along the velocities this is
    :math:`2r` cells along the ranges. ``"go"`` and ``"so"`` halve them into nearer and farther
    ones and leave out those of equal range (without reference cells along the ranges: into lower
    and higher velocities).

    The reference cells of an axis that is ``circular`` continue at its other end. Those beyond
    the edges of another axis are left out, and the multiplier follows from the number of the
    remaining ones, so that the rate of false alarms is the same everywhere (the rank is the same
    share of them, rounded up).

    Parameters
    ----------
    kind : "ca" | "go" | "so" | "os"
        Statistic
    num_reference : (`int`, `int`), (default (8, 8))
        Reference cells to each side along velocities and ranges
    num_guard : (`int`, `int`), (default (3, 3))
        Guard cells to each side along velocities and ranges. The default covers the main lobe of
        the default map, with Hann windows and padding 2: its third cell is at -15 dB, and its
        first zero is the fourth one.
    p_fa : `float`, (default 1e-4)
        Probability of a false alarm in a cell of white noise. Neighbours become one detection, so
        that detections are fewer where cells are correlated.
    rank : `None` (default) | `int`
        Rank of ``"os"``, from 1 to :math:`N`; `None` is three quarters of :math:`N`
    max_detections : `int`, (default 16)
        Number of detections that the output has place for
    multiplier : `None` (default) | `float`
        :math:`\alpha` of cells with all reference cells, as :meth:`calibrated` finds it; `None` is
        that of ``p_fa`` for cells that are independent
    circular : (`bool`, `bool`), (default (`True`, `False`))
        If `True`, the ends of the axis of velocities, or ranges, are neighbours. Ranges are so in
        a map up to the unambiguous range.

    Input
    -----
    power : [batch_size, ..., num_velocities, num_ranges], `tf.float`
        Power maps [batch_size, num_velocities, num_ranges], or cubes
        [batch_size, num_angles, num_velocities, num_ranges]; all dimensions but the first must be
        known

    Output
    ------
    : :class:`~sionna_isac.receiver.Detections`
        Detections; none, with a power of NaN, in samples that are not finite

    Raises
    ------
    TypeError, ValueError
        If a value is out of its range, the window is larger than the map, or (in eager mode)
        ``power`` is negative or not finite

    Example
    -------
    >>> detect = isac.receiver.CFAR("os", num_reference=(4, 8), num_guard=(1, 2), p_fa=1e-5)
    >>> found = detect(power)
    >>> rd.estimate(power, found).range
    """

    def __init__(
        self,
        kind: str,
        num_reference: Sequence[int] = (8, 8),
        num_guard: Sequence[int] = (3, 3),
        p_fa: float = 1e-4,
        rank: int | None = None,
        max_detections: int = 16,
        *,
        multiplier: float | None = None,
        circular: Sequence[bool] = (True, False),
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.kind = checks.one_of("kind", kind, CFAR_KINDS)
        self.num_reference = _pair("num_reference", num_reference)
        self.num_guard = _pair("num_guard", num_guard)
        self.p_fa = checks.real("p_fa", p_fa, minimum=0, maximum=1, exclusive=True)
        self.max_detections = checks.integer("max_detections", max_detections)
        ends = circular if isinstance(circular, (tuple, list, np.ndarray)) else ()
        if len(ends) != 2 or not all(isinstance(c, (bool, np.bool_)) for c in ends):
            raise ValueError(f"circular must be a pair of booleans; got {circular!r}")
        self.circular = (bool(circular[0]), bool(circular[1]))
        plan = Plan(self.kind, self.p_fa, 1, 1.0, self.num_reference, self.num_guard, self.circular)
        number = plan.size
        if not number:
            raise ValueError(
                f"num_reference must hold a number >= 1 for one of both axes; got {num_reference!r}"
            )
        if rank is not None and kind != "os":
            raise ValueError(f"rank must be None for kind {kind!r}; got {rank!r}")
        self.rank = None if rank is None else checks.integer("rank", rank, maximum=number)
        self.multiplier = (
            None
            if multiplier is None
            else checks.real("multiplier", multiplier, minimum=0, exclusive=True)
        )
        self._plan = plan._replace(
            rank=self.rank or default_rank(number),
            multiplier=self.multiplier or cfar_threshold(kind, self.p_fa, number, self.rank),
        )

    @property
    def num_cells(self) -> int:
        """`int` : Number :math:`N` of reference cells, away from edges"""
        return self._plan.size

    @property
    def alpha(self) -> float:
        r"""`float` : Multiplier :math:`\alpha` of cells with all reference cells"""
        return self._plan.multiplier

    def call(self, power: Real) -> Detections:
        cube = self._observe(power)
        value, index, valid = candidates(tf.stop_gradient(cube), self._plan, self._places(cube))
        missing = self.max_detections - value.shape[1]
        value, index = (tf.pad(v, [[0, 0], [0, missing]]) for v in (value, index))
        mask = value > 0
        _, _, num_velocities, num_ranges = cube.shape
        index = tf.where(mask, index, 0)
        row, column = index // num_ranges, index % num_ranges
        cells = row // num_velocities, row % num_velocities, column
        level, alpha = statistic(cube, cells, self._plan)
        flat = tf.reshape(cube, [tf.shape(cube)[0], cube.shape[1] * num_velocities * num_ranges])
        nothing = tf.where(valid, tf.zeros([], self.rdtype), float("nan"))[:, tf.newaxis]
        strength, threshold = (
            tf.where(mask, v, nothing)
            for v in (tf.gather(flat, index, batch_dims=1), alpha * level)
        )
        angle = cells[0] if power.shape.rank == 4 else None
        return Detections(cells[1], cells[2], strength, threshold, mask, angle)

    def mask(self, power: Any) -> tf.Tensor:
        """Mask of all cells that exceed their threshold, neighbours of a peak included.

        Parameters
        ----------
        power : [batch_size, ..., num_velocities, num_ranges], `tf.float`
            Power maps

        Output
        ------
        : [batch_size, ..., num_velocities, num_ranges], `tf.bool`
            Mask; `False` in samples that are not finite
        """
        power = self.cast(power, Real, "power")
        cube = self._observe(power)
        valid = tf.reduce_all(tf.math.is_finite(cube), [1, 2, 3], keepdims=True)
        cube = tf.where(valid, cube, tf.zeros_like(cube))
        flat = tf.reshape(cube, [-1, *cube.shape[2:]])
        found = exceeds(flat, tf.ones([], self.rdtype), self._plan)
        return tf.reshape(found, tf.shape(power))

    def calibrated(
        self,
        chain: Callable[[tf.Tensor], Any],
        shape: Sequence[int],
        num_draws: int | None = None,
        seed: int = 1,
    ) -> CFAR:
        r"""The same detector with a multiplier :math:`\alpha` for cells that a chain correlates.

        Complex white noise of unit power goes through the chain that makes maps of observations,
        such as :class:`RangeDopplerMap` with windows and zero padding. The multiplier is the
        quantile of power over statistic; all cells count. With :math:`n` cells its
        false alarms are those wanted up to a relative standard deviation of about
        :math:`1/\sqrt{n P}`, or more as cells are correlated.

        Parameters
        ----------
        chain : callable
            Power maps of observations
        shape : sequence of `int`
            Shape of an observation, without the batch
        num_draws : `None` (default) | `int`
            Number of observations, drawn one by one; together their cells must have at least 100
            false alarms, and `None` is as many as that takes
        seed : `int`, (default 1)
            Seed of the noise

        Output
        ------
        : :class:`CFAR`
            A new detector with this ``multiplier`` and the other arguments of this one

        Example
        -------
        >>> detect = isac.receiver.CFAR("os").calibrated(rd, [num_symbols, num_subcarriers])
        """
        rng = np.random.default_rng(checks.integer("seed", seed, minimum=0))
        ratios: list[np.ndarray] = []
        scale, cells, one = 1.0, 0, tf.ones([], self.rdtype)
        draws = 1 if num_draws is None else checks.integer("num_draws", num_draws)
        while len(ratios) < draws:
            z = rng.normal(size=(2, 1, *shape)) / np.sqrt(2)
            cube = self._observe(self.cast(chain(z[0] + 1j * z[1]), Real, "power"))
            if cube.shape[0] != 1:
                raise ValueError(
                    "chain must give one map or cube for one observation; got a batch of "
                    f"{cube.shape[0]}"
                )
            flat = tf.reshape(cube, [-1, *cube.shape[2:]])
            size = int(tf.size(flat))
            cells += size
            if num_draws is None:
                draws = math.ceil(FEWEST / (self.p_fa * size))
            wanted = min(3 * self.p_fa * size + 20, size)
            found = exceeds(flat, scale * one, self._plan)
            while int(tf.math.count_nonzero(found)) < wanted and scale > SMALLEST:
                scale *= 0.8
                found = exceeds(flat, scale * one, self._plan)
            place = tf.transpose(tf.where(tf.reshape(found, cube.shape))[:, 1:])
            place = [tf.cast(p, tf.int32)[tf.newaxis] for p in place]
            level, alpha = statistic(cube, place, self._plan)
            value = tf.gather_nd(cube[0], tf.stack(place, -1)[0])
            ratios.append((value / (level * alpha))[0].numpy())
        number = self.p_fa * cells
        if number < FEWEST:
            raise ValueError(
                f"num_draws must be >= {math.ceil(FEWEST / number * draws)} for {FEWEST} false "
                f"alarms of probability {self.p_fa:g}; got {num_draws}"
            )
        largest = np.sort(np.concatenate(ratios))[::-1]
        if largest.size < number:
            raise ValueError(
                f"chain must give at least {number:g} cells of noise with a power above 0; got "
                f"{largest.size}"
            )
        alpha = self.alpha * float(largest[round(number) - 1])
        others = {k: v for k, v in self.get_config().items() if k not in ("name", "multiplier")}
        return type(self).from_config({**others, "multiplier": alpha})

    # --- parts ------------------------------------------------------------------------------------

    def _observe(self, power: tf.Tensor) -> tf.Tensor:
        """Cubes [batch_size, num_angles, num_velocities, num_ranges]."""
        axes = "[batch_size, (num_angles,) num_velocities, num_ranges]"
        checks.rank("power", power, (3, 4), axes)
        *leading, rows, columns = power.shape
        if None in (*leading[1:], rows, columns):
            raise ValueError(
                f"power must have known dimensions {axes[:-1]} but the batch; got shape "
                f"{list(power.shape)}"
            )
        self._check_map(rows, columns)
        checks.not_negative("power", power)
        return power if power.shape.rank == 4 else power[:, tf.newaxis]

    def _places(self, cube: tf.Tensor) -> int:
        return min(self.max_detections, int(np.prod(cube.shape[1:])))

    def _check_map(self, *shape: int) -> None:
        for axis, size, wraps in zip(("velocities", "ranges"), shape, self.circular, strict=True):
            n = 0 if axis == "velocities" else 1
            reference, guard = self.num_reference[n], self.num_guard[n]
            # beyond an edge there may be no reference cells, but each cell must have one
            width = 2 * (guard + reference) + 1 if wraps else 2 * guard + 1 + min(1, reference)
            if width > size:
                raise ValueError(
                    f"num_reference and num_guard must fit into a map with {size} {axis}; got "
                    f"{reference} and {guard}, which need {width}"
                )


def _pair(name: str, value: Any) -> tuple[int, int]:
    cells = checks.integers(name, value, minimum=0)
    if len(cells) != 2:
        raise ValueError(f"{name} must be a pair of integers >= 0; got {value!r}")
    return cells[0], cells[1]
