"""Receivers of a study: networks, the focused receiver, classical references."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac import receiver
from sionna_isac.core import reset_stream
from sionna_isac.objective import MULTITASK_WEIGHTS, PCGrad, candidate_loss, multitask_terms
from sionna_isac.receiver import LocalizerOutput, nn
from sionna_isac.studies.cross_task.learner import LocalizerLearner, estimates, score
from sionna_isac.studies.cross_task.samples import Samples
from sionna_isac.studies.cross_task.scenario import (
    CrossTaskScenario,
    Focused,
    MatchedFilter,
    Network,
    Periodogram,
)

__all__ = ["Trained", "classical", "make_trained"]

FOCUSED = 32  # channels that are focused at a time
OFFSET = 2.0  # standard deviation of a centre from the strongest place [m]


class Trained:
    """A receiver with weights, and its training.

    Parameters
    ----------
    scenario : :class:`CrossTaskScenario`
        Scenario
    settings : :class:`Network` | :class:`Focused`
        Fields of the receiver
    samples : :class:`Samples`
        Samples of any split, for the tones and antennas
    seed : `int`
        Seed of initial weights and order
    """

    layer: Any

    def __init__(
        self, scenario: CrossTaskScenario, settings: Any, samples: Samples, seed: int
    ) -> None:
        self.scenario, self.settings, self.seed = scenario, settings, seed
        # receivers of the same kind start with the same weights where they have the same parts
        reset_stream(seed, "cross_task", "weights")
        self._make(samples)
        self._function = tf.function(self._call, autograph=False)

    def _make(self, samples: Samples) -> None:
        raise NotImplementedError

    @property
    def fit(self) -> Any:
        """Length and steps of the training."""
        return self.scenario.training

    def inputs(self, samples: Samples) -> Any:
        """Input of the layer for samples."""
        return samples.h

    def configuration(self) -> dict[str, Any]:
        """Everything that trained weights depend on, but samples, seed and fit."""
        return {"layer": self.layer, "settings": self.settings.model_dump(exclude={"label"})}

    def _losses(self, inputs: Any, labels: Any, training: bool) -> dict[str, tf.Tensor]:
        raise NotImplementedError

    def _call(self, inputs: Any) -> Any:
        raise NotImplementedError

    @staticmethod
    def _mirrored(inputs: Any, labels: Any) -> tuple[Any, Any]:
        raise NotImplementedError

    def learner(self, train: Samples, validation: Samples) -> LocalizerLearner:
        """Learner with the samples of training and validation."""
        held, labels = self.inputs(validation), validation
        surgery = PCGrad() if getattr(self.settings, "surgery", None) else None
        return LocalizerLearner(
            self.layer,
            self._losses,
            self.inputs(train),
            train.labels(),
            lambda: score(self.estimates(held), labels),
            self._mirrored if self.fit.mirror else None,
            surgery,
            self.seed,
        )

    def estimates(self, inputs: Any) -> dict[str, np.ndarray]:
        """Estimates for :meth:`inputs`."""
        return estimates(self._function, inputs)

    @property
    def weights(self) -> dict[str, np.ndarray]:
        """Weights by number."""
        return {str(i): v.numpy() for i, v in enumerate(self.layer.weights)}

    def assign(self, weights: dict[str, np.ndarray]) -> None:
        """Take trained weights."""
        for i, variable in enumerate(self.layer.weights):
            variable.assign(weights[str(i)])


def search_grid(scenario: CrossTaskScenario) -> receiver.SearchGrid:
    """Azimuths and ranges that receivers search, a little more than where targets are."""
    region, search = scenario.dataset.placement, scenario.search
    low, high = np.radians(np.add(region.azimuth_deg, (-2, 2)))
    near, far = region.range_interval
    ranges = np.arange(max(near - 3, search.range_step), far + 3, search.range_step)
    return receiver.SearchGrid(np.linspace(low, high, search.num_angles), ranges)


class TrainedNetwork(Trained):
    """Network of [Zhao26]_, on channels or on focused images."""

    settings: Network

    def _make(self, samples: Samples) -> None:
        size = self.scenario.network
        near, far = self.scenario.dataset.placement.range_interval
        place: dict[str, Any] = {
            "num_tones": len(samples.frequencies),
            "subcarriers": samples.subcarriers.tolist() if size.tones == "shared" else None,
            "range_offset": (near + far) / 2,
            "range_scale": max((far - near) / np.sqrt(12), 1.0),
        }
        if self._focuses:
            maps = nn.FocusedMaps(
                *_array(self.scenario, samples), height=self.scenario.search.height
            )
            place = {"front_end": maps, "range_offset": 0.0, "range_scale": OFFSET}
        self.layer = nn.CrossTaskLocalizer(
            len(self.scenario.dataset.categories),
            variant=self.settings.variant,
            task=self.settings.task,
            feature_dim=size.feature_dim,
            tones=size.tones,
            num_blocks=size.num_blocks,
            num_heads=size.num_heads,
            precision="single",
            **place,
        )

    def inputs(self, samples: Samples) -> Any:
        if self._focuses:
            return _focused(self.layer.maps, samples.h)
        return samples.h

    def _call(self, inputs: Any) -> Any:
        return self.layer.estimate(inputs) if self._focuses else self.layer(inputs)

    @property
    def _focuses(self) -> bool:
        return self.settings.front_end == "focused"

    def _losses(self, inputs: Any, labels: Any, training: bool) -> dict[str, tf.Tensor]:
        call = self.layer.estimate if self._focuses else self.layer
        settings = self.settings
        # each term is a task of the surgery: in their sum, the range in metres hides the azimuth
        return multitask_terms(
            call(inputs, training=training),
            labels,
            uncertainty=settings.uncertainty,
            physics=settings.physics,
        )

    def configuration(self) -> dict[str, Any]:
        return {**super().configuration(), "weights": MULTITASK_WEIGHTS}

    @staticmethod
    def _mirrored(inputs: Any, labels: Any) -> tuple[Any, Any]:
        peak = tf.stack([labels.peak[:, 0], 1 - labels.peak[:, 1]], -1)
        labels = labels._replace(azimuth=-labels.azimuth, peak=peak)
        if isinstance(inputs, nn.FocusedPatch):
            return inputs.mirrored(), labels
        return inputs[..., ::-1], labels


class TrainedFocused(Trained):
    """Receiver that focuses first."""

    settings: Focused

    def _make(self, samples: Samples) -> None:
        self.layer = nn.FocusedLocalizer(
            *_array(self.scenario, samples),
            num_classes=len(self.scenario.dataset.categories),
            height=self.scenario.search.height,
            num_candidates=self.settings.num_candidates,
            patch_size=self.settings.patch_size,
            margin=self.settings.margin,
            filters=self.settings.filters,
            symmetric=self.fit.mirror,
            precision="single",
        )

    @property
    def fit(self) -> Any:
        """Length and steps of the training."""
        return self.scenario.focusing

    def inputs(self, samples: Samples) -> Any:
        """Patches, which do not depend on the weights."""
        return _focused(self.layer.focus, samples.h)

    def _call(self, inputs: Any) -> Any:
        return self.layer.estimate(*inputs)

    def _losses(self, inputs: Any, labels: Any, training: bool) -> dict[str, tf.Tensor]:
        candidates = self.layer.candidates(*inputs, training=training)
        reach = self.layer.patch_size * self.layer.cell / 2
        weights = {"classification": self.fit.classification_weight}
        return {"all": candidate_loss(candidates, labels, reach=reach, weights=weights)}

    @staticmethod
    def _mirrored(inputs: Any, labels: Any) -> tuple[Any, Any]:
        return inputs.mirrored(), labels._replace(azimuth=-labels.azimuth)


def _array(scenario: CrossTaskScenario, samples: Samples) -> tuple[Any, ...]:
    """Tones, antennas and search of a receiver that knows them."""
    antennas = samples.tx_positions, samples.rx_positions
    return (samples.frequencies, *antennas, search_grid(scenario))


def _focused(focus: Callable[[Any], Any], h: np.ndarray) -> Any:
    """Patches of all samples."""
    call = tf.function(focus, autograph=False)
    parts = [call(h[i : i + FOCUSED]) for i in range(0, len(h), FOCUSED)]
    return tf.nest.map_structure(lambda *values: tf.concat(values, 0), *parts)


def make_trained(
    scenario: CrossTaskScenario, settings: Any, samples: Samples, seed: int
) -> Trained:
    """Receiver with initial weights."""
    kinds: dict[type, type[Trained]] = {Network: TrainedNetwork, Focused: TrainedFocused}
    return kinds[type(settings)](scenario, settings, samples, seed)


def classical(
    scenario: CrossTaskScenario, settings: MatchedFilter | Periodogram, samples: Samples
) -> Callable[[Any], Any]:
    """Function of channels that returns the estimates of a receiver without training."""
    far = scenario.dataset.placement.range_interval[1] + 3
    if isinstance(settings, Periodogram):
        steps = np.diff(samples.frequencies)
        limit = SPEED_OF_LIGHT / (2 * steps.mean())
        even = np.ptp(steps) < 1e-6 * steps.mean()
        layer: Any = receiver.Periodogram2D(
            samples.frequencies, samples.tx_positions, max_range=min(far, limit) if even else far
        )
    else:
        layer = receiver.NearFieldMatchedFilter(
            samples.frequencies,
            samples.tx_positions,
            samples.rx_positions,
            search_grid(scenario),
            height=scenario.search.height,
            combining=settings.combining,
        )

    @tf.function(autograph=False)
    def call(h: Any) -> Any:
        found = layer(h)
        return LocalizerOutput(range=found.range[:, 0], azimuth=found.angle[:, 0])

    return call
