"""Beam designs of near-field studies on channel draws."""

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
from sionna_isac.core.units import watt
from sionna_isac.studies.near_field.blocks import RATE_CONSTRAINED, BeamDesign
from sionna_isac.study.part import Arrays

__all__ = ["FAILED", "INFEASIBLE", "MEASURES", "OK", "Draw", "design_block", "requirements"]

OK, INFEASIBLE, FAILED = 0, 1, 2
MEASURES = {"peb": "m", "peb_blind": "m", "gap": "1", "solve_time": "s"}  # and their units


def requirements(
    power_dbm: float | None, min_rate: float | None, max_peb: float | None
) -> dict[str, float]:
    """Given requirements on designs."""
    limits = {"power": watt(power_dbm)}
    if min_rate is not None:
        limits["min_rate"] = min_rate
    if max_peb is not None:
        limits["max_speb"] = max_peb**2
    return limits


def design_block(drawn: Sequence[Draw], designs: Sequence[BeamDesign], keep_beams: bool) -> Arrays:
    """All designs on each draw, arrays [designs, draws, ...].

    Infeasible draws and failures of a solver are also results, with ``status`` and ``message``;
    their numbers are NaN.
    """
    antennas, users = drawn[0].scene.num_antennas, drawn[0].scene.num_users
    shape = (len(designs), len(drawn))
    result = {
        "status": np.full(shape, FAILED, np.int8),
        "message": np.full(shape, "", "U300"),
        "rate": np.full((*shape, users), np.nan),
    }
    for name in MEASURES:
        result[name] = np.full(shape, np.nan)
    if keep_beams:
        result["beams"] = np.full((*shape, antennas, users), np.nan, np.complex128)
    for i, d in np.ndindex(shape[::-1]):
        result["status"][d, i], found = drawn[i].attempt(designs[d])
        if isinstance(found, str):
            result["message"][d, i] = found
            continue
        result["peb"][d, i] = found.peb
        result["peb_blind"][d, i] = math.sqrt(beamforming.blind_speb(drawn[i].scene, found.beams))
        result["rate"][d, i] = found.rates
        result["solve_time"][d, i] = found.solve_time
        if found.relaxation_gap is not None:
            result["gap"][d, i] = found.relaxation_gap
        if keep_beams:
            result["beams"][d, i] = found.beams
    return result


class Draw:
    """One draw, whose fully digital beams are shared by all designs that start from them.

    ``starts`` are beams, by their number of chains, that communication alone starts from, too.
    """

    def __init__(self, scene: NearFieldScene, limits: dict[str, float]) -> None:
        self.scene, self.limits = scene, limits
        self.starts: dict[int | None, list[np.ndarray]] = {}
        self._digital: BeamSolution | None = None

    def attempt(self, design: BeamDesign) -> tuple[int, BeamSolution | str]:
        """Status, and the beams or the message of an error."""
        try:
            return OK, self._solve(design)
        except InfeasibleError as error:
            return INFEASIBLE, str(error)
        except (SolverError, VerificationError) as error:
            return FAILED, str(error)

    def _solve(self, config: BeamDesign) -> BeamSolution:
        design, num_rf_chains, method = config.design, config.num_rf_chains, config.method
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
        if design in RATE_CONSTRAINED:
            arguments["min_rates"] = self.limits["min_rate"]
        elif design == "maximize_sum_rate":
            arguments["max_speb"] = self.limits["max_speb"]
        elif design == "communication_only":
            given = self.starts.get(num_rf_chains, [])
            arguments["starts"] = [BeamSolution.verified(self.scene, power, b) for b in given]
        return getattr(beamforming, design)(self.scene, power, **arguments)

    def _digital_sum_rate(self) -> BeamSolution:
        if self._digital is None:
            self._digital = beamforming.maximize_sum_rate(
                self.scene, self.limits["power"], self.limits["max_speb"]
            )
        return self._digital
