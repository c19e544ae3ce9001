"""Designed beams, verified against their requirements."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sionna_isac import bound
from sionna_isac.beamforming.closed_form import rate_targets, require_power, require_scene
from sionna_isac.beamforming.errors import VerificationError
from sionna_isac.beamforming.scene import NearFieldScene
from sionna_isac.core import checks

__all__ = [
    "BeamSolution",
    "Margins",
    "beam_rates",
    "beam_speb",
    "hybrid_parts",
    "power_breaches",
    "refuse",
    "subarray_analog",
]

POWER_TOLERANCE = 1e-9  # relative
RATE_TOLERANCE = 1e-6  # bit/s/Hz
SPEB_TOLERANCE = 1e-6  # relative
MODULUS_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Margins:
    """Margins of the requirements; negative where violated, `None` where not asked for.

    Parameters
    ----------
    power : `float`
        Budget less transmit power [W]
    rates : [num_users] or `None`
        Rate less target [bit/s/Hz]
    speb : `float` or `None`
        Allowed less reached SPEB [m^2]
    constant_modulus : `float` or `None`
        Minus the largest deviation of the analog beamformer from its structure
    """

    power: float
    rates: np.ndarray | None = None
    speb: float | None = None
    constant_modulus: float | None = None


@dataclass(frozen=True, eq=False)
class BeamSolution:
    """Beams that passed an independent check; built by :meth:`verified` only.

    Parameters
    ----------
    beams : [num_antennas, num_streams], `np.complex128`
        Beams :math:`\\mathbf{F}` [sqrt(W)]
    analog : [num_antennas, num_rf_chains] or `None`
        Analog beamformer, one subarray per chain, entries of unit modulus; none if fully digital
    digital : [num_rf_chains, num_streams] or `None`
        Digital beamformer, ``beams = analog @ digital``
    speb, peb : `float`
        Squared position error bound [m^2] and its root [m]
    rates : [num_users], `np.float64`
        Rates [bit/s/Hz], and ``sum_rate``, their sum
    margins : :class:`~sionna_isac.beamforming.Margins`
        Margins of the requirements
    relaxation_gap : `float` or `None`
        Relative distance of the objective to a certified bound on what any beams reach (fully
        digital ones, also for hybrid beams): 0 is a proof of optimality; none where no bound is
        known
    method, solver, status : `str`
        Method asked for, the solver behind it and what it reported
    solve_time : `float`
        Wall time of the design [s]
    history : [num_iterations + 1] or `None`
        Objective after each iteration of a published iterative method, the start first: SPEB [m^2]
        for "sdr-bcd" (the best so far), sum rate [bit/s/Hz] for "sca-bcd". Each is the value of
        beams that meet the requirements; none for other methods
    """

    beams: np.ndarray
    analog: np.ndarray | None
    digital: np.ndarray | None
    speb: float
    peb: float
    rates: np.ndarray
    sum_rate: float
    margins: Margins
    relaxation_gap: float | None
    method: str
    solver: str
    status: str
    solve_time: float
    history: np.ndarray | None = None

    @classmethod
    def verified(
        cls,
        scene: NearFieldScene,
        power: float,
        beams: np.ndarray | None = None,
        *,
        analog: np.ndarray | None = None,
        digital: np.ndarray | None = None,
        min_rates: np.ndarray | None = None,
        max_speb: float | None = None,
        relaxation_gap: float | None = None,
        method: str = "given",
        solver: str = "none",
        status: str = "given",
        solve_time: float = math.nan,
        enforce: bool = True,
        rate_tolerance: float = RATE_TOLERANCE,
        history: np.ndarray | None = None,
    ) -> BeamSolution:
        """Beams, fully digital or ``analog @ digital``, measured on the scene itself.

        SPEB and rates are those of :mod:`sionna_isac.bound` and of the definition, not of the
        design method. ``rate_tolerance`` is what a rate may be short by [bit/s/Hz]; without
        ``enforce``, rates and SPEB may be missed, and the margins say by how much.

        Raises
        ------
        TypeError, ValueError
            If an argument is out of range, or beams do not have the shape of beams
        VerificationError
            If power, structure or, with ``enforce``, rates or SPEB violate the requirements
        """
        require_scene(scene)
        power = require_power(power)
        if min_rates is not None:
            min_rates = rate_targets(scene, min_rates)
        if max_speb is not None:
            max_speb = checks.real("max_speb", max_speb, minimum=0, exclusive=True)
        beams, analog, digital = (
            None if value is None else _matrix(name, value)
            for name, value in (("beams", beams), ("analog", analog), ("digital", digital))
        )
        if (analog is None) != (digital is None) or (beams is None) == (digital is None):
            raise TypeError("give either beams, or analog and digital")
        modulus = None
        if analog is not None and digital is not None:
            beams, modulus = _product(analog, digital, scene.num_antennas)
        assert beams is not None
        if beams.shape[0] != scene.num_antennas or beams.shape[1] < scene.num_users:
            raise VerificationError(
                f"beams must have shape [{scene.num_antennas}, >= {scene.num_users}]; "
                f"got {list(beams.shape)}"
            )
        if not np.all(np.isfinite(beams)):
            raise VerificationError(f"the beams of method {method!r} are not finite ({status})")
        rates = beam_rates(scene, beams)
        speb = beam_speb(scene, beams)
        margins = Margins(
            power=power - float(np.sum(np.abs(beams) ** 2)),
            rates=None if min_rates is None else rates - min_rates,
            speb=None if max_speb is None else max_speb - speb,
            constant_modulus=modulus,
        )
        _check(
            margins,
            power,
            max_speb if enforce and max_speb is not None else math.inf,
            method,
            rate_tolerance if enforce else math.inf,
        )
        return cls(
            beams=beams,
            analog=analog,
            digital=digital,
            speb=speb,
            peb=math.sqrt(speb),
            rates=rates,
            sum_rate=float(rates.sum()),
            margins=margins,
            relaxation_gap=relaxation_gap,
            method=method,
            solver=solver,
            status=status,
            solve_time=solve_time,
            history=history,
        )


def _matrix(name: str, value: Any) -> np.ndarray:
    """Complex matrix, possibly not finite: the verification checks this."""
    matrix = np.asarray(value)
    if matrix.dtype.kind not in "iufc":
        raise TypeError(f"{name} must hold complex numbers; got {matrix.dtype}")
    if matrix.ndim != 2:
        raise ValueError(f"{name} must be a matrix, a beam a column; got {list(matrix.shape)}")
    return matrix.astype(np.complex128)


def _product(
    analog: np.ndarray, digital: np.ndarray, num_antennas: int
) -> tuple[np.ndarray, float]:
    """Beams of both parts, and the margin of the structure of the analog one."""
    chains = len(digital)
    if analog.shape != (num_antennas, chains):
        raise ValueError(
            f"analog must have shape [{num_antennas}, {chains}], a column for "
            f"each row of digital; got shape {list(analog.shape)}"
        )
    if not chains or num_antennas % chains:
        raise ValueError(
            f"digital must have a number of rows that divides the {num_antennas} antennas into "
            f"equal subarrays; got {chains}"
        )
    structure = subarray_analog(np.ones(num_antennas), chains).real
    return analog @ digital, -float(np.max(np.abs(np.abs(analog) - structure)))


def _check(
    margins: Margins, power: float, max_speb: float, method: str, rate_tolerance: float
) -> None:
    broken = power_breaches(margins.power, power)
    if margins.constant_modulus is not None and margins.constant_modulus < -MODULUS_TOLERANCE:
        broken.append(
            "the analog beamformer is not one phase per antenna: "
            f"off by {-margins.constant_modulus:.3g}"
        )
    if margins.rates is not None and np.any(margins.rates < -rate_tolerance):
        worst = int(np.argmin(margins.rates))
        broken.append(f"user {worst} is short of its rate by {-margins.rates[worst]:.3g} bit/s/Hz")
    if margins.speb is not None and margins.speb < -SPEB_TOLERANCE * max_speb:
        broken.append(f"SPEB exceeds {max_speb:.4g} m^2 by {-margins.speb:.3g} m^2")
    refuse(method, broken)


def power_breaches(margin: float, power: float) -> list[str]:
    """Sentence on beams that exceed their power, if they do."""
    if margin >= -POWER_TOLERANCE * power:
        return []
    return [f"power exceeds the budget by {-margin:.3g} W of {power:.3g} W"]


def refuse(method: str, broken: list[str]) -> None:
    """:class:`VerificationError` if something is broken."""
    if broken:
        raise VerificationError(f"beams of method {method!r}: " + "; ".join(broken))


def beam_rates(scene: NearFieldScene, beams: np.ndarray) -> np.ndarray:
    """Rates [num_users] of given beams [bit/s/Hz]; streams beyond the users only interfere."""
    received = np.abs(scene.channels.conj() @ beams) ** 2
    own = np.diagonal(received)
    return np.log2(1 + own / (received.sum(1) - own + scene.no))


def beam_speb(scene: NearFieldScene, beams: np.ndarray) -> float:
    """SPEB of given beams [m^2]."""
    return float(
        bound.squared_position_error_bound(
            bound.effective_fim(
                bound.near_field_position_fim(
                    scene.element_positions,
                    scene.wavelength,
                    scene.target,
                    beams,
                    scene.reflection,
                    scene.no,
                    scene.num_snapshots,
                ),
                num_interest=2,
            )
        )
    )


def subarray_analog(entries: np.ndarray, num_rf_chains: int) -> np.ndarray:
    """Block-diagonal analog beamformer [N, num_rf_chains] with the given entries [N]."""
    size = len(entries) // num_rf_chains
    analog = np.zeros([len(entries), num_rf_chains], np.complex128)
    index = np.arange(len(entries))
    analog[index, index // size] = entries
    return analog


def hybrid_parts(entries: np.ndarray, digital: np.ndarray, power: float) -> dict[str, Any]:
    """The two beamformers of hybrid beams, from analog entries [N] and digital ones of unit power.

    The names are those of :meth:`BeamSolution.verified`.
    """
    analog = subarray_analog(entries, len(digital))
    return {"analog": analog, "digital": digital * math.sqrt(power)}
