"""Checked arguments of the designs for an extended target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac.array import planar_wave
from sionna_isac.beamforming._extended_beams import starts
from sionna_isac.beamforming._extended_model import ExtendedModel
from sionna_isac.beamforming._extended_search import Goal, local_optimum
from sionna_isac.beamforming.closed_form import ROUNDING, common_rate, dbm, least_power
from sionna_isac.beamforming.errors import InfeasibleError
from sionna_isac.bound import ExtendedTarget, extended_target_information
from sionna_isac.core import checks

__all__ = ["LEVELS", "Setup", "require_sinr", "unreachable_coverage"]

SMALLEST = 1.01  # ratio of the coverage
ROOM = 5e-7  # half of what the verification allows
LEVELS = ("energy", "resolved")
MOST = 1e40  # power and noise [W], with which products stay finite
SNR_DB = 180  # of the strongest antenna of a user
LEAST_SINR = 1e-9  # what is less, proofs cannot tell from none
LARGEST = 1e12  # bound of isotropic radiation in its own units: 1 without any coupling


@dataclass(frozen=True)
class Setup:
    """Arguments of a design."""

    target: ExtendedTarget
    tx_shape: tuple[int, int]
    system: dict[str, Any]  # arguments of the information beyond target and transmit array
    channels: np.ndarray  # [K, N]
    power: float
    user_noise: float
    sinr: np.ndarray  # [K]
    coverage: float
    weights: np.ndarray  # [num_pose]
    model: ExtendedModel

    @classmethod
    def of(
        cls,
        target: ExtendedTarget,
        tx_shape: Sequence[int],
        rx_shape: Sequence[int],
        channels: Any,
        power: float,
        min_sinr: Any,
        coverage: float | None,
        user_noise: float,
        weights: Any,
        level: str,
        **system: Any,
    ) -> Setup:
        """The arguments, checked."""
        checks.instance("target", target, ExtendedTarget)
        if target.weights.ndim != 1:
            raise ValueError(
                "target must be one target; got a batch of shape "
                f"{list(target.weights.shape[:-1])}. Design beams for one after the other"
            )
        power, user_noise = (
            checks.real(name, value, minimum=0, maximum=MOST, exclusive=True)
            for name, value in (("power", power), ("user_noise", user_noise))
        )
        coverage = _coverage(coverage)
        system |= {"level": checks.one_of("level", level, LEVELS), "rx_shape": rx_shape}
        information = extended_target_information(target, tx_shape, **system)
        size = information.steering.shape[-1]
        channels = checks.finite("channels", checks.complexes("channels", channels))
        if channels.ndim != 2 or channels.shape[1] != size or not len(channels):
            raise ValueError(
                f"channels must have shape [num_users, {size}], at least one user; got shape "
                f"{list(channels.shape)}"
            )
        if not np.all(np.any(channels != 0, axis=1)):
            raise ValueError("channels must hold a value other than 0 for each user; got 0 alone")
        _require_sane_snr(channels, power, user_noise)
        number = target.num_pose
        weights = np.ones(number) if weights is None else checks.vector("weights", weights, number)
        if np.any(weights < 0) or not np.any(weights):
            raise ValueError(f"weights must be >= 0, not all 0; got {weights.tolist()}")
        model = ExtendedModel.of(information, channels, power, user_noise, weights)
        _require_identifiable(model)
        return cls(
            target,
            (int(tx_shape[0]), int(tx_shape[1])),
            system,
            channels,
            power,
            user_noise,
            _sinr(min_sinr, len(channels)),
            coverage,
            weights,
            model,
        )

    @property
    def ratio(self) -> float:
        """The coverage as searches get it, with room for rounding where it is 1."""
        return max(self.coverage, 1 + ROOM)

    def steering(self, azimuth: np.ndarray, elevation: np.ndarray) -> np.ndarray:
        """Steering vectors [..., N] of the transmit array."""
        angles = np.asarray(azimuth, float), np.asarray(elevation, float)
        return planar_wave(self.tx_shape, *map(tf.constant, angles)).numpy()


def require_sinr(setup: Setup) -> None:
    """:class:`InfeasibleError` if no beams of the given power meet the SINR targets."""
    users, sinr = setup.model.users, setup.sinr
    needed = least_power(users, np.log2(1 + sinr))
    if needed <= 1 + ROUNDING:
        return
    need = "more than any power"
    if math.isfinite(needed):
        need = f"at least {dbm(needed * setup.power)}"
    raise InfeasibleError(
        f"min_sinr [{', '.join(f'{10 * math.log10(s):.2f}' for s in sinr if s > 0)}] dB needs "
        f"{need}, even without a target; given {dbm(setup.power)}. "
        f"The largest common SINR at this power is {_common_sinr(users)}"
    )


def unreachable_coverage(setup: Setup) -> InfeasibleError | None:
    """Error with the smallest coverage that was found for the SINR targets; none if it is met."""
    smallest = math.inf
    wanted = Goal("coverage", setup.sinr)
    for _, start in starts(setup.model, Goal("bound", setup.sinr)):
        found, _ = local_optimum(setup.model, wanted, start)
        if found.usable:
            smallest = min(smallest, math.exp(found.value))
    if smallest <= setup.coverage:
        return None
    reach = "no beams were found that meet the SINR targets and light all scatterers"
    if smallest < math.inf:
        reach = f"the smallest found for these SINR targets is {smallest:.4g}"
    return InfeasibleError(
        f"coverage {setup.coverage:g} is out of reach at {dbm(setup.power)}: {reach}. The largest "
        f"common SINR, without a target, is {_common_sinr(setup.model.users)}"
    )


def _common_sinr(users: np.ndarray) -> str:
    sinr = math.expm1(common_rate(users) * math.log(2))
    return f"{10 * math.log10(sinr):.2f} dB ({sinr:.4g})"


def _coverage(coverage: Any) -> float:
    if coverage is None or coverage == math.inf:
        return math.inf
    # below, the shell of equal powers is too thin for the search
    return checks.real("coverage", coverage, minimum=SMALLEST)


def _sinr(min_sinr: Any, num_users: int) -> np.ndarray:
    if np.ndim(min_sinr) == 0:
        sinr = np.full(num_users, checks.real("min_sinr", min_sinr, minimum=0))
    else:
        sinr = checks.vector("min_sinr", min_sinr, num_users)
        if np.any(sinr < 0):
            raise ValueError(f"min_sinr must be >= 0 (linear); got {sinr.tolist()}")
    tiny = sinr[(sinr > 0) & (sinr < LEAST_SINR)]
    if tiny.size:
        raise ValueError(
            f"min_sinr must be 0, for none, or at least {LEAST_SINR:g} (linear); got {tiny[0]:g}"
        )
    return sinr


def _require_sane_snr(channels: np.ndarray, power: float, user_noise: float) -> None:
    """Refuse channels beyond what double precision can weigh against the noise."""
    strongest = 20 * np.log10(np.max(np.abs(channels), axis=1))
    strongest += 10 * math.log10(power) - 10 * math.log10(user_noise)
    bad = strongest[np.abs(strongest) > SNR_DB]
    if bad.size:
        raise ValueError(
            "channels, power and user_noise must give the strongest antenna of each user an SNR "
            f"|h|^2 P / noise within [{-SNR_DB:g}, {SNR_DB:g}] dB; got {bad[0]:.4g} dB"
        )


def _require_identifiable(model: ExtendedModel) -> None:
    """Refuse targets whose pose no beams can tell."""
    groups, _, number = model.shape
    if not 0 < model.isotropic < LARGEST:
        raise ValueError(
            f"target must have scatterers that tell its {number - 1} parameters of the pose "
            f"apart; got {groups} with a singular Fisher information"
        )
