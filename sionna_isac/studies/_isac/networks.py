"""Approach of neural-network-based learning (NNBL)."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac import receiver, waveform
from sionna_isac.core import reset_stream
from sionna_isac.receiver import nn
from sionna_isac.studies._isac.approach import Approach, Parts
from sionna_isac.studies._isac.arrays import ideal_array, numerology
from sionna_isac.studies._isac.scenario import IsacScenario
from sionna_isac.studies.learning.scenario import Networks
from sionna_isac.study.learner import Stage

__all__ = ["NetworkApproach"]


_SIZES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # of precoder and receiver
    "full": ({}, {}),
    "small": ({}, {"filters": (4, 8, 16, 32), "pool_size": 2, "hidden": (32, 32)}),
    "limited": (
        {"hidden": (4, 4, 4)},
        {"filters": (2, 4, 8, 16), "pool_size": 4, "hidden": (4, 4)},
    ),
}


class NetworkApproach(Approach):
    """Networks in place of precoder and receiver, Appendix A of [MateosRamos25]_.

    Parameters
    ----------
    scenario
        Scenario
    config : `Networks`
        Sizes, and the two parts of the training
    stream : tuple
        Random stream of the initial weights
    """

    def __init__(self, scenario: IsacScenario, config: Networks, stream: tuple[Any, ...]) -> None:
        self._scenario, self._config, self._stream = scenario, config, stream
        precision = scenario.precision
        targets, wave = scenario.targets, scenario.waveform
        nearest, farthest = targets.range_interval
        reset_stream(*stream)
        beam, sizes = _SIZES[config.size]
        self.precoder = waveform.PrecoderNetwork(
            scenario.array.num_antennas, precision=precision, **beam
        )
        self.receiver = nn.NeuralReceiver(
            ideal_array(scenario),
            numerology(wave, scenario.array.wavelength),
            receiver.SearchGrid(
                config.num_angles, np.linspace(nearest, farthest, config.num_ranges)
            ),
            max_targets=targets.max_targets,
            no=scenario.noise_power,
            precision=precision,
            **sizes,
        )

    @property
    def structure(self) -> tuple[Any, ...]:
        """Sizes of the networks."""
        config = self._config
        return ("networks", config.size, config.num_angles, config.num_ranges)

    @property
    def compilable(self) -> bool:
        """`bool` : `False` on CPUs, where convolutions of XLA are slow"""
        return bool(tf.config.list_logical_devices("GPU"))

    def copy(self) -> NetworkApproach:
        """Approach with its own weights."""
        return NetworkApproach(self._scenario, self._config, self._stream)

    def variables(self) -> list[Any]:
        """Weights of all networks."""
        return [*self.precoder.weights, *self.receiver.weights]

    def parts(self, max_span: float, training: bool) -> Parts:
        """Networks for precoder and receiver, for any width of the sectors."""
        return Parts(self.precoder, self.receiver)

    def stages(self) -> tuple[Stage, ...]:
        """Two stages: beams and position, then beams and detection."""
        networks, config = self.receiver, self._config
        places = networks.angle_network, networks.range_network
        return (
            Stage("position", config.position, (networks.detection_network,)),
            Stage("detection", config.detection, places),
        )

    def estimate(
        self, parts: Parts, z: tf.Tensor, sector: tf.Tensor, stage: Stage | None
    ) -> receiver.TargetEstimate:
        """Estimates; in training, positions or logits of detection only."""
        if stage is None:
            return super().estimate(parts, z, sector, stage)
        features = self.receiver.features(z, sector)
        if stage.name == "position":
            return receiver.TargetEstimate(*self.receiver.locate(features, sector, True), None)
        logits = self.receiver.detection_logits(features, sector, True)
        return receiver.TargetEstimate(None, None, logits)
