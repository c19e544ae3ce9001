"""Scenarios of networks of beams for an extended target."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from pydantic import Field, model_validator

from sionna_isac.studies._extended.blocks import Body, PlanarArrays, Sounding
from sionna_isac.study.blocks import (
    Count,
    Decibel,
    Frozen,
    Increasing,
    NonNegative,
    Optimization,
    RangeInterval,
    Scenario,
)

__all__ = ["ExtendedTargetNetworkScenario", "Graph", "Training"]

Weight = Annotated[float, Field(gt=0, lt=1)]


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
    sinr_weight: Increasing[NonNegative] = (5.0,)
    """Weights of the penalty of the SINR, increasing; each gives a network of its own"""

    @property
    def name(self) -> str:
        """`str` : Label, or the head."""
        return self.label or f"head '{self.head}'"


class Training(NamedTuple):
    """A network with one weight of the penalty and one SINR target.

    Attributes
    ----------
    name : `str`
        Name of the network, with the weight of the penalty if there are several
    graph : :class:`Graph`
        Fields of the network
    sinr_weight : `float`
        Weight of the penalty of the SINR
    min_sinr : `float`
        SINR target, linear
    """

    name: str
    graph: Graph
    sinr_weight: float
    min_sinr: float


class Surroundings(Frozen):
    """Poses of the target and channels of the users, uniform in their intervals."""

    range_interval: RangeInterval = (8.0, 40.0)
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
    train_users: Increasing[Count] = (1, 2, 3)
    """Numbers of users of the training, equally likely, increasing"""
    test_users: Increasing[Count] = (1, 2, 3, 4)
    """Numbers of users of the tests, increasing"""
    num_test: Count = 200
    """Number of test scenes"""
    test_cells: Annotated[tuple[tuple[Count, Count], ...], Field(min_length=1)] = ((6, 4),)
    """Cells along local azimuth and elevation of the tests; the training has 6 and 4"""
    min_sinr_db: Increasing[Decibel] = (10.0,)
    """SINR targets of all users, increasing, each with networks of its own [dB]"""
    rate_weight: Weight | None = None
    """Weight of the sum rate in the weighted metric; null for the bound under SINR targets"""
    coverage: Annotated[float, Field(ge=1.01)] = 4.0
    """Largest ratio of the powers on scatterers"""
    figure: Literal["users", "penalty", "scatterers"] = "users"
    """Picture: results over the users, the weight of the penalty or the scatterers of a test"""
    training: Optimization = Optimization(iterations=1500, batch_size=100, learning_rate=2e-3)
    """Training, on new scenes in each iteration"""

    @property
    def trainings(self) -> list[list[Training]]:
        """Trainings of each network [network][SINR target]"""
        found = []
        for graph in self.networks:
            for weight in graph.sinr_weight:
                several = f", penalty {weight:g}" if len(graph.sinr_weight) > 1 else ""
                targets = [10 ** (value / 10) for value in self.min_sinr_db]
                found.append([Training(graph.name + several, graph, weight, t) for t in targets])
        return found

    @model_validator(mode="after")
    def _consistent(self) -> ExtendedTargetNetworkScenario:
        names = [row[0].name for row in self.trainings]
        if len(set(names)) != len(names):
            raise ValueError(f"networks must have distinct names; got {names}")
        if any(body.kind == "point" for body in self.bodies):
            raise ValueError("bodies must not be points, which have no orientation; got 'point'")
        if len(set(self.test_cells)) != len(self.test_cells):
            raise ValueError(f"test_cells must be distinct; got {list(self.test_cells)}")
        if self.rate_weight is not None:
            if len(self.min_sinr_db) > 1:
                raise ValueError(
                    "min_sinr_db must be one value with a rate_weight, where it has no effect; "
                    f"got {list(self.min_sinr_db)}"
                )
            if self.figure == "penalty":
                raise ValueError("figure must not be 'penalty' with a rate_weight; got 'penalty'")
        most = max(*self.train_users, *self.test_users)
        if most >= self.arrays.num_tx:
            raise ValueError(
                f"test_users and train_users must be below the {self.arrays.num_tx} transmit "
                f"elements; got {most}"
            )
        return self
