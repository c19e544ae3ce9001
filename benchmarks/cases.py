"""What is compared: the same inputs through the plain implementation and through the library."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from scipy.constants import c as SPEED_OF_LIGHT

import sionna_isac as isac
from benchmarks import plain

__all__ = ["CASES", "Bench", "Disagreement"]

WAVELENGTH = SPEED_OF_LIGHT / 60e9
SPACING_ERROR = 1 / 25
LEARNING_RATE = 1e-4

# Largest deviations allowed: angle [rad], range [m], and relative to the largest value the rest.
TOLERANCE = {
    "single": {"angle": 5e-6, "range": 1e-3, "metric": 2e-5, "loss": 1e-5, "gradient": 1e-3},
    "double": {"angle": 1e-9, "range": 1e-7, "metric": 1e-9, "loss": 1e-9, "gradient": 1e-7},
}
# Share of samples in which rounding may decide between two cells of the same height
MAX_TIES = 0.05


class Disagreement(RuntimeError):
    """The two sides do not compute the same thing."""


class Deviation(NamedTuple):
    """Largest deviations of the library from the plain implementation, and samples with ties."""

    values: dict[str, float]
    num_ties: int
    num_samples: int


class Bench:
    """Inputs, functions and checks of all cases for one setting and precision."""

    def __init__(
        self,
        setting: plain.Setting,
        batch_size: int = 64,
        training_batch_size: int = 80,
        precision: str = "single",
        seed: int = 1,
    ) -> None:
        self.setting, self.precision = setting, precision
        self.batch_size, self.training_batch_size = batch_size, training_batch_size
        self.rdtype = tf.float32 if precision == "single" else tf.float64
        isac.set_seed(seed)
        number = setting.num_antennas
        options = {"precision": precision}
        error = isac.array.SpacingError(SPACING_ERROR)
        self.true_array = isac.array.impair(number, WAVELENGTH, [error], **options)
        self.true_positions = tf.convert_to_tensor(self.true_array.positions)
        self.array = isac.array.UniformLinearArray(number, WAVELENGTH, trainable=True, **options)
        self.start = tf.constant((np.arange(number) - (number - 1) / 2) / 2, self.rdtype)
        bandwidth = setting.num_subcarriers * setting.subcarrier_spacing
        self.numerology = isac.waveform.Numerology(
            setting.num_subcarriers, setting.subcarrier_spacing, SPEED_OF_LIGHT / WAVELENGTH
        )
        ranges = setting.range_grid
        self.differentiable = isac.receiver.DifferentiableOMP(
            self.array,
            self.numerology,
            isac.receiver.SearchGrid(setting.angle_grid, ranges),
            max_targets=setting.max_targets,
            window=setting.window,
            atoms="grid",
            temperature=setting.inverse_temperature,
            max_span=setting.span[1],
            **options,
        )
        self.omp = isac.receiver.OMP(
            self.array,
            self.numerology,
            isac.receiver.SearchGrid(setting.angle_grid.size, ranges),
            max_targets=setting.max_targets,
            **options,
        )
        self.precoder = isac.waveform.LeastSquaresPrecoder(
            self.array, setting.angle_grid, regularization=setting.regularization, **options
        )
        self.multibeam = isac.waveform.MultibeamPrecoder(**options)
        self.echo = isac.channel.MonostaticEcho(
            self.true_array, self.numerology, normalize=True, **options
        )
        self.sector = isac.scene.RandomSector(setting.centre, setting.span, **options)
        interval = (float(ranges[0]), float(ranges[-1]))
        self.scene = isac.scene.TargetScene(
            setting.max_targets, interval, isac.scene.RayleighGain(**options), **options
        )
        self.user_sector = isac.scene.FixedSector(setting.user_sector, **options)
        self.link = isac.channel.MultitapLink(
            self.true_array,
            self.user_sector,
            bandwidth=bandwidth,
            num_taps=setting.num_taps,
            power=setting.link_power,
            **options,
        )
        self.symbols = isac.waveform.SymbolSource(setting.num_subcarriers, **options)
        self.detector = isac.receiver.SymbolDetector(hard_out=True, **options)
        self.optimizer = keras.optimizers.Adam(LEARNING_RATE)
        self.optimizer.build([self.array.positions])
        self.plain_positions = tf.Variable(self.start)
        self.plain_optimizer = keras.optimizers.Adam(LEARNING_RATE)
        self.plain_optimizer.build([self.plain_positions])

        self.draws = plain.draw(batch_size, setting, self.rdtype)
        beam = plain.least_squares_beam(
            self.start, self.draws.sector, setting.angle_grid, setting.regularization
        )
        self.y, _ = plain.observation(self.true_positions, beam, self.draws, setting)
        self.training_draws = plain.draw(training_batch_size, setting, self.rdtype)
        shape = [batch_size, setting.max_targets]
        # an arbitrary differentiable objective: each output with a random weight
        scale = (1.0, 0.01, 1e-4)
        self.weights = [s * tf.random.normal(shape, dtype=self.rdtype) for s in scale]

    @property
    def rank(self) -> int:
        """Rank of the delay basis of the library."""
        return self.differentiable.basis.rank

    # --- receivers -------------------------------------------------------------------------------

    def plain_forward(self, order: bool) -> Callable[[], Any]:
        """Plain differentiable OMP."""
        s, sector = self.setting, self.draws.sector
        return lambda: plain.differentiable_omp(self.y, sector, self.start, s, order)

    def library_forward(self) -> Any:
        """Differentiable OMP of the library."""
        return self.differentiable(self.y, self.draws.sector)

    def _objective(self, estimate: Any, keep: tf.Tensor | None) -> tf.Tensor:
        parts = (estimate.angle, estimate.range, estimate.metric)
        total = sum(w * p for w, p in zip(self.weights, parts, strict=True))
        return tf.reduce_sum(total if keep is None else tf.where(keep, total, 0.0))

    def plain_gradient(
        self, order: bool, keep: tf.Tensor | None = None
    ) -> Callable[[], tuple[tf.Tensor, tf.Tensor, Any]]:
        """Plain differentiable OMP: objective, its gradient for the positions, estimates."""

        def function():
            positions = tf.convert_to_tensor(self.start)
            with tf.GradientTape() as tape:
                tape.watch(positions)
                estimate = plain.differentiable_omp(
                    self.y, self.draws.sector, positions, self.setting, order
                )
                value = self._objective(estimate, keep)
            return value, tape.gradient(value, positions), estimate

        return function

    def library_gradient(self, keep: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor, Any]:
        """Differentiable OMP of the library: objective, its gradient, estimates."""
        with tf.GradientTape() as tape:
            estimate = self.library_forward()
            value = self._objective(estimate, keep)
        return value, tape.gradient(value, self.array.positions), estimate

    def plain_omp(self, order: bool) -> Callable[[], Any]:
        """Plain OMP."""
        s, sector = self.setting, self.draws.sector
        number = s.angle_grid.size
        return lambda: plain.omp(self.y, sector, self.start, s, number, order)

    def library_omp(self) -> Any:
        """OMP of the library."""
        return self.omp(self.y, self.draws.sector)

    # --- training --------------------------------------------------------------------------------

    def plain_loss(
        self, positions: Any, draws: plain.Draws, order: bool, compiled: bool
    ) -> tuple[tf.Tensor, tf.Tensor, Any]:
        """Loss, symbol error rate, estimates; compiled means the receiver: XLA lacks a solve."""

        def estimate(y, sector, positions):
            return plain.differentiable_omp(y, sector, positions, self.setting, order)

        inner = graph(estimate, True) if compiled else estimate
        return plain.training_loss(
            positions,
            self.true_positions,
            draws,
            self.setting,
            lambda y, sector, positions, _: inner(y, sector, positions),
        )

    def plain_training(self, order: bool, compiled: bool) -> Callable[[], Any]:
        """Plain training iteration: draws, loss, gradient, Adam."""
        variable = self.plain_positions

        def function():
            draws = plain.draw(self.training_batch_size, self.setting, self.rdtype)
            with tf.GradientTape() as tape:
                loss, errors, _ = self.plain_loss(
                    tf.convert_to_tensor(variable), draws, order, compiled
                )
            gradient = tape.gradient(loss, variable)
            self.plain_optimizer.apply([gradient], [variable])
            return loss, errors

        return function

    def library_loss(self, draws: plain.Draws | None = None) -> tuple[tf.Tensor, tf.Tensor, Any]:
        """Loss, symbol error rate, estimates; of the given draws or of new ones."""
        s, batch_size, no = self.setting, self.training_batch_size, self.setting.noise_power
        if draws is None:
            sector = self.sector(batch_size)
            targets = self.scene(sector)
            x, bits = self.symbols(batch_size)
            paths = self.link.paths(batch_size)
            link_noise = isac.core.complex_normal(x.shape, no, self.precision)
        else:
            sector = draws.sector
            targets = isac.scene.PointTargets(
                draws.angle, draws.range, draws.gain, draws.num_targets
            )
            bits = tf.stack([draws.message // 2, draws.message % 2], -1)
            x = tf.gather(plain.constellation(self.array.cdtype), draws.message)
            bandwidth = s.num_subcarriers * s.subcarrier_spacing
            delays = tf.range(s.num_taps, dtype=self.rdtype) / bandwidth
            angle = tf.repeat(draws.user_angle[:, tf.newaxis], s.num_taps, -1)
            paths = isac.channel.Paths(angle, draws.taps, tf.broadcast_to(delays, angle.shape))
            link_noise = draws.link_noise
        user = self.precoder(self.user_sector(1))
        beam = self.multibeam(self.precoder(sector), tf.repeat(user, batch_size, 0), s.eta)
        z = self.echo.filtered(
            targets, beam, self.differentiable.basis, no if draws is None else None
        )
        if draws is not None:
            filtered = draws.noise / x[:, tf.newaxis]
            z += self.differentiable.basis.project(filtered)
        estimate = self.differentiable(z, sector)
        guess = isac.objective.positions(estimate.angle, estimate.range)
        loss = isac.objective.gospa_loss(guess, targets.position, targets.num_targets, s.cutoff)
        csi = self.link.csi(paths, tf.stop_gradient(beam), self.numerology)
        decided = self.detector(csi * x + link_noise, csi, no)
        wrong = tf.reduce_any(tf.cast(decided, tf.int32) != tf.cast(bits, tf.int32), -1)
        return loss, tf.reduce_mean(tf.cast(wrong, tf.float32)), estimate

    def library_training(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Training iteration of the library: draws, loss, gradient, Adam."""
        with tf.GradientTape() as tape:
            loss, errors, _ = self.library_loss()
        gradient = tape.gradient(loss, self.array.positions)
        self.optimizer.apply([gradient], [self.array.positions])
        return loss, errors

    # --- agreement -------------------------------------------------------------------------------

    def check_forward(self) -> Deviation:
        """Estimates of differentiable OMP."""
        return self._compare(*self._both(self.plain_forward(True), self.library_forward))[0]

    def check_omp(self) -> Deviation:
        """Estimates of OMP."""
        return self._compare(*self._both(self.plain_omp(True), self.library_omp))[0]

    def check_gradient(self) -> Deviation:
        """Gradient of differentiable OMP, over the findings without ties."""

        def both(keep: tf.Tensor | None = None) -> tuple:
            return self._both(self.plain_gradient(True, keep), lambda: self.library_gradient(keep))

        reference, library = both()
        deviation, keep = self._compare(reference[2], library[2])
        if deviation.num_ties:
            reference, library = both(tf.constant(keep))
        return self._differences(deviation, reference[:2], library[:2])

    def check_training(self) -> Deviation:
        """Loss, symbol errors and gradient of the same draws through both chains."""

        @graph
        def reference(num_targets):
            positions = tf.convert_to_tensor(self.start)
            draws = self.training_draws._replace(num_targets=num_targets)
            with tf.GradientTape() as tape:
                tape.watch(positions)
                loss, errors, estimate = self.plain_loss(positions, draws, True, False)
            return loss, tape.gradient(loss, positions), errors, estimate

        def library(num_targets):
            draws = self.training_draws._replace(num_targets=num_targets)
            with tf.GradientTape() as tape:
                loss, errors, estimate = self.library_loss(draws)
            return loss, tape.gradient(loss, self.array.positions), errors, estimate

        number = self.training_draws.num_targets
        library = graph(library, True)
        first, second = reference(number), library(number)
        deviation, keep = self._compare(first[3], second[3])
        if deviation.num_ties:  # leave those samples out of the loss
            number = tf.where(keep.all(-1), number, 0)
            first, second = reference(number), library(number)
        size = self.training_batch_size * self.setting.num_subcarriers
        difference = abs(float(first[2]) - float(second[2])) * size
        if difference > 2:
            raise Disagreement(f"symbol errors differ by {difference:.0f} of {size}")
        deviation.values["symbol errors"] = round(difference)
        return self._differences(deviation, first[:2], second[:2])

    def _both(self, reference: Callable[[], Any], library: Callable[[], Any]) -> tuple:
        return graph(reference)(), graph(library, compiled=True)()

    def _compare(self, reference: Any, library: Any) -> tuple[Deviation, np.ndarray]:
        """Deviations where both chose the same cells, and which findings these are."""
        s, limits = self.setting, TOLERANCE[self.precision]
        first, second = (
            {k: getattr(e, k).numpy() for k in ("angle", "range", "metric")}
            for e in (reference, library)
        )
        # a different cell moves the estimate by much more than rounding does
        step = min(1e-3 * np.diff(s.angle_grid)[0], 1e-3)
        other = np.abs(first["angle"] - second["angle"]) > step
        other |= np.abs(first["range"] - second["range"]) > 1e-2 * np.diff(s.range_grid)[0]
        lost = np.cumsum(other, -1) > 0  # later iterations have another residual
        for sample in np.flatnonzero(other.any(-1)):
            t = int(np.argmax(other[sample]))
            pair = first["metric"][sample, t], second["metric"][sample, t]
            if abs(pair[0] - pair[1]) > limits["metric"] * pair[0]:
                raise Disagreement(
                    f"sample {sample}, iteration {t}: peaks of {pair[0]:g} and {pair[1]:g}"
                )
        num_ties, keep = int(other.any(-1).sum()), ~lost
        if num_ties > MAX_TIES * len(lost):
            raise Disagreement(f"{num_ties} of {len(lost)} samples have other cells")
        values = {k: float(np.max(np.abs(first[k] - second[k])[keep])) for k in ("angle", "range")}
        relative = np.abs(first["metric"] - second["metric"]) / first["metric"][:, :1]
        values["metric"] = float(np.max(relative[keep]))
        self._within(values)
        return Deviation(values, num_ties, len(lost)), keep

    def _differences(self, deviation: Deviation, reference: tuple, library: tuple) -> Deviation:
        for name, first, second in zip(("loss", "gradient"), reference, library, strict=True):
            scale = np.max(np.abs(first.numpy()))
            if not scale > 0 or not math.isfinite(scale):
                raise Disagreement(f"the plain {name} is {scale}")
            deviation.values[name] = float(np.max(np.abs(first - second)) / scale)
        self._within(deviation.values)
        return deviation

    def _within(self, values: dict[str, float]) -> None:
        limits = TOLERANCE[self.precision]
        for name, value in values.items():
            if name in limits and not value <= limits[name]:
                raise Disagreement(f"{name} differs by {value:.3g}, more than {limits[name]:g}")


def graph(function: Callable[..., Any], compiled: bool = False) -> Callable[..., Any]:
    """Function as one TF graph, with or without XLA."""
    return tf.function(function, jit_compile=compiled, autograph=False)


class Case(NamedTuple):
    """One comparison: how to make both sides and how to check them."""

    title: str
    plain: Callable[[Bench, bool, bool], Callable[[], Any]]
    library: Callable[[Bench], Callable[[], Any]]
    check: Callable[[Bench], Deviation]


CASES = {
    "forward": Case(
        "DifferentiableOMP, forward",
        lambda b, order, xla: graph(b.plain_forward(order), xla),
        lambda b: graph(b.library_forward, True),
        Bench.check_forward,
    ),
    "gradient": Case(
        "DifferentiableOMP, forward and backward",
        lambda b, order, xla: graph(b.plain_gradient(order), xla),
        lambda b: graph(b.library_gradient, True),
        Bench.check_gradient,
    ),
    "omp": Case(
        "OMP, forward",
        lambda b, order, xla: graph(b.plain_omp(order), xla),
        lambda b: graph(b.library_omp, True),
        Bench.check_omp,
    ),
    "training": Case(
        "training iteration",
        lambda b, order, xla: graph(b.plain_training(order, xla)),
        lambda b: graph(b.library_training, True),
        Bench.check_training,
    ),
}
