"""Prior knowledge of where targets and users are: angular sectors."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from sionna_isac.core import Real, Sector, checks, cites, register, uniform

__all__ = ["FixedSector", "RandomSector"]

_HALF_PI = math.pi / 2


@register
class FixedSector(Sector):
    """The same angular sector for every sample.

    Parameters
    ----------
    interval : (`float`, `float`)
        Lower and upper azimuth [rad], within [-pi/2, pi/2]

    Input
    -----
    batch_size : `int`
        Batch size

    Output
    ------
    : [batch_size, 2], `tf.float`
        Lower and upper azimuth [rad]
    """

    def __init__(self, interval: Any, *, precision: str | None = None, **kwargs: Any) -> None:
        super().__init__(precision=precision, **kwargs)
        self.interval = checks.interval("interval", interval, minimum=-_HALF_PI, maximum=_HALF_PI)

    @property
    def max_span(self) -> float:
        """`float` : Largest width of a sector [rad]"""
        return self.interval[1] - self.interval[0]

    def call(self, batch_size: int) -> tf.Tensor:
        batch_size = checks.static_or_tensor("batch_size", batch_size)
        return tf.tile(tf.constant([self.interval], self.rdtype), [batch_size, 1])


@register
@cites("MateosRamos25")
class RandomSector(Sector):
    r"""Sectors of random centre and width (Section V-A of [MateosRamos25]_).

    The centre is uniform on ``centre``, the width uniform on ``span``.

    Parameters
    ----------
    centre : (`float`, `float`)
        Interval of the sector's centre [rad]
    span : (`float`, `float`)
        Interval of the sector's width [rad]

    Input
    -----
    batch_size : `int`
        Batch size
    scale : `None` (default) | `float`
        Factor in [0, 1] on the drawn centres: below 1, sectors stay closer to broadside; another
        one is an error in eager mode, and gives NaN in a graph

    Output
    ------
    : [batch_size, 2], `tf.float`
        Lower and upper azimuth [rad]

    Raises
    ------
    ValueError
        If a sector could reach beyond [-pi/2, pi/2]
    """

    def __init__(
        self, centre: Any, span: Any, *, precision: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.centre = checks.interval("centre", centre, minimum=-_HALF_PI, maximum=_HALF_PI)
        self.span = checks.interval("span", span, minimum=0, maximum=math.pi)
        reach = max(abs(c) for c in self.centre) + self.span[1] / 2
        if reach > _HALF_PI + 1e-9:
            raise ValueError(
                "centre and span must keep sectors within [-pi/2, pi/2]; "
                f"got centre {self.centre} and span {self.span}, reaching {reach:.4f} rad"
            )

    @property
    def max_span(self) -> float:
        """`float` : Largest width of a sector [rad]"""
        return self.span[1]

    def call(self, batch_size: int, scale: Real | None = None) -> tf.Tensor:
        batch_size = checks.static_or_tensor("batch_size", batch_size)
        centre = uniform([batch_size], *self.centre, precision=self.precision)
        if scale is not None:
            checks.rank("scale", scale, 0, "(a number)")
            valid = (scale >= 0) & (scale <= 1)
            if tf.executing_eagerly() and not bool(valid):
                raise ValueError(f"scale must lie within [0, 1]; got {float(scale):g}")
            centre *= tf.where(valid, scale, float("nan"))
        half = uniform([batch_size], *self.span, precision=self.precision) / 2
        return tf.stack([centre - half, centre + half], -1)
