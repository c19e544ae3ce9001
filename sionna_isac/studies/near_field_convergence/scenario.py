"""Scenarios of the convergence of published near-field methods."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from sionna_isac.studies.near_field.scenario import NearFieldSetting
from sionna_isac.study.blocks import Count

__all__ = ["NearFieldConvergenceScenario"]


class NearFieldConvergenceScenario(NearFieldSetting):
    """Objective after each iteration of a published method, and the result of the library's own."""

    kind: Literal["near_field_convergence"]
    algorithm: Literal["sdr-bcd", "sca-bcd"]
    """Published method, of the position bound (sdr-bcd) or of the sum rate (sca-bcd)"""
    num_rf_chains: Annotated[tuple[Count, ...], Field(min_length=1)]
    """Numbers of RF chains, each a curve and a divisor of the antennas"""

    @field_validator("num_rf_chains")
    @classmethod
    def _distinct(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(value)) != len(value):
            raise ValueError(f"must be a list of distinct numbers; got {list(value)}")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> NearFieldConvergenceScenario:
        sensing = self.algorithm == "sdr-bcd"
        why = f"algorithm '{self.algorithm}' "
        self.require("num_antennas", True, "the array needs it")
        self.require("power_dbm", True, "the beams need it")
        self.require("min_rate", sensing, why + ("keeps it" if sensing else "knows no rates"))
        self.require("max_peb", not sensing, why + ("knows no bound" if sensing else "keeps it"))
        assert self.array.num_antennas is not None
        for chains in self.num_rf_chains:
            self.check_chains(chains, self.array.num_antennas, "num_rf_chains")
        return self
