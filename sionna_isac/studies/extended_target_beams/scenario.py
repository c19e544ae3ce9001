"""Scenarios of beams for an extended target and users."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from sionna_isac.studies._extended.blocks import (
    Azimuth,
    Body,
    Division,
    Elevation,
    PlanarArrays,
    Pose,
    Sounding,
)
from sionna_isac.study.blocks import Count, Decibel, Frozen, Increasing, Scenario, increasing

__all__ = ["DESIGNS", "WEIGHTED", "ExtendedTargetBeamsScenario", "Users", "check_designs"]

DESIGNS = {
    "certified": "smallest CRB, certified",
    "sdr": "smallest CRB, reduced SDR",
    "published": "smallest CRB, published SDR",
    "centre": "most power on the centre",
    "region": "most power on the region",
}
WEIGHTED = "weighted metric"
Design = Literal["certified", "sdr", "published", "centre", "region"]
Weight = Annotated[float, Field(ge=0, lt=1)]


class Users(Frozen):
    """Users with a line of sight and scattered paths, drawn for each scene."""

    directions_deg: Annotated[tuple[tuple[Azimuth, Elevation], ...], Field(min_length=1)] = (
        (-45.0, -5.0),
        (-15.0, 10.0),
        (45.0, 5.0),
        (5.0, -20.0),
    )
    """Azimuth and elevation of each user [deg]"""
    num_paths: Annotated[int, Field(ge=0)] = 3
    """Number of scattered paths"""
    path_gain_db: Decibel = -10.0
    """Mean power of a scattered path over that of the line of sight [dB]"""
    snr_db: Decibel = 2.0
    """Transmit power times the gain of the line of sight at one antenna over noise [dB]"""


def check_designs(body: Body, users: Users, designs: tuple[str, ...], arrays: PlanarArrays) -> None:
    """Refuse a body without a pose, repeated designs and too many users."""
    if body.kind == "point":
        raise ValueError("body must not be a point, which has no orientation; got 'point'")
    if len(set(designs)) != len(designs):
        raise ValueError(f"designs must be distinct; got {list(designs)}")
    if len(users.directions_deg) >= arrays.num_tx:
        raise ValueError(
            f"users.directions_deg must be fewer than the {arrays.num_tx} transmit "
            f"elements; got {len(users.directions_deg)}"
        )


class ExtendedTargetBeamsScenario(Scenario):
    """Bound of the pose over SINR targets, and over the sum rate with the weighted metric."""

    kind: Literal["extended_target_beams"]
    body: Body
    """Target, not a point"""
    pose: Pose = Pose()
    """Place and orientation of the target"""
    users: Users = Users()
    """Users"""
    num_scenes: Count = 1
    """Number of draws of the users' channels"""
    designs: Annotated[tuple[Design, ...], Field(min_length=1)]
    """Designs under SINR targets: three methods of the smallest bound, two benchmarks"""
    min_sinr_db: Increasing[Decibel]
    """SINR targets of all users, increasing [dB]"""
    rate_weights: tuple[Weight, ...] = ()
    """Weights of the sum rate in the weighted metric, increasing; none without it"""
    coverage: Annotated[float, Field(ge=1.01)] = 4.0
    """Largest ratio of the powers on scatterers; the benchmarks do not keep it"""
    power_dbm: Decibel = 30.0
    """Transmit power [dBm]"""
    level: Literal["energy", "resolved"] = "energy"
    """Part of the Fisher information that is kept"""
    arrays: PlanarArrays = PlanarArrays()
    """Arrays"""
    sounding: Sounding = Sounding()
    """Samples of the echo"""
    division: Division = Division()
    """Scatterers of the target"""
    figure: Literal["trade_off", "beampattern"] = "trade_off"
    """Picture: bounds over SINR and rate, or the powers of the first scene over the angles"""

    @field_validator("rate_weights")
    @classmethod
    def _increasing(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        return increasing(value) if value else value

    @model_validator(mode="after")
    def _consistent(self) -> ExtendedTargetBeamsScenario:
        check_designs(self.body, self.users, self.designs, self.arrays)
        return self
