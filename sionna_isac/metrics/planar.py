"""Errors of one target per sample in the horizontal plane."""

from __future__ import annotations

from typing import Any

import numpy as np

from sionna_isac.core import checks, cites
from sionna_isac.metrics._arrays import floats, not_a_number, same_shape

__all__ = ["planar_errors", "success_rate"]


@cites("Zhao26")
def planar_errors(angle: Any, range: Any, true_angle: Any, true_range: Any) -> np.ndarray:
    r"""Distances in the horizontal plane, Eq. (26) of [Zhao26]_ before the mean.

    .. math::
        e = \sqrt{(\hat r - r)^2 + 4 \hat r r \sin^2\frac{\hat\theta - \theta}{2}}

    which is the distance between the two points in polar coordinates, without cancellation.

    Parameters
    ----------
    angle, range : [...], array_like
        Estimated azimuths [rad] and ranges [m]; a negative range is on the other side of the origin
    true_angle, true_range : [...], array_like
        True azimuths [rad] and ranges [m]

    Output
    ------
    : [...], `np.float64`
        Distances [m]

    Raises
    ------
    ValueError
        If shapes differ, or a value is not finite or in degrees
    """
    names = ("angle", "range", "true_angle", "true_range")
    values = [
        floats(n, v) for n, v in zip(names, (angle, range, true_angle, true_range), strict=True)
    ]
    for name, value in zip(names[1:], values[1:], strict=True):
        same_shape(name, value, "angle", values[0])
    for name, value in (("angle", values[0]), ("true_angle", values[2])):
        checks.azimuth(name, value)
    angle, distance, true_angle, true_distance = values
    turned = 4 * distance * true_distance * np.sin((angle - true_angle) / 2) ** 2
    return np.sqrt(np.maximum((distance - true_distance) ** 2 + turned, 0))


@cites("Zhao26")
def success_rate(errors: Any, radius: float = 1.0) -> float:
    """Share of samples whose error is at most a radius, such as Succ@1m of [Zhao26]_.

    Parameters
    ----------
    errors : [num_samples], array_like
        Errors, such as of :func:`planar_errors` [m]
    radius : `float`, (default 1)
        Largest error of a success [m]

    Output
    ------
    : `float`
        Share, NaN with a warning for no sample

    Raises
    ------
    ValueError
        If an error is negative or not finite, or the radius is not above 0
    """
    found = floats("errors", errors, 1)
    radius = checks.real("radius", radius, minimum=0, exclusive=True)
    if np.any(found < 0):
        raise ValueError(f"errors must be >= 0; got {found.min():g}")
    if not found.size:
        return not_a_number("errors holds no sample")
    return float(np.mean(found <= radius))
