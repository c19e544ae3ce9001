"""``python -m benchmarks.cross_task``: training steps of the cross-task network.

The plain side is the same network of Keras' own layers with a loop over the tones, or with all
tones in one batch of images. A step is forward pass, loss, gradient and AdamW in a TF graph, on
channels of white noise; sides of one row are called in turn.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from rich.console import Console
from rich.markdown import Markdown

import sionna_isac as isac
from benchmarks.run import describe

__all__ = ["SETTINGS", "Setting", "compare", "main", "report"]


class Setting(NamedTuple):
    """Sizes of a network and its input."""

    num_antennas: int
    num_tones: int
    feature_dim: int
    batch_size: int = 32


SETTINGS = {"small": Setting(32, 4, 32), "large": Setting(64, 16, 64)}
VARIANTS = ("cta", "shared")
SIDES = ("plain", "plain, tones at once", "plain, mixed precision", "library", "library, XLA")
TOLERANCE = 3e-4  # of outputs, relative to the largest


def main() -> int:
    """Measure and write the table; 1 if both sides do not agree."""
    parser = argparse.ArgumentParser(prog="benchmarks.cross_task", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the small network, few repeats")
    parser.add_argument(
        "--out", type=Path, help="folder for cross_task.md and .json (complete runs: here)"
    )
    args = parser.parse_args()
    console = Console()
    content: dict[str, Any] = {"environment": describe(), "rows": []}
    for name, setting in SETTINGS.items():
        if args.quick and name != "small":
            continue
        for variant in VARIANTS:
            repeats = 3 if args.quick or name == "large" else 10
            # XLA's convolutions would take minutes in the large one
            row = compare(setting, variant, repeats, SIDES if name == "small" else SIDES[:-1])
            console.print(f"{name}, {variant}: measured")
            if not row["deviation"] < TOLERANCE:
                console.print(f"[red]{name}, {variant}: outputs differ by {row['deviation']:.2g}")
                return 1
            content["rows"].append({"setting": name, **row})
    text = report(content)
    console.print(Markdown(text))
    out = args.out or (None if args.quick else Path(__file__).parent)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "cross_task.md").write_text(text)
        (out / "cross_task.json").write_text(json.dumps(content, indent=1) + "\n")
        console.print(f"written to {out}/cross_task.md and cross_task.json")
    return 0


def compare(
    setting: Setting, variant: str, repeats: int, sides: Sequence[str] = SIDES
) -> dict[str, Any]:
    """Seconds per training step of each side, and how far the outputs are apart."""
    isac.set_seed(1)
    rng = np.random.default_rng(1)
    shape = (setting.batch_size, setting.num_tones, setting.num_antennas, setting.num_antennas)
    h = tf.constant(rng.normal(size=shape) + 1j * rng.normal(size=shape), tf.complex64)
    place = [rng.uniform(*ends, setting.batch_size) for ends in ((5, 50), (-1, 1))]
    labels = isac.objective.MultitaskLabels(
        tf.constant(rng.integers(0, 2, setting.batch_size)),
        *(tf.constant(v, tf.float32) for v in place),
        isac.objective.peak_target(h),
    )
    network = isac.receiver.CrossTaskLocalizer(
        2, variant=variant, feature_dim=setting.feature_dim, num_tones=setting.num_tones
    )
    for weight in network.trainable_variables:  # away from the start, where some outputs are zero
        weight.assign(weight + rng.normal(0, 0.05, weight.shape))
    loop, at_once = (Plain(setting, variant, loop) for loop in (True, False))
    deviation = max(
        apart(network, loop, h, training=False),
        apart(network, at_once, h, training=False),
        apart(network, at_once, h, training=True),
    )
    networks = {"plain": loop, "plain, tones at once": at_once}
    if "plain, mixed precision" in sides:
        networks["plain, mixed precision"] = mixed(setting, variant, h)
    steps = {
        side: training_step(networks.get(side, network), h, labels, side == "library, XLA")
        for side in sides
    }
    times: dict[str, dict[str, list[float]]] = {n: {"wall": [], "cpu": []} for n in steps}
    for step in steps.values():
        step().numpy()
        step().numpy()
    for _ in range(repeats):
        for name, step in steps.items():
            wall, cpu = time.perf_counter(), time.process_time()
            step().numpy()
            times[name]["wall"].append(time.perf_counter() - wall)
            times[name]["cpu"].append(time.process_time() - cpu)
    return {"variant": variant, **setting._asdict(), "deviation": deviation, "times": times}


def mixed(setting: Setting, variant: str, h: tf.Tensor) -> Plain:
    """The plain network with the mixed precision of Keras, in which a CPU can multiply."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = Plain(setting, variant, loop=True)
        network(h)
    finally:
        keras.config.set_dtype_policy(policy)
    return network


def training_step(
    network: keras.layers.Layer,
    h: tf.Tensor,
    labels: isac.objective.MultitaskLabels,
    jit_compile: bool = False,
) -> Callable[[], tf.Tensor]:
    """One step of AdamW as a compiled function without arguments, which returns the loss."""
    optimizer = keras.optimizers.AdamW(2e-4)
    optimizer.build(network.trainable_variables)

    @tf.function(jit_compile=jit_compile, autograph=False)
    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = isac.objective.multitask_loss(network(h, training=True), labels)
        optimizer.apply(tape.gradient(loss, network.trainable_variables))
        return loss

    return step


class Encoder(layers.Layer):
    """Convolutions and transformer blocks of one task."""

    def __init__(self, setting: Setting, loop: bool) -> None:
        super().__init__()
        size, self.loop = setting.feature_dim, loop
        self.size = size
        self.convolutions = [
            layers.Conv2D(n, 3, padding="same", use_bias=False)
            for n in (size // 2, size // 2, size)
        ]
        self.normalizations = [layers.BatchNormalization(momentum=0.9, epsilon=1e-5) for _ in "abc"]
        self.pool = layers.MaxPooling2D(2)
        self.average = layers.AveragePooling2D(setting.num_antennas // 8)
        self.tones = self.add_weight(shape=(setting.num_tones, size))
        self.blocks = [
            [
                layers.LayerNormalization(epsilon=1e-5),
                layers.MultiHeadAttention(4, size // 4),
                layers.LayerNormalization(epsilon=1e-5),
                layers.Dense(2 * size, activation="gelu"),
                layers.Dense(size),
            ]
            for _ in range(2)
        ]

    def image(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        """2x2 tokens of maps of one tone."""
        for i, (convolve, normalize) in enumerate(
            zip(self.convolutions, self.normalizations, strict=True)
        ):
            x = tf.nn.relu(normalize(convolve(x), training=training))
            x = self.pool(x) if i < 2 else self.average(x)
        return x

    def call(self, maps: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Tokens."""
        number, size = maps.shape[1], self.size
        tones = tf.convert_to_tensor(self.tones)
        if self.loop:
            tokens = [
                tf.reshape(self.image(maps[:, i], training), [-1, 4, size]) + tones[i]
                for i in range(number)
            ]
            x = tf.concat(tokens, 1)
        else:
            x = self.image(tf.reshape(maps, [-1, *maps.shape[2:]]), training)
            x = tf.reshape(x, [-1, number, 4, size]) + tones[:, tf.newaxis]
            x = tf.reshape(x, [-1, 4 * number, size])
        for before_attention, attention, before_network, hidden, output in self.blocks:
            y = before_attention(x)
            x += attention(y, y)
            x += output(hidden(before_network(x)))
        return x


class Plain(layers.Layer):
    """The network of Keras' layers."""

    def __init__(self, setting: Setting, variant: str, loop: bool) -> None:
        super().__init__()
        size, two = setting.feature_dim, variant == "cta"
        self.encoders = [Encoder(setting, loop) for _ in range(2 if two else 1)]
        self.projections = [
            [layers.Dense(size, use_bias=False) for _ in range(3)] for _ in range(2 if two else 0)
        ]
        self.attention = layers.Attention()
        self.mixing = self.add_weight(shape=(2,), initializer=keras.initializers.Constant(0.1))
        self.refinements = [
            [
                layers.LayerNormalization(epsilon=1e-5),
                layers.Dense(2 * size, activation="gelu"),
                layers.Dense(size),
            ]
            for _ in self.projections
        ]
        self.embeddings = [layers.Dense(size) for _ in range(2)]
        self.classifier = [layers.Dense(size, activation="gelu"), layers.Dense(2)]
        self.heads = [layers.Dense(size, activation="gelu"), layers.Dense(7)]

    def call(self, h: tf.Tensor, training: bool = False) -> isac.receiver.LocalizerOutput:
        """Estimates."""
        maps = tf.stack([tf.math.real(h), tf.math.imag(h)], -1)
        maps *= tf.math.rsqrt(tf.reduce_mean(maps**2, (1, 2, 3, 4), keepdims=True))
        tokens = [encoder(maps, training=training) for encoder in self.encoders]
        if self.projections:
            given = [[p(x) for p in ps] for x, ps in zip(tokens, self.projections, strict=True)]
            mixing = tf.convert_to_tensor(self.mixing)
            for i in range(2):
                query, (_, key, value) = given[i][0], given[1 - i]
                scaled = query / math.sqrt(query.shape[-1])
                x = tokens[i]
                x += tf.cast(mixing[i], x.dtype) * self.attention([scaled, value, key])
                normalize, hidden, output = self.refinements[i]
                tokens[i] = x + output(hidden(normalize(x)))
        means = [tf.reduce_mean(x, 1) for x in tokens] * (2 // len(tokens))
        first, second = (e(mean) for e, mean in zip(self.embeddings, means, strict=True))
        for layer in self.classifier:
            first = layer(first)
        for layer in self.heads:
            second = layer(second)
        logits, z = tf.cast(first, tf.float32), tf.cast(second, tf.float32)
        direction = z[:, 2:4] / tf.norm(z[:, 2:4], axis=-1, keepdims=True)
        log_variances = -4 + 12 * tf.tanh((z[:, 1:5:3] + 4) / 12)
        return isac.receiver.LocalizerOutput(
            logits,
            27.5 + 13 * z[:, 0],
            tf.atan2(direction[:, 0], direction[:, 1]),
            *tf.unstack(log_variances, axis=1),
            direction,
            tf.sigmoid(z[:, 5:]),
        )


def apart(
    network: isac.receiver.CrossTaskLocalizer, plain: Plain, h: tf.Tensor, training: bool
) -> float:
    """Largest deviation of an output, relative to its largest entry, with the same weights."""
    plain(h)
    pairs = shared_weights(network, plain)
    for own, view in pairs:
        own.assign(tf.reshape(view(), own.shape))
    found = network(h, training=training), plain(h, training=training)
    return max(
        float(tf.reduce_max(tf.abs(a - b)) / tf.reduce_max(tf.abs(b)))
        for a, b in zip(*found, strict=True)
    )


def shared_weights(
    network: isac.receiver.CrossTaskLocalizer, plain: Plain
) -> list[tuple[Any, Callable[[], tf.Tensor]]]:
    """Weights of the plain network, each with a function that takes it from the library's."""
    pairs: list[tuple[Any, Callable[[], tf.Tensor]]] = []

    def layer(own: Any, given: Any) -> None:
        pairs.extend(
            (a, lambda b=b: b.value) for a, b in zip(own.weights, given.weights, strict=True)
        )

    def thirds(own: Any, given: Any) -> None:
        for i, part in enumerate(own):
            pairs.append((part.kernel, lambda i=i: tf.split(given.kernel.value, 3, -1)[i]))

    for own, given in zip(plain.encoders, network.trunk.encoders, strict=True):
        for a, b in zip(
            (*own.convolutions, *own.normalizations),
            (*given.convolutions, *given.normalizations),
            strict=True,
        ):
            layer(a, b)
        pairs.append((own.tones, lambda given=given: given.tone_vectors.value))
        for (first, attention, *rest), block in zip(own.blocks, given.blocks, strict=True):
            layer(first, block.before_attention)
            parts = (attention.query_dense, attention.key_dense, attention.value_dense)
            thirds(parts, block.query_key_value)
            layer(attention.output_dense, block.mix)
            for a, b in zip(rest, (block.before_network, *block.network), strict=True):
                layer(a, b)
    if plain.projections:
        exchange = network.trunk.exchange
        pairs.append((plain.mixing, lambda: exchange.mixing_coefficients.value))
        for own, given in zip(plain.projections, exchange.projections, strict=True):
            thirds(own, given)
        for own, given in zip(plain.refinements, exchange.refinements, strict=True):
            for a, b in zip(own, given, strict=True):
                layer(a, b)
    own = (*plain.embeddings, *plain.classifier, *plain.heads)
    heads = (network.heads.hidden, network.heads.heads)
    for a, b in zip(own, (*network.trunk.projections, *network.classifier, *heads), strict=True):
        layer(a, b)
    return pairs


def report(content: dict[str, Any]) -> str:
    """Results as a Markdown text."""
    lines = [
        "# Cross-task network: training steps",
        "",
        " ".join(str(__doc__).split("\n\n", 1)[1].split()),
        "Least wall / CPU seconds of one step; ratios to the plain loop are those of the least "
        "times, with the 10–90 % interval of the pairs.",
        "",
        "| antennas, tones, $d_f$, batch | variant | side | step [s] | ratio, wall | ratio, CPU |",
        "|---|---|---|---|---|---|",
    ]
    for row in content["rows"]:
        sizes = f"{row['num_antennas']}×{row['num_antennas']}, {row['num_tones']}"
        sizes += f", {row['feature_dim']}, {row['batch_size']}"
        for side, times in row["times"].items():
            least = " / ".join(f"{min(times[kind]):.3g}" for kind in ("wall", "cpu"))
            ratios = " | ".join(_ratio(row["times"]["plain"][k], times[k]) for k in ("wall", "cpu"))
            lines.append(f"| {sizes} | {row['variant']} | {side} | {least} | {ratios} |")
    deviation = max((row["deviation"] for row in content["rows"]), default=0.0)
    environment = "; ".join(f"{k}: {v}" for k, v in content["environment"].items())
    lines += [
        "",
        f"With the same weights, outputs agree to {deviation:.1g} of their largest entry (in "
        "training: tones at once, as a loop normalises each tone by itself). The library has no "
        "mixed precision.",
        "",
        environment + ".",
        "",
    ]
    return "\n".join(lines)


def _ratio(plain: list[float], side: list[float]) -> str:
    low, high = np.quantile(np.array(plain) / np.array(side), [0.1, 0.9])
    return f"{min(plain) / min(side):.3g} ({low:.3g}–{high:.3g})"


if __name__ == "__main__":
    sys.exit(main())
