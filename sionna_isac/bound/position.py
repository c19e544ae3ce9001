"""Bound on the position of a target in the near field, in closed form."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sionna_isac.bound.information import cramer_rao_bound
from sionna_isac.core import checks, cites

__all__ = [
    "minimum_speb",
    "near_field_position_efim",
    "near_field_position_fim",
    "position_error_bound",
    "squared_position_error_bound",
    "steering_derivatives",
]


class _Model(NamedTuple):
    """Checked arguments and the quantities that the information depends on."""

    steering: np.ndarray
    """[..., N]"""
    derivative: np.ndarray
    """[..., 2, N], centred"""
    beams: np.ndarray
    """[..., N, M]"""
    reflection: np.ndarray
    """[...]"""
    scale: np.ndarray
    """[...], 2 T / sigma^2"""


@cites("Yuan25")
def steering_derivatives(
    element_positions: Any, wavelength: float, target: Any
) -> tuple[np.ndarray, np.ndarray]:
    r"""Steering vector of a point and its derivatives, orthogonal to it.

    .. math::
        \mathbf{b}_p = \frac{\partial \mathbf{a}}{\partial p} -
        \frac{\mathbf{a}\mathbf{a}^H}{N} \frac{\partial \mathbf{a}}{\partial p},\quad p = x, y

    The removed part is a phase common to all elements, which the echo
    :math:`\mathbf{a}\mathbf{a}^H` does not contain.

    Parameters
    ----------
    element_positions : [N] or [N, 2], array_like
        Element positions along y, or x and y [m]
    wavelength : `float`
        Carrier wavelength [m]
    target : [..., 2], array_like
        Point x and y [m]

    Output
    ------
    steering : [..., N], `np.complex128`
        :math:`\mathbf{a}`
    derivative : [..., 2, N], `np.complex128`
        :math:`\mathbf{b}_x, \mathbf{b}_y` [1/m]

    Raises
    ------
    ValueError
        If the point lies on an element of the array, or an argument is not finite
    """
    positions = _positions(element_positions)
    wavelength = checks.wavelength("wavelength", wavelength)
    target = checks.finite("target", checks.floats("target", target))
    if target.shape[-1:] != (2,):
        raise ValueError(f"target must have shape [..., 2]; got shape {list(target.shape)}")
    difference = target[..., np.newaxis, :] - positions  # [..., N, 2]
    distance = np.linalg.norm(difference, axis=-1)
    if np.any(distance <= 1e-9 * wavelength):
        raise ValueError(
            "target must not lie on an element of the array; got a distance of "
            f"{float(np.min(distance)):.3g} m"
        )
    wavenumber = 2 * np.pi / wavelength
    steering = np.exp(-1j * wavenumber * distance)
    direction = np.moveaxis(difference / distance[..., np.newaxis], -1, -2)  # [..., 2, N]
    centred = direction - np.mean(direction, axis=-1, keepdims=True)
    return steering, -1j * wavenumber * centred * steering[..., np.newaxis, :]


@cites("Yuan25")
def near_field_position_fim(
    element_positions: Any,
    wavelength: float,
    target: Any,
    beams: Any,
    reflection: Any,
    no: Any,
    num_snapshots: Any,
) -> np.ndarray:
    r"""Fisher information of a near-field point echo on position and reflection, Eq. (19).

    The echo is that of Eq. (15) of [Yuan25]_, :math:`\mathbf{Y} = \beta \mathbf{a}\mathbf{a}^H
    \mathbf{F}\mathbf{S} + \mathbf{Z}` with known symbols, :math:`\mathbf{S}\mathbf{S}^H =
    T\mathbf{I}`.

    Parameters
    ----------
    element_positions : [N] or [N, 2], array_like
        Element positions along y, or x and y [m]
    wavelength : `float`
        Carrier wavelength [m]
    target : [..., 2], array_like
        Position x and y [m]
    beams : [..., N, num_streams], array_like
        Beams :math:`\mathbf{F}`, a column a stream [sqrt(W)]
    reflection : [...], array_like
        Complex reflection coefficient :math:`\beta`
    no : [...], array_like
        Noise power :math:`\sigma^2` of a snapshot [W]
    num_snapshots : [...], array_like
        Number of snapshots :math:`T`

    Output
    ------
    : [..., 4, 4], `np.float64`
        Information on x, y, the real and the imaginary part of :math:`\beta`

    Raises
    ------
    ValueError
        If an argument has a wrong shape or value, or the target lies on the array
    """
    model = _model(element_positions, wavelength, target, beams, reflection, no, num_snapshots)
    lit = model.steering[..., np.newaxis, :].conj() @ model.beams  # a^H F, [..., 1, M]
    inner = model.derivative.conj() @ model.beams  # b^H F, [..., 2, M]
    steering = model.steering[..., :, np.newaxis]
    beta = model.reflection[..., np.newaxis, np.newaxis]
    moved = (
        model.derivative[..., :, :, np.newaxis] * lit[..., np.newaxis, :, :]
        + steering[..., np.newaxis, :, :] * inner[..., :, np.newaxis, :]
    )  # derivatives of a a^H F, [..., 2, N, M]
    base = steering * lit  # a a^H F
    by_position = _flat(beta[..., np.newaxis] * moved)
    by_reflection = np.stack(np.broadcast_arrays(base, 1j * base), axis=-3)
    by_reflection = _flat(by_reflection)
    lead = np.broadcast_shapes(by_position.shape[:-2], by_reflection.shape[:-2])
    jacobian = np.concatenate(
        [np.broadcast_to(part, lead + part.shape[-2:]) for part in (by_position, by_reflection)],
        axis=-2,
    )
    product = (jacobian.conj() @ jacobian.swapaxes(-1, -2)).real
    return model.scale[..., np.newaxis, np.newaxis] * product


@cites("Yuan25")
def near_field_position_efim(
    element_positions: Any,
    wavelength: float,
    target: Any,
    beams: Any,
    reflection: Any,
    no: Any,
    num_snapshots: Any,
) -> np.ndarray:
    r"""Information on the position alone, Eq. (21), in a form without cancellation.

    With :math:`\mathbf{u} = \mathbf{F}^H\mathbf{a}`, :math:`\mathbf{v}_p =
    \mathbf{F}^H\mathbf{b}_p` and :math:`\kappa = 2T|\beta|^2/\sigma^2`

    .. math::
        [\mathbf{J}_e]_{pq} = \kappa \operatorname{Re}\left\{ \mathbf{b}_p^H\mathbf{b}_q
        \|\mathbf{u}\|^2 + N \left( \mathbf{v}_p^H\mathbf{v}_q - \frac{\mathbf{v}_p^H\mathbf{u}
        \mathbf{u}^H\mathbf{v}_q}{\|\mathbf{u}\|^2} \right) \right\}

    Arguments are those of :func:`near_field_position_fim`.

    Output
    ------
    : [..., 2, 2], `np.float64`
        Information on x and y [1/m^2]

    Raises
    ------
    ValueError
        As :func:`near_field_position_fim`, and if no beam reaches the target
    """
    model = _model(element_positions, wavelength, target, beams, reflection, no, num_snapshots)
    lit = model.steering[..., np.newaxis, :].conj() @ model.beams  # u^H, [..., 1, M]
    inner = model.derivative.conj() @ model.beams  # v^H, [..., 2, M]
    power = np.sum(np.abs(lit) ** 2, axis=-1, keepdims=True)  # [..., 1, 1]
    if np.any(power <= 0):
        raise ValueError(
            "beams must reach the target: its illumination is 0, so is all information"
        )
    along = inner @ lit.conj().swapaxes(-1, -2) / np.sqrt(power)  # v^H u / |u|
    across = inner @ inner.conj().swapaxes(-1, -2) - along @ along.conj().swapaxes(-1, -2)
    num_antennas = model.steering.shape[-1]
    efim = (_gram(model.derivative) * power + num_antennas * across).real
    kappa = model.scale * np.abs(model.reflection) ** 2
    return kappa[..., np.newaxis, np.newaxis] * efim


@cites("Yuan25")
def minimum_speb(
    element_positions: Any,
    wavelength: float,
    target: Any,
    power: Any,
    reflection: Any,
    no: Any,
    num_snapshots: Any,
) -> np.ndarray:
    r"""Smallest squared position error bound that any beams of a given power reach.

    .. math::
        \min_{\operatorname{tr}\mathbf{F}\mathbf{F}^H \le P} \mathrm{SPEB} =
        \frac{\operatorname{tr} \mathbf{G}^{-1}}{\kappa N P},\quad
        \mathbf{G} = \operatorname{Re}\{\mathbf{B}^H\mathbf{B}\}

    It is reached by all power on :math:`\mathbf{a}`: constant modulus, so hybrid beams reach it
    too.

    Parameters
    ----------
    element_positions, wavelength, target, reflection, no, num_snapshots
        As for :func:`near_field_position_fim`
    power : [...], array_like
        Transmit power :math:`P` [W]

    Output
    ------
    : [...], `np.float64`
        Bound [m^2]

    Raises
    ------
    ValueError
        If the array cannot tell the position (one or two elements, target on their line)
    """
    steering, derivative = steering_derivatives(element_positions, wavelength, target)
    reflection = checks.complexes("reflection", reflection)
    scale = _scale(no, num_snapshots)
    power = _positive("power", power)
    kappa = scale * np.abs(reflection) ** 2
    if not np.all(np.abs(reflection) > 0):
        raise ValueError("reflection must not be 0: there would be no echo; got 0")
    speb = squared_position_error_bound(_gram(derivative).real)
    return speb / (kappa * steering.shape[-1] * power)


@cites("Yuan25")
def squared_position_error_bound(efim: Any) -> np.ndarray:
    r"""Squared position error bound, :math:`\operatorname{tr} \mathbf{J}_e^{-1}`, Eq. (22).

    Parameters
    ----------
    efim : [..., n, n], array_like
        Information on the n coordinates alone [1/m^2]

    Output
    ------
    : [...], `np.float64`
        Bound [m^2]

    Raises
    ------
    ValueError
        If ``efim`` is singular: the echo does not determine the position
    """
    return np.trace(cramer_rao_bound(efim), axis1=-2, axis2=-1)


@cites("Yuan25")
def position_error_bound(efim: Any) -> np.ndarray:
    """Position error bound [m]: root of :func:`squared_position_error_bound`."""
    return np.sqrt(squared_position_error_bound(efim))


def _model(
    element_positions: Any,
    wavelength: float,
    target: Any,
    beams: Any,
    reflection: Any,
    no: Any,
    num_snapshots: Any,
) -> _Model:
    steering, derivative = steering_derivatives(element_positions, wavelength, target)
    beams = checks.complexes("beams", beams)
    if beams.ndim < 2 or beams.shape[-2] != steering.shape[-1] or not beams.shape[-1]:
        raise ValueError(
            f"beams must have shape [..., {steering.shape[-1]}, num_streams]; "
            f"got shape {list(beams.shape)}"
        )
    reflection = checks.complexes("reflection", reflection)
    return _Model(steering, derivative, beams, reflection, _scale(no, num_snapshots))


def _positions(element_positions: Any) -> np.ndarray:
    positions = checks.finite(
        "element_positions", checks.floats("element_positions", element_positions)
    )
    if positions.ndim == 1 and positions.size:
        return np.stack([np.zeros_like(positions), positions], axis=-1)
    if positions.ndim != 2 or positions.shape[1] != 2 or not positions.size:
        raise ValueError(
            "element_positions must have shape [num_antennas] or [num_antennas, 2]; "
            f"got shape {list(positions.shape)}"
        )
    return positions


def _positive(name: str, value: Any) -> np.ndarray:
    array = checks.finite(name, checks.floats(name, value))
    if not np.all(array > 0):
        raise ValueError(f"{name} must be > 0; got {float(np.min(array)):g}")
    return array


def _scale(no: Any, num_snapshots: Any) -> np.ndarray:
    snapshots = _positive("num_snapshots", num_snapshots)
    return 2 * snapshots / _positive("no", no)


def _gram(rows: np.ndarray) -> np.ndarray:
    """Inner products b_p^H b_q of the rows of [..., 2, N]."""
    return rows.conj() @ rows.swapaxes(-1, -2)


def _flat(value: np.ndarray) -> np.ndarray:
    return value.reshape(*value.shape[:-2], -1)
