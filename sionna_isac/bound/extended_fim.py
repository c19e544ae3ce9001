"""Fisher information of the echo of an extended target, from checked arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac.array.planar import planar_shape
from sionna_isac.bound.extended_information import (
    LEVELS,
    ExtendedTargetInformation,
    information_terms,
)
from sionna_isac.bound.extended_target import ExtendedTarget
from sionna_isac.core import checks, cites

__all__ = ["extended_target_fim", "extended_target_information"]

LARGEST = 1e40  # scale, and 1 over the smallest, whose squares and products stay finite
_HERMITIAN = {"single": 1e-5, "double": 1e-9}


@cites("Wang25")
def extended_target_information(
    target: ExtendedTarget,
    tx_shape: Sequence[int],
    rx_shape: Sequence[int],
    path_gain: Any,
    noise_power: Any,
    rms_bandwidth: float | None,
    num_samples: int,
    level: str = "energy",
    *,
    frequencies: Any = None,
    phases: Any = None,
) -> ExtendedTargetInformation:
    r"""Fisher information of the echo of an extended target, as a function of the beams.

    What :func:`extended_target_fim` evaluates for one covariance, in a form for optimisers and
    networks: all that does not depend on the beams is worked out once. Arguments are those of
    :func:`extended_target_fim`.

    Output
    ------
    : :class:`ExtendedTargetInformation`
        Factors of the linear map, and the map as differentiable functions in TensorFlow

    Raises
    ------
    ValueError
        As :func:`extended_target_fim`

    Example
    -------
    >>> terms = isac.bound.extended_target_information(
    ...     target, (8, 8), (8, 8), 1e-7, 1e-12, rms_bandwidth=28.9e6, num_samples=1024
    ... )
    >>> fim = terms.of_beams(beams)
    """
    checks.instance("target", target, ExtendedTarget)
    batch = target.range.shape
    shapes = planar_shape("tx_shape", tx_shape), planar_shape("rx_shape", rx_shape)
    checks.one_of("level", level, LEVELS)
    path_gain = _per_target("path_gain", path_gain, batch)
    noise_power = _per_target("noise_power", noise_power, batch)
    if level == "coherent":
        if frequencies is None or phases is None:
            missing = "frequencies" if frequencies is None else "phases"
            raise ValueError(f'{missing} must be given at level="coherent"; got None')
        frequencies, phases = _coherent(frequencies, phases, target.weights.shape)
    else:
        for name, value in {"frequencies": frequencies, "phases": phases}.items():
            if value is not None:
                raise ValueError(
                    f"{name} must be None at level={level!r}, which does not depend on it; it "
                    f'belongs to level="coherent"'
                )
        rms_bandwidth = checks.real(
            "rms_bandwidth", rms_bandwidth, minimum=0, maximum=LARGEST, exclusive=True
        )
    return information_terms(
        tf.constant(target.points),
        tf.constant(target.weights),
        tf.constant(target.pose),
        *shapes,
        tf.constant(path_gain),
        tf.constant(noise_power),
        rms_bandwidth,
        checks.integer("num_samples", num_samples),
        level,
        frequencies,
        phases,
        target.num_pose,
    )


def _per_target(name: str, value: Any, batch: tuple[int, ...]) -> np.ndarray:
    """Path gain or noise power, one or one per target."""
    values = checks.finite(name, checks.floats(name, value))
    if values.shape not in ((), batch) or not np.all(values > 0):
        raise ValueError(
            f"{name} must be > 0, a number or of shape {list(batch)}; got "
            f"{np.min(values):g} of shape {list(values.shape)}"
        )
    bad = values[(values < 1 / LARGEST) | (values > LARGEST)]
    if bad.size:
        raise ValueError(
            f"{name} must lie within [{1 / LARGEST:g}, {LARGEST:g}]; got {bad.flat[0]:g}"
        )
    return values


def _coherent(frequencies: Any, phases: Any, shape: tuple[int, ...]) -> tuple[np.ndarray, Any]:
    """Frequencies of the tones, and phases of the scatterers, of a given shape."""
    frequencies = checks.floats("frequencies", frequencies)
    if frequencies.ndim != 1 or not frequencies.size:
        raise ValueError(
            "frequencies must have shape [num_subcarriers], at least one; got shape "
            f"{list(frequencies.shape)}"
        )
    checks.finite("frequencies", frequencies)
    phases = checks.finite("phases", checks.floats("phases", phases))
    if phases.shape != shape:
        raise ValueError(
            f"phases must have shape {list(shape)}, one per scatterer; got "
            f"shape {list(phases.shape)}"
        )
    return frequencies, tf.constant(phases)


@cites("Wang25")
def extended_target_fim(
    target: ExtendedTarget,
    tx_shape: Sequence[int],
    rx_shape: Sequence[int],
    covariance: Any,
    path_gain: Any,
    noise_power: Any,
    rms_bandwidth: float | None,
    num_samples: int,
    level: str = "energy",
    *,
    frequencies: Any = None,
    phases: Any = None,
) -> np.ndarray:
    r"""Fisher information of the echo of an extended target on its pose and the path gain.

    The echo on tone i with N transmit antennas is

    .. math::
        \mathbf{y}_i = \beta \sum_l \zeta_l e^{j\psi_l}\, \mathbf{b}(\theta_l, \phi_l)\,
        \mathbf{a}^\top(\theta_l, \phi_l)\, \mathbf{x}_i\, e^{-j2\pi f_i \tau_l} + \mathbf{n}_i,
        \quad E\{\mathbf{x}\mathbf{x}^H\} = \mathbf{R}

    for independent symbols of unit magnitude (the information is its expectation over them). The
    gain :math:`\beta` is real and unknown, amplitudes and phases of the scatterers are known.

    - "coherent": exact, with the cross terms of all pairs of scatterers.
    - "resolved": without the cross terms, which is exactly the mean of "coherent" over independent
      uniform phases :math:`\psi_l`.
    - "energy": also without the derivatives of the transmit steering vectors, so that beams count
      by the energies :math:`e_l = \mathbf{a}_l^\top\mathbf{R}\mathbf{a}_l^*` only, as in [Wang25]_.

    Parameters
    ----------
    target : :class:`ExtendedTarget`
        Target, or a batch of them
    tx_shape, rx_shape : (`int`, `int`)
        Numbers of elements along y and z of the transmit and the receive array, see
        :func:`~sionna_isac.array.planar_wave`
    covariance : [..., N, N], array_like
        Transmit covariance :math:`\mathbf{R}` [W], Hermitian and positive semidefinite
    path_gain : [...], array_like
        :math:`\beta`, for instance :meth:`ExtendedTarget.path_gain`
    noise_power : [...], array_like
        Noise power of a sample [W]
    rms_bandwidth : `float` | `None`
        Root mean square :math:`B_\mathrm{rms}` of the frequencies of the tones about their mean
        [Hz], as :attr:`Numerology.rms_bandwidth <sionna_isac.waveform.Numerology.rms_bandwidth>`:
        :math:`B/\sqrt{12}` of a flat band. Not used at level "coherent".
    num_samples : `int`
        Number of samples: tones times OFDM symbols
    level : "energy" (default) | "resolved" | "coherent"
        Part of the information that is kept
    frequencies : `None` (default) | [num_subcarriers], array_like
        Frequencies :math:`f_i` of the tones from the carrier [Hz], for "coherent" only; those of
        :class:`~sionna_isac.channel.ScattererEcho` are :attr:`Numerology.frequency_offsets
        <sionna_isac.waveform.Numerology.frequency_offsets>`
    phases : `None` (default) | [..., num_scatterers], array_like
        Phases :math:`\psi_l` [rad], for "coherent" only

    Output
    ------
    : [..., 5, 5], `np.float64`
        Information on range, azimuth, elevation, orientation and path gain; [..., 4, 4] for a
        target without orientation. ``effective_fim(fim, num_interest=4)`` eliminates the gain.

    Raises
    ------
    ValueError
        If shapes do not fit, a value is out of its range, ``covariance`` is not Hermitian or has a
        negative eigenvalue, or ``frequencies`` and ``phases`` are missing at level "coherent" or
        given at another

    Example
    -------
    >>> fim = isac.bound.extended_target_fim(
    ...     target, (8, 8), (8, 8), np.eye(64) / 64, target.path_gain(0.0107), 1e-12,
    ...     rms_bandwidth=100e6 / 12**0.5, num_samples=1024,
    ... )
    >>> crb = isac.bound.cramer_rao_bound(isac.bound.effective_fim(fim, num_interest=4))
    """
    terms = extended_target_information(
        target,
        tx_shape,
        rx_shape,
        path_gain,
        noise_power,
        rms_bandwidth,
        num_samples,
        level,
        frequencies=frequencies,
        phases=phases,
    )
    covariance = _covariance(covariance, terms.steering.shape[-1])
    try:
        np.broadcast_shapes(covariance.shape[:-2], target.range.shape)
    except ValueError:
        raise ValueError(
            "covariance must be one for all targets, or have their shape "
            f"{list(target.range.shape)} before its last two dimensions; got shape "
            f"{list(covariance.shape)}"
        ) from None
    fim = terms.of_covariance(tf.constant(covariance)).numpy()
    return (fim + fim.swapaxes(-1, -2)) / 2


def _covariance(given: Any, num_antennas: int) -> np.ndarray:
    # that of beams in single precision is Hermitian to single precision
    single = getattr(getattr(given, "dtype", None), "name", "") in ("complex64", "float32")
    tolerance = _HERMITIAN["single" if single else "double"]
    matrix = checks.complexes("covariance", given)
    if matrix.ndim < 2 or matrix.shape[-2:] != (num_antennas, num_antennas):
        raise ValueError(
            f"covariance must have shape [..., {num_antennas}, {num_antennas}]; got shape "
            f"{list(matrix.shape)}"
        )
    adjoint = matrix.conj().swapaxes(-1, -2)
    size = np.max(np.abs(matrix), initial=0.0)
    difference = np.max(np.abs(matrix - adjoint), initial=0.0)
    if difference > tolerance * size:
        raise ValueError(
            f"covariance must be Hermitian; got entries that differ by {difference:.3g}"
        )
    smallest = float(np.min(np.linalg.eigvalsh(matrix)))
    if smallest < -tolerance * num_antennas * size:
        raise ValueError(
            f"covariance must have no negative eigenvalue; got a smallest one of {smallest:.3g}"
        )
    return (matrix + adjoint) / 2
