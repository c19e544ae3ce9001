"""Reachable rates and bounds in closed form, which test feasibility before any solver runs."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.optimize import brentq

from sionna_isac.beamforming._model import Model
from sionna_isac.beamforming.errors import InfeasibleError, SolverError
from sionna_isac.beamforming.scene import NearFieldScene
from sionna_isac.core import checks, cites

__all__ = [
    "ROUNDING",
    "blind_speb",
    "common_rate",
    "dbm",
    "largest_common_rate",
    "least_power",
    "least_power_beams",
    "next_to_the_limit",
    "rate_targets",
    "require_power",
    "require_rates",
    "require_scene",
    "require_speb",
    "require_users",
    "smallest_power",
    "smallest_speb",
]

ROUNDING = 1e-9  # of the power: what verified beams may exceed it by
NARROW = 1e-4  # share of the power with which interior-point solvers lose their interior
EDGE = 1e-8  # share of the power with which no search finds better beams


@cites("Yuan25")
def smallest_speb(scene: NearFieldScene, power: float) -> float:
    r"""Smallest squared position error bound that any beams reach.

    .. math::
        \min_\mathbf{F} \operatorname{SPEB} =
        \frac{\sigma^2}{2 T |\beta|^2 N P} \operatorname{tr}\mathbf{G}^{-1}, \quad
        \mathbf{G} = \operatorname{Re}(\mathbf{B}^H\mathbf{B})

    with the derivatives of the steering vector, made orthogonal to it, as columns of
    :math:`\mathbf{B}`. The beam :math:`\sqrt{P/N}\,\mathbf{a}` reaches it, whose modulus is
    constant: hybrid beams do as well as fully digital ones.

    Parameters
    ----------
    scene : :class:`~sionna_isac.beamforming.NearFieldScene`
    power : `float`
        Transmit power [W]

    Output
    ------
    : `float`
        SPEB [m^2]
    """
    return Model.of(require_scene(scene), require_power(power)).smallest_speb


@cites("Yuan25")
def blind_speb(scene: NearFieldScene, beams: Any) -> float:
    r"""Squared position error bound of a receiver that does not know the symbols, such as MUSIC.

    Such a receiver sees one source at the target, and nothing of how the streams change with the
    position: only the power that reaches the target counts,

    .. math::
        \operatorname{SPEB}_\text{blind} = \frac{N\, \min_\mathbf{F} \operatorname{SPEB}|_{P=1}}
        {\|\mathbf{a}^H\mathbf{F}\|^2}.

    It is at least the SPEB of a receiver that knows the symbols, and equal to it for the beam on
    the target alone.

    Parameters
    ----------
    scene : :class:`~sionna_isac.beamforming.NearFieldScene`
        Scene
    beams : [N, num_streams], array_like
        Beams :math:`\mathbf{F}` of :math:`N` antennas [sqrt(W)]

    Output
    ------
    : `float`
        SPEB [m^2]; infinite where no power reaches the target

    Example
    -------
    >>> math.sqrt(isac.beamforming.blind_speb(scene, solution.beams))
    """
    require_scene(scene)
    beams = checks.complexes("beams", beams)
    if beams.ndim != 2 or len(beams) != scene.num_antennas:
        raise ValueError(
            f"beams must have shape [{scene.num_antennas}, num_streams]; "
            f"got shape {list(beams.shape)}"
        )
    distance = np.hypot(scene.target[0], scene.target[1] - scene.element_positions)
    steering = np.exp(-2j * math.pi / scene.wavelength * distance)
    lit = float(np.sum(np.abs(steering.conj() @ beams) ** 2))
    return scene.num_antennas * smallest_speb(scene, 1.0) / lit if lit else math.inf


@cites("Yuan25")
def smallest_power(scene: NearFieldScene, min_rates: Any) -> float:
    r"""Smallest transmit power with which fully digital beams meet the rates.

    It is the sum of the fixed point

    .. math::
        \ell_k = \left[(1 + 1/\Gamma_k)\, \mathbf{h}_k^H
        \Bigl(\mathbf{I} + \sum_j \ell_j \mathbf{h}_j\mathbf{h}_j^H\Bigr)^{-1}
        \mathbf{h}_k\right]^{-1}, \quad \Gamma_k = 2^{R_k} - 1

    with channels in units of the noise amplitude.

    Parameters
    ----------
    scene : :class:`~sionna_isac.beamforming.NearFieldScene`
    min_rates : `float` or [num_users], array_like
        Rates to be met [bit/s/Hz]

    Output
    ------
    : `float`
        Power [W]; infinite if the rates cannot be met with any power
    """
    require_users(scene)
    return float(np.sum(_fixed_point(scene, rate_targets(scene, min_rates))))


@cites("Yuan25")
def largest_common_rate(scene: NearFieldScene, power: float) -> float:
    """Largest rate that fully digital beams give to all users alike.

    Parameters
    ----------
    scene : :class:`~sionna_isac.beamforming.NearFieldScene`
    power : `float`
        Transmit power [W]

    Output
    ------
    : `float`
        Rate [bit/s/Hz]
    """
    require_users(scene)
    power = require_power(power)
    return common_rate(scene.channels.T * math.sqrt(power / scene.no))


def common_rate(channels: np.ndarray) -> float:
    """Largest rate for all users alike with unit power, channels [n, K] in units of the noise."""
    gain = np.min(np.sum(np.abs(channels) ** 2, axis=0))
    upper = math.log1p(gain) / math.log(2)  # of the weakest user alone

    def excess(rate: float) -> float:
        needed = least_power(channels, np.full(channels.shape[1], rate))
        return math.log(min(needed, 1e300))

    if excess(upper) <= 0:
        return upper
    return float(brentq(excess, upper * 1e-9, upper, xtol=1e-12 * upper, rtol=1e-13))


def least_power_beams(channels: np.ndarray, min_rates: np.ndarray) -> np.ndarray:
    """Beams [n, K] that meet rates with the smallest power, for channels in units of the noise.

    Infinite if no beams do.
    """
    load = _uplink_powers(channels, min_rates)
    if not np.all(np.isfinite(load)):
        return np.full_like(channels, np.inf)
    covariance = np.eye(len(channels)) + (channels * load) @ channels.conj().T
    directions = np.linalg.solve(covariance, channels)
    directions /= np.linalg.norm(directions, axis=0)
    gains = np.abs(channels.conj().T @ directions) ** 2
    sinr = np.expm1(min_rates * math.log(2))
    served = sinr > 0
    # gains_kk p_k / sinr_k - sum over j != k of gains_kj p_j = 1
    system = -gains[np.ix_(served, served)]
    index = np.arange(len(system))
    system[index, index] /= -sinr[served]
    powers = np.zeros(len(sinr))
    powers[served] = np.linalg.solve(system, np.ones(len(system)))
    return directions * np.sqrt(np.maximum(powers, 0))


def least_power(channels: np.ndarray, min_rates: np.ndarray) -> float:
    """Smallest power for channels [n, K] in units of the noise amplitude."""
    return float(np.sum(_uplink_powers(channels, min_rates)))


def _fixed_point(scene: NearFieldScene, min_rates: np.ndarray) -> np.ndarray:
    return _uplink_powers(scene.channels.T / math.sqrt(scene.no), min_rates)


def _uplink_powers(channels: np.ndarray, min_rates: np.ndarray) -> np.ndarray:
    """Powers of the virtual uplink; infinite if the rates are out of reach."""
    gram = channels.conj().T @ channels
    gains = np.diagonal(gram).real
    with np.errstate(over="ignore"):
        sinr = np.expm1(min_rates * math.log(2))  # exact for small rates, too
    if not np.all(np.isfinite(sinr)):
        return np.full(len(gram), math.inf)
    share = sinr / (1 + sinr)
    load = sinr / gains
    # more in total than the channels have dimensions: no power is enough
    if share.sum() >= np.linalg.matrix_rank(gram / np.sqrt(np.outer(gains, gains))) + 1e-9:
        return np.full(len(gram), math.inf)
    identity = np.eye(len(gram))
    residual = math.inf
    limit = 1e12 * max(load.sum(), 1e-300)
    # I(l) = share / m(l) is increasing and concave: Newton steps, once past the solution, descend
    # to it; where the tangent has no fixed point, a plain step
    for _ in range(2_000):
        filtered = np.linalg.solve(identity + gram * load, gram)
        gain = np.maximum(np.diagonal(filtered).real, 1e-300)  # h_k^H (I + H L H^H)^-1 h_k
        plain = share / gain
        slope = (share / gain**2)[:, None] * np.abs(filtered) ** 2
        update = plain
        if np.all(plain >= load) or np.all(plain <= load):
            with contextlib.suppress(np.linalg.LinAlgError):
                newton = np.linalg.solve(identity.real - slope, plain - slope @ load)
                below = np.all(plain >= load)
                if np.all(newton >= plain if below else (newton <= plain) & (newton > 0)):
                    update = newton
        residual, change = np.max(np.abs(plain - load)), np.max(np.abs(update - load))
        load = update
        if load.sum() > limit:
            residual = math.inf
            break
        # the residual of a step is the last that rounding leaves where the rates are extreme
        if change <= 1e-12 * load.max() or residual <= 1e-15 * load.max() or load.max() == 0:
            return load
    if residual <= 1e-12 * load.max():
        return load
    return np.full(len(gram), math.inf)


def rate_targets(scene: NearFieldScene, min_rates: Any) -> np.ndarray:
    """Rates of all users [K], from one number or one each."""
    if np.ndim(min_rates) == 0:
        rate = checks.real("min_rates", min_rates, minimum=0)
        return np.full(scene.num_users, rate)
    rates = checks.vector("min_rates", min_rates, scene.num_users)
    if np.any(rates < 0):
        raise ValueError(f"min_rates must be >= 0; got {rates.tolist()}")
    return rates


def require_power(power: float) -> float:
    """The transmit power, checked."""
    return checks.real("power", power, minimum=0, exclusive=True)


def require_scene(scene: Any) -> NearFieldScene:
    """The scene, checked."""
    return checks.instance("scene", scene, NearFieldScene)


def require_users(scene: NearFieldScene) -> None:
    """Raise ``ValueError`` if the scene has no users."""
    if require_scene(scene).num_users == 0:
        raise ValueError(
            "channels must hold at least one user here; got a scene without users. "
            "Without users, sensing_only gives the best beams in closed form"
        )


def require_rates(
    scene: NearFieldScene, power: float, min_rates: np.ndarray, num_rf_chains: int | None = None
) -> float:
    """Share of the power that is left when the rates are met, >= 0.

    :class:`InfeasibleError` if no beams, or none of so many chains, meet the rates.
    """
    share = 1 - np.exp2(-min_rates)  # SINR / (1 + SINR), of a dimension for each user
    if num_rf_chains is not None and share.sum() >= num_rf_chains:
        raise InfeasibleError(
            f"rate targets [{', '.join(f'{r:g}' for r in min_rates)}] bit/s/Hz need more than "
            f"{share.sum():.3g} chains, at any power; given num_rf_chains {num_rf_chains}"
        )
    needed = float(np.sum(_fixed_point(scene, min_rates)))
    if needed <= power * (1 + ROUNDING):
        return max(1 - needed / power, 0.0)
    need = "more than any power"
    if math.isfinite(needed):
        need = f"at least {dbm(needed)} ({needed:.3g} W)"
    targets = ", ".join(f"{r:g}" for r in min_rates)
    raise InfeasibleError(
        f"rate targets [{targets}] bit/s/Hz need {need} even with unconstrained beams; "
        f"given {dbm(power)}. {_limit(scene, power, 2 if needed > 1.01 * power else 9)}"
    )


@contextlib.contextmanager
def next_to_the_limit(scene: NearFieldScene, power: float, left: float) -> Iterator[None]:
    """Name the rates as the reason if a solver fails with hardly any power left."""
    try:
        yield
    except SolverError:
        if left > NARROW:
            raise
        raise SolverError(
            f"the rates leave a share of {left:.1e} of the power, too little to search for beams: "
            f"lower min_rates or raise the power. {_limit(scene, power, 9)}"
        ) from None


def _limit(scene: NearFieldScene, power: float, digits: int) -> str:
    rate = largest_common_rate(scene, power)
    said = f"{rate:.{digits}f}" if rate >= 0.01 else f"{rate:.3g}"
    return f"The largest common rate at {dbm(power)} is {said} bit/s/Hz"


def require_speb(scene: NearFieldScene, power: float, max_speb: float) -> None:
    """Raise :class:`InfeasibleError` if no beams reach the bound."""
    smallest = smallest_speb(scene, power)
    if max_speb < smallest:
        raise InfeasibleError(
            f"max_speb {max_speb:.4g} m^2 (PEB {math.sqrt(max_speb):.4g} m) is out of reach: the "
            f"smallest SPEB at {dbm(power)} is {smallest:.4g} m^2 "
            f"(PEB {math.sqrt(smallest):.4g} m), without any user; it needs at least "
            f"{dbm(power * smallest / max_speb)}"
        )


def dbm(power: float) -> str:
    return f"{10 * math.log10(power) + 30:.2f} dBm"
