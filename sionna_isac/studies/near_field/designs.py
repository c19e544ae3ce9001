"""Beam designs of a near-field study on blocks of channel draws; runs in worker processes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from sionna_isac import beamforming
from sionna_isac.beamforming import (
    BeamSolution,
    InfeasibleError,
    NearFieldScene,
    SolverError,
    VerificationError,
)

__all__ = ["FAILED", "INFEASIBLE", "MEASURES", "OK", "design_block", "history_of_draw"]

OK, INFEASIBLE, FAILED = 0, 1, 2
MEASURES = {"peb": "m", "peb_blind": "m", "gap": "1", "solve_time": "s"}  # and their units


def design_block(
    scene: dict[str, Any],
    channels: np.ndarray,
    limits: dict[str, float],
    designs: Sequence[dict[str, Any]],
    keep_beams: bool,
) -> dict[str, np.ndarray]:
    """All designs on each draw of channels [draws, users, antennas].

    Infeasible draws and failures of a solver are results, too: ``status`` and ``message`` say
    what happened, and numbers are NaN.
    """
    draws, users, antennas = channels.shape
    shape = (len(designs), draws)
    result = {
        "status": np.full(shape, FAILED, np.int8),
        "message": np.full(shape, "", "U300"),
        "rate": np.full((*shape, users), np.nan),
    }
    for name in MEASURES:
        result[name] = np.full(shape, np.nan)
    if keep_beams:
        result["beams"] = np.full((*shape, antennas, users), np.nan, np.complex128)
    for i in range(draws):
        drawn = _Draw(NearFieldScene(**scene, channels=channels[i]), limits)
        for d, design in enumerate(designs):
            status, found = _attempt(drawn, design)
            result["status"][d, i] = status
            if isinstance(found, str):
                result["message"][d, i] = found
                continue
            result["peb"][d, i] = found.peb
            result["peb_blind"][d, i] = _blind_bound(drawn.scene, found, limits["power"])
            result["rate"][d, i] = found.rates
            result["solve_time"][d, i] = found.solve_time
            if found.relaxation_gap is not None:
                result["gap"][d, i] = found.relaxation_gap
            if keep_beams:
                result["beams"][d, i] = found.beams
    return result


def history_of_draw(
    scene: dict[str, Any], channels: np.ndarray, limits: dict[str, float], design: dict[str, Any]
) -> dict[str, np.ndarray]:
    """Published method on one draw of channels [users, antennas], and the default method there.

    Objectives are SPEB [m^2] or sum rates [bit/s/Hz].
    """
    drawn = _Draw(NearFieldScene(**scene, channels=channels), limits)
    default = {**design, "method": None}
    digital = {**default, "num_rf_chains": None}
    objective = "speb" if design["design"] == "minimize_speb" else "sum_rate"
    result: dict[str, Any] = {"history": np.zeros(0)}
    for name, what in (("published", design), ("direct", default), ("digital", digital)):
        status, found = _attempt(drawn, what)
        result[f"{name}_status"] = status
        if isinstance(found, str):
            result |= {name: np.nan, f"{name}_time": np.nan, f"{name}_message": found}
            continue
        result |= {name: getattr(found, objective), f"{name}_time": found.solve_time}
        result[f"{name}_message"] = ""
        if name == "published":
            result["history"] = found.history
    return {key: np.asarray(value) for key, value in result.items()}


def _blind_bound(scene: NearFieldScene, solution: BeamSolution, power: float) -> float:
    """PEB [m] of a receiver that does not know the symbols, such as MUSIC.

    It sees one source at the target, and nothing of how the streams change with the position:
    all that counts is the power that reaches the target.
    """
    offset = scene.target[1] - scene.element_positions
    wavenumber = 2 * math.pi / scene.wavelength
    steering = np.exp(-1j * wavenumber * np.hypot(scene.target[0], offset))
    lit = np.sum(np.abs(steering.conj() @ solution.beams) ** 2)
    share = lit / (scene.num_antennas * power)
    return math.sqrt(beamforming.smallest_speb(scene, power) / share)


class _Draw:
    """One draw: designs that start from fully digital beams share them."""

    def __init__(self, scene: NearFieldScene, limits: dict[str, float]) -> None:
        self.scene, self.limits = scene, limits
        self._digital: BeamSolution | None = None

    def solve(
        self, design: str, num_rf_chains: int | None, method: str | None, **_: Any
    ) -> BeamSolution:
        power = self.limits["power"]
        if design == "matrix_approximation":
            assert num_rf_chains is not None
            limit = self.limits["max_speb"]
            return beamforming.matrix_approximation(
                self.scene, power, self._digital_sum_rate(), num_rf_chains, limit
            )
        if design == "maximize_sum_rate" and num_rf_chains is None and method in (None, "direct"):
            return self._digital_sum_rate()
        arguments: dict[str, Any] = {"num_rf_chains": num_rf_chains}
        if method is not None:
            arguments["method"] = method
        if design in ("minimize_speb", "maximize_snr", "two_stage"):
            arguments["min_rates"] = self.limits["min_rate"]
        elif design == "maximize_sum_rate":
            arguments["max_speb"] = self.limits["max_speb"]
        return getattr(beamforming, design)(self.scene, power, **arguments)

    def _digital_sum_rate(self) -> BeamSolution:
        if self._digital is None:
            self._digital = beamforming.maximize_sum_rate(
                self.scene, self.limits["power"], self.limits["max_speb"]
            )
        return self._digital


def _attempt(drawn: _Draw, design: dict[str, Any]) -> tuple[int, BeamSolution | str]:
    try:
        return OK, drawn.solve(**design)
    except InfeasibleError as error:
        return INFEASIBLE, str(error)
    except (SolverError, VerificationError) as error:
        return FAILED, str(error)
