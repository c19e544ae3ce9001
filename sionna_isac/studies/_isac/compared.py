"""Common fields of scenarios that compare approaches, and their claims."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from sionna_isac.studies._isac.blocks import Beam, DetectionSampling
from sionna_isac.studies._isac.scenario import ArrayScenario
from sionna_isac.study.blocks import Count, Frozen

__all__ = ["Claim", "ComparedScenario", "Metric"]

Metric = Literal["gospa", "p_md", "angle_rmse", "range_rmse", "ser"]


class Claim(Frozen):
    """Claim that one approach is better than another, or as good as it (``alike``).

    The claim is judged at ``eta``, or at ``eta`` and ``phi`` of the waveform; if the sweep does not
    contain these, at the largest share and the first phase. With ``ser`` it is judged where both
    approaches have this symbol error rate. "Better" needs confidence intervals without overlap,
    "alike" intervals with overlap.
    """

    better: str
    """Name of an approach"""
    worse: str
    """Name of the other approach"""
    alike: bool = False
    """If true, the claim is that both are equally good"""
    metrics: tuple[Metric, ...] = ("gospa", "p_md", "angle_rmse", "range_rmse", "ser")
    """Metrics that must agree with the claim"""
    eta: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of the sensing beam at which the claim is judged; null: that of the waveform"""
    ser: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Symbol error rate at which the claim is judged, between the points of the sweep"""

    @model_validator(mode="after")
    def _at_one_place(self) -> Self:
        if self.ser is not None and self.eta is not None:
            raise ValueError(f"eta must be left out with ser; got {self.eta:g}")
        if self.ser is not None and "ser" in self.metrics:
            raise ValueError("metrics must be other than 'ser' in a claim at equal ser")
        return self


class ComparedScenario(ArrayScenario):
    """Common fields of comparisons of approaches over beams and draws of the impairments."""

    num_draws: Count = 1
    """Number of draws of the impairments, each a repetition of the whole study"""
    first_draw: Annotated[int, Field(ge=0)] = 0
    """Number of the first draw of the impairments; the same number is the same draw"""
    waveform: Beam
    """Beam, unless it is swept"""
    approaches: Mapping[str, Any]
    """Compared approaches, by names of letters, digits and underscores"""
    evaluation: DetectionSampling = DetectionSampling()
    """Monte-Carlo evaluation"""
    claims: tuple[Claim, ...] = ()
    """Statements to judge at the end"""

    @property
    def draws(self) -> range:
        """Numbers of the draws of the impairments."""
        return range(self.first_draw, self.first_draw + self.num_draws)

    @property
    def etas(self) -> tuple[float, ...]:
        """Shares of the sensing beam."""
        raise NotImplementedError

    @property
    def phis(self) -> tuple[float, ...]:
        """Phases between the beams [rad]."""
        raise NotImplementedError

    @property
    def beam(self) -> tuple[float, float]:
        """Share and phase at which claims are judged."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _claimed(self) -> Self:
        for label in self.approaches:
            if not label.replace("_", "").isalnum():  # it is part of file names
                raise ValueError(
                    f"approaches must have names of letters, digits and underscores; got '{label}'"
                )
        for claim in self.claims:
            for name in (claim.better, claim.worse):
                if name not in self.approaches:
                    raise ValueError(
                        f"claims must name approaches, {', '.join(self.approaches)}; got '{name}'"
                    )
            if claim.eta is not None and claim.eta not in self.etas:
                raise ValueError(
                    f"claims.eta must be one of eta, {list(self.etas)}; got {claim.eta:g}"
                )
        return self
