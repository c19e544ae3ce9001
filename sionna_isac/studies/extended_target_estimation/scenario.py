"""Scenarios of errors of the estimated pose of an extended target over the SNR."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from sionna_isac.studies._extended.blocks import (
    Body,
    Division,
    PlanarArrays,
    Pose,
    Sounding,
)
from sionna_isac.studies.extended_target_beams.scenario import Users, check_designs
from sionna_isac.study.blocks import (
    Count,
    Decibel,
    Frozen,
    Increasing,
    Interval,
    Probability,
    RangeInterval,
    Scenario,
    ordered,
)

__all__ = ["ESTIMATORS", "ExtendedTargetEstimationScenario", "PoseSearch"]

ESTIMATORS = {
    "search": "maximum likelihood",
    "local": "maximum likelihood, started at the truth",
    "point": "maximum likelihood of a point",
}
Design = Literal["certified", "centre", "region"]
Whole = Annotated[int, Field(ge=0)]


class PoseSearch(Frozen):
    """Region that the estimators search at half the resolution; estimates stay within it."""

    range_interval: RangeInterval = (5.0, 30.0)
    """Ranges (low, high), around the target [m]"""
    azimuth_deg: Interval = (-60.0, 60.0)
    """Azimuths (low, high), around the target [deg]"""
    elevation_deg: Interval = (-45.0, 45.0)
    """Elevations (low, high), around the target [deg]"""
    num_steps: tuple[Whole, Whole, Whole] = (3, 2, 1)
    """Steps of the body to each side of the point that is found: range, azimuth, elevation"""
    num_orientations: Count = 12
    """Number of orientations that are tried at each place, over the full circle"""
    num_starts: Count = 3
    """Number of orientations, the best ones, from which the pose is refined"""

    @field_validator("azimuth_deg", "elevation_deg")
    @classmethod
    def _angles(cls, value: Interval) -> Interval:
        return ordered(value, -85, 85)


class ExtendedTargetEstimationScenario(Scenario):
    """Errors of estimators of the pose from the echo of beams that carry data, and their bound.

    Each sample has phases of the scatterers, data symbols and noise of its own. The receiver knows
    the symbols and the body with its phases, not its pose and gain.
    """

    kind: Literal["extended_target_estimation"]
    body: Body
    """Target, not a point"""
    snr_db: Increasing[Decibel]
    """Transmit power times path gain over noise power, increasing [dB]"""
    pose: Pose = Pose(range=10.0)
    """Place and orientation of the target"""
    users: Users = Users(directions_deg=((-15.0, 10.0), (5.0, -20.0)))
    """Users, whose data the beams carry"""
    designs: Annotated[tuple[Design, ...], Field(min_length=1)] = ("certified", "centre")
    """Compared beams: of the smallest bound, and two benchmarks"""
    min_sinr_db: Decibel = 10.0
    """SINR target of all users [dB]"""
    coverage: Annotated[float, Field(ge=1.01)] = 4.0
    """Largest ratio of the powers on scatterers; the benchmarks do not keep it"""
    level: Literal["energy", "resolved"] = "resolved"
    """Part of the Fisher information that the certified beams maximise"""
    arrays: PlanarArrays = PlanarArrays(tx_shape=(16, 8))
    """Arrays"""
    sounding: Sounding = Sounding(num_samples=32)
    """One OFDM symbol, a tone per sample; the noise power has no effect at a given SNR"""
    division: Division = Division()
    """Scatterers of the target"""
    search: PoseSearch = PoseSearch()
    """Search of the estimators"""
    num_samples: Annotated[int, Field(ge=2)] = 100
    """Number of echoes at each SNR"""
    batch_size: Count = 50
    """Echoes per computed batch"""
    confidence: Probability = 0.95
    """Confidence of the intervals"""

    @property
    def power_dbm(self) -> float:
        """`float` : Transmit power of the designs [dBm]; results depend on the SNR alone."""
        return 30.0

    @model_validator(mode="after")
    def _consistent(self) -> ExtendedTargetEstimationScenario:
        check_designs(self.body, self.users, self.designs, self.arrays)
        for name, field in {
            "range": "range_interval",
            "azimuth_deg": "azimuth_deg",
            "elevation_deg": "elevation_deg",
        }.items():
            low, high = getattr(self.search, field)
            value = getattr(self.pose, name)
            if not low <= value <= high:
                raise ValueError(
                    f"search.{field} must contain pose.{name} {value:g}; got [{low:g}, {high:g}]"
                )
        return self
