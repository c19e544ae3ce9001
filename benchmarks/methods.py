"""The methods whose cost is measured, at the sizes of the papers or at small ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import sionna_isac as isac
from sionna_isac.core import complex_normal
from sionna_isac.studies._isac.approach import Approach
from sionna_isac.studies._isac.arrays import true_array
from sionna_isac.studies._isac.system import IsacSystem
from sionna_isac.studies.learning.scenario import LearningScenario
from sionna_isac.studies.learning.study import make_approach
from sionna_isac.studies.single_carrier.approach import make_approach as make_single_carrier
from sionna_isac.studies.single_carrier.system import SingleCarrierSystem
from sionna_isac.study.learner import Learner, Stage
from sionna_isac.study.loading import load_scenario

__all__ = ["METHODS", "Method", "Paper", "Side", "step"]

Call = Callable[[], Any]

# a weight of sensing, of those of the scenario, at which beam and loss have two parts
ETA = 0.6


@dataclass(frozen=True)
class Paper:
    """Number of parameters as a paper prints it: ``unit`` says what it counts."""

    printed: str
    unit: str


@dataclass(frozen=True)
class Side:
    """One method, ready to run.

    Attributes
    ----------
    inference
        For a batch size, transmission and reception of one batch
    learner
        What is trained, `None` if nothing is
    stages
        For a batch size, the parts of the training
    compiled
        Whether XLA compiles it
    """

    inference: Callable[[int], Call]
    learner: Learner | None
    stages: Callable[[int], tuple[Stage, ...]]
    compiled: bool


@dataclass(frozen=True)
class Method:
    """A method of a paper."""

    title: str
    chain: str
    make: Callable[[bool], Side]
    paper: Paper | None = None
    batch_sizes: tuple[int, int] = (64, 64)  # of inference and training

    def parameters(self, small: bool = False) -> tuple[int, int]:
        """Trainable real parameters, all of them and those that the paper counts."""
        side = self.make(small)
        if side.learner is None:
            return 0, 0
        weights = side.learner.trainable_weights
        every = sum(int(np.prod(w.shape)) for w in weights)
        networks = (isac.waveform.NeuralEncoder, isac.receiver.NeuralSymbolReceiver)
        symbols = [layer for layer in side.learner.layers if isinstance(layer, networks)]
        rest = sum(int(np.prod(w.shape)) for layer in symbols for w in layer.trainable_weights)
        return every, every - rest


def step(learner: Learner, stage: Stage, compiled: bool) -> Call:
    """A training iteration: draws, echo, loss, gradient, Adam."""
    learner.begin(stage, keras.optimizers.Adam(stage.training.learning_rate), compiled)
    return lambda: learner.train_step(None)["loss_now"]


def _scenario(config: dict[str, Any], num_targets: int, small: bool) -> LearningScenario:
    """The text of [MateosRamos25]_; small, for tests, with 8 antennas and 16 subcarriers."""
    sizes: dict[str, Any] = {"array": {"num_antennas": 64}}
    if small:
        sizes = {
            "array": {"num_antennas": 8},
            "waveform": {"num_subcarriers": 16},
            "receiver": {"num_angles": 72, "num_ranges": 20, "window": (3, 2)},
        }
    waveform = {"eta": 0.7, "regularization": 0.1} | sizes.pop("waveform", {})
    return LearningScenario.model_validate(
        {
            "kind": "learning",
            "name": "cost",
            "title": "Cost",
            "waveform": waveform,
            "targets": {"max_targets": num_targets, "gain": {"kind": "rayleigh", "snr_db": 15}},
            "link": {"channel": {"kind": "multitap"}},
            "approaches": {"method": config},
            **sizes,
        }
    )


def _ofdm(config: dict[str, Any], num_targets: int = 1) -> Callable[[bool], Side]:
    """Method of [MateosRamos25]_ from the configuration of an approach."""

    def make(small: bool) -> Side:
        own = dict(config)
        if small and own["kind"] == "networks":
            own |= {"num_angles": 64, "num_ranges": 64, "size": "limited"}
        if small and own["kind"] == "dictionary":
            own["num_angles"] = 36
        scenario = _scenario(own, num_targets, small)
        truth = true_array(scenario)
        approach = make_approach(scenario, "method", truth)
        learner = IsacSystem(scenario, truth, approach, training=True)
        tested = IsacSystem(scenario, truth, approach)
        size, number = scenario.array.num_antennas, scenario.waveform.num_subcarriers
        reciprocal = isac.receiver.ReciprocalFilter(tested.echo.numerology)

        def inference(batch_size: int) -> Call:
            sector = _values(learner.sector(batch_size))
            x = _values(tested.symbols(batch_size)[0])
            y = _values(complex_normal([batch_size, size, number], 1.0))
            csi = _values(complex_normal([batch_size, number], 1.0))

            def call() -> Any:
                beam = tested.transmit(sector)
                estimate = learner.receiver(reciprocal(y, x), sector)
                bits = tested.detector(csi * x, csi, scenario.link_noise_power)
                return beam, estimate.angle, estimate.range, estimate.metric, bits

            return call

        return _side(scenario, approach, learner, inference)

    return make


def _single_carrier(label: str) -> Callable[[bool], Side]:
    """Approach of the scenario of [MateosRamos23]_, Fig. 4, as large as there."""

    def make(small: bool) -> Side:
        overrides = []
        if small:
            size = "hidden_size=6" if label.startswith("networks") else "num_angles=32"
            overrides = ["array.num_antennas=8", f"approaches.{label}.{size}"]
        scenario = load_scenario("single_carrier_fig4", overrides, profile="full")
        truth = true_array(scenario)
        approach = make_single_carrier(scenario, label, truth, 0, ETA)
        system = SingleCarrierSystem(scenario, truth, approach, training=True)

        def inference(batch_size: int) -> Call:
            sector = _values(system.sector(batch_size))
            y = _values(complex_normal([batch_size, scenario.array.num_antennas], 1.0))
            csi = _values(complex_normal([batch_size], 1.0))

            def call() -> Any:
                beam, _, x = system.transmit(sector, ETA)
                estimate = approach.detect(y, sector)
                message = tf.argmax(approach.messages(csi * x, csi), -1)
                return beam, estimate.angle, estimate.metric, message

            return call

        return _side(scenario, approach, system, inference)

    return make


def _side(
    scenario: Any, approach: Approach, learner: Learner, inference: Callable[[int], Call]
) -> Side:
    """A method as its scenario trains it, but for the size of the batch."""

    def stages(batch_size: int) -> tuple[Stage, ...]:
        update = {"batch_size": batch_size}
        return tuple(
            s._replace(training=s.training.model_copy(update=update)) for s in approach.stages()
        )

    learns = bool(approach.stages())
    compiled = scenario.compile and approach.compilable
    return Side(inference, learner if learns else None, stages, compiled)


def _values(tensor: tf.Tensor) -> tf.Tensor:
    """The same values, as a tensor that functions capture."""
    return tf.constant(tensor.numpy())


_MSE, _GOSPA = {"objective": "mse"}, {"objective": "gospa"}
_NETWORKS = {"kind": "networks", "position": _MSE, "detection": {"objective": "bce"}}
_OFDM, _ONE = "OFDM, T_max = {}", "single carrier"

METHODS = {
    **{
        f"{name}-{number}": Method(
            title, _OFDM.format(number), _ofdm(config(number), number), paper
        )
        for number in (1, 5)
        for name, title, config, paper in (
            ("omp", "baseline, OMP", lambda n: {"kind": "unknown"}, None),
            ("known", "known array, differentiable OMP", lambda n: {"kind": "known"}, None),
            (
                "impairments",
                "impairment learning",
                lambda n: {"kind": "impairments", "training": _MSE if n == 1 else _GOSPA},
                Paper("64 complex", "real"),
            ),
        )
    },
    "dictionary-720": Method(
        "dictionary learning, 720 angles",
        _OFDM.format(1),
        _ofdm({"kind": "dictionary", "num_angles": 720, "training": _MSE}),
        Paper("40,080 complex (64 × 720 = 46,080)", "complex"),
    ),
    "dictionary-156": Method(
        "dictionary learning, 156 angles",
        _OFDM.format(1),
        _ofdm({"kind": "dictionary", "num_angles": 156, "training": _MSE}),
        Paper("9,984 complex", "complex"),
    ),
    "networks-full": Method(
        "NNBL",
        _OFDM.format(1),
        _ofdm({**_NETWORKS, "size": "full"}),
        Paper("7.78 million", "real"),
        (16, 8),
    ),
    "networks-limited": Method(
        "NNBL, limited complexity",
        _OFDM.format(1),
        _ofdm({**_NETWORKS, "size": "limited"}),
        Paper("10,555", "real"),
        (16, 16),
    ),
    "map": Method(
        "MAP ratio test, least-squares beams",
        _ONE,
        _single_carrier("baseline"),
        batch_sizes=(1000, 1000),
    ),
    **{
        f"model-{size}": Method(
            f"model-driven, {size} angles",
            _ONE,
            _single_carrier(label),
            Paper(printed, "complex"),
            (1000, 1000),
        )
        for size, label, printed in (
            (500, "model_driven", "8,000 complex"),
            (156, "model_driven_limited", "about 2,500 complex"),
        )
    },
    **{
        f"networks-{size}": Method(
            f"networks, N = {size}",
            _ONE,
            _single_carrier(label),
            Paper(printed, "real"),
            (1000, 1000),
        )
        for size, label, printed in (
            (1024, "networks", "about 6.4 million"),
            (21, "networks_limited", "about 5,000"),
        )
    },
}
