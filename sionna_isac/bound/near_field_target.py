"""Bound on angle, range and position of a target in the near field."""

from __future__ import annotations

from typing import Any

import numpy as np

from sionna_isac.bound.information import cramer_rao_bound
from sionna_isac.bound.point_target import PointTargetBound
from sionna_isac.bound.position import near_field_position_efim
from sionna_isac.core import checks, cites

__all__ = ["near_field_target_bound"]


@cites("Yuan25")
def near_field_target_bound(
    element_positions: Any,
    wavelength: float,
    target: Any,
    beams: Any,
    reflection: Any,
    no: Any,
    num_snapshots: Any,
) -> PointTargetBound:
    r"""Bound on angle, range and position from a near-field point echo, Eq. (22) of [Yuan25]_.

    It is that on the position, with its parts across and along the line of sight from the origin.
    It holds for every receiver that knows the array and not :math:`\beta`, such as
    :class:`~sionna_isac.receiver.KnownSymbolLocalizer`. Arguments are those of
    :func:`near_field_position_fim`.

    Output
    ------
    : :class:`PointTargetBound`
        Standard deviations [...] in rad and m

    Raises
    ------
    ValueError
        As :func:`near_field_position_efim`, if a target lies at the origin, from where angle and
        range are counted, and if the echo does not determine the position

    Example
    -------
    >>> bound = isac.bound.near_field_target_bound(
    ...     element_positions, wavelength, target, beams, reflection, no, 100)
    >>> bound.rms.position  # of all targets together
    """
    efim = near_field_position_efim(
        element_positions, wavelength, target, beams, reflection, no, num_snapshots
    )
    target = checks.floats("target", target)
    distance = np.linalg.norm(target, axis=-1)
    if np.any(distance <= 1e-9 * wavelength):
        raise ValueError(
            "target must not lie at the origin, where it has neither angle nor range; got a "
            f"distance of {float(np.min(distance)):.3g} m"
        )
    covariance = cramer_rao_bound(efim)
    along = target / distance[..., np.newaxis]
    across = np.stack([-along[..., 1], along[..., 0]], axis=-1)
    along, across = (np.sqrt(_variance(covariance, axis)) for axis in (along, across))
    position = np.sqrt(np.trace(covariance, axis1=-2, axis2=-1))
    return PointTargetBound(across / distance, along, position)


def _variance(covariance: np.ndarray, axis: np.ndarray) -> np.ndarray:
    return np.einsum("...i,...ij,...j->...", axis, covariance, axis)
