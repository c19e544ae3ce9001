"""Scenarios of networks of beams for an extended target."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from sionna_isac.studies._extended.blocks import Body, PlanarArrays, Sounding
from sionna_isac.study.blocks import (
    Count,
    Decibel,
    Frozen,
    Interval,
    NonNegative,
    Optimization,
    Scenario,
    increasing,
    positive_ranges,
)

__all__ = ["ExtendedTargetNetworkScenario", "Graph"]


class Graph(Frozen):
    """A graph network, and what a violated SINR costs in its training."""

    head: Literal["subspace", "direct"]
    """Output: coefficients of known vectors, then steps to the optimum; or, published, the beams"""
    label: str = ""
    """Name in tables and figures; that of the head if empty"""
    width: Count = 64
    """Width of the layers"""
    num_steps: Annotated[int, Field(ge=0)] = 3
    """Number of steps of head 'subspace'; no effect on the other one"""
    sinr_weight: NonNegative = 5.0
    """Weight of the penalty of the SINR"""

    @property
    def name(self) -> str:
        """`str` : Label, or the head."""
        return self.label or f"head '{self.head}'"


class Surroundings(Frozen):
    """Poses of the target and channels of the users, uniform in their intervals."""

    range_interval: Interval = (8.0, 40.0)
    """Ranges of the target [m]"""
    azimuth_deg: Annotated[float, Field(gt=0, lt=90)] = 60.0
    """Largest azimuth of target and users [deg]"""
    elevation_deg: Annotated[float, Field(gt=0, lt=90)] = 20.0
    """Largest elevation of target and users [deg]"""
    num_poses: Count = 2000
    """Number of poses of each body"""
    num_paths: Annotated[int, Field(ge=0)] = 3
    """Number of scattered paths of a user"""
    path_gain_db: Decibel = -10.0
    """Mean power of a scattered path over that of the line of sight [dB]"""
    snr_db: Decibel = 20.0
    """Transmit power times the gain of the line of sight at one antenna over noise [dB]"""

    _ranges = field_validator("range_interval")(positive_ranges)


class ExtendedTargetNetworkScenario(Scenario):
    """Training of networks on random scenes, and their beams over numbers of users.

    The optimum of each test scene is certified. Ratios to it depend neither on the gain of the echo
    nor on its noise.
    """

    kind: Literal["extended_target_network"]
    bodies: Annotated[tuple[Body, ...], Field(min_length=1)]
    """Targets, equally likely, no points"""
    networks: Annotated[tuple[Graph, ...], Field(min_length=1)]
    """Compared networks, with distinct names"""
    arrays: PlanarArrays = PlanarArrays(tx_shape=(4, 4), rx_shape=(4, 4))
    """Arrays"""
    sounding: Sounding = Sounding()
    """Samples of the echo"""
    surroundings: Surroundings = Surroundings()
    """Random scenes"""
    train_users: tuple[Count, ...] = (1, 2, 3)
    """Numbers of users of the training, equally likely, increasing"""
    test_users: tuple[Count, ...] = (1, 2, 3, 4)
    """Numbers of users of the tests, increasing"""
    num_test: Count = 200
    """Number of test scenes"""
    min_sinr_db: Decibel = 10.0
    """SINR target of all users [dB]"""
    coverage: Annotated[float, Field(ge=1.01)] = 4.0
    """Largest ratio of the powers on scatterers"""
    training: Optimization = Optimization(iterations=1500, batch_size=100, learning_rate=2e-3)
    """Training, on new scenes in each iteration"""

    _sorted = field_validator("train_users", "test_users")(increasing)

    @model_validator(mode="after")
    def _consistent(self) -> ExtendedTargetNetworkScenario:
        names = [network.name for network in self.networks]
        if len(set(names)) != len(names):
            raise ValueError(f"networks must have distinct names; got {names}")
        if any(body.kind == "point" for body in self.bodies):
            raise ValueError("bodies must not be points, which have no orientation; got 'point'")
        most = max(*self.train_users, *self.test_users)
        if most >= self.arrays.num_tx:
            raise ValueError(
                f"test_users and train_users must be below the {self.arrays.num_tx} transmit "
                f"elements; got {most}"
            )
        return self
