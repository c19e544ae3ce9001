"""Common part of networks for two tasks: encoders and the exchange between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from sionna_isac.core import Layer, Real, checks, cites, register
from sionna_isac.receiver.nn._parts import LINEAR_START, dense, finite_samples
from sionna_isac.receiver.nn.cross_stitch import CrossStitch
from sionna_isac.receiver.nn.cross_task_attention import CrossTaskAttention, TaskFeatures
from sionna_isac.receiver.nn.token_encoder import TokenEncoder

__all__ = ["TASKS", "TaskTrunk"]

TASKS = TaskFeatures._fields
VARIANTS = ("cta", "decoupled", "shared", "cross_stitch", "single")


@register
@cites("Zhao26")
class TaskTrunk(Layer):
    r"""Feature maps to one embedding per task, Eqs. (28) to (33) of [Zhao26]_.

    ================== ==============================================================
    ``variant``        network
    ================== ==============================================================
    ``"cta"``          an encoder per task, and :class:`CrossTaskAttention` between them
    ``"decoupled"``    an encoder per task and no exchange (Remark 1)
    ``"shared"``       one encoder for both tasks
    ``"cross_stitch"`` an encoder per task, :class:`CrossStitch` after every stage
    ``"single"``       one encoder and one ``task``
    ================== ==============================================================

    Tokens are averaged, and a linear map follows for each task.

    Parameters
    ----------
    in_channels : `int`
        Number of channels of the map of a tone
    feature_dim : `int`, (default 64)
        Number of features :math:`d_f = d`, a multiple of ``num_heads``
    variant : "cta" (default) | "decoupled" | "shared" | "cross_stitch" | "single"
        Network
    task : `None` (default) | "classification" | "localization"
        Task of the variant "single"
    tones, num_tones, subcarriers, filters, token_grid, spatial_embedding, num_blocks, num_heads
        Parameters of each :class:`TokenEncoder`

    Input
    -----
    maps : [batch_size, num_tones, height, width, in_channels], `tf.float`
        Maps of the tones
    training : `bool`, (default `False`)
        If `True`, statistics of the batch normalise, and update those kept for inference
    subcarriers : `None` (default) | sequence of `int`
        Subcarriers of the tones, see :class:`TokenEncoder`

    Output
    ------
    : :class:`TaskFeatures`
        Embeddings :math:`\mathbf{h}`, [batch_size, feature_dim] each; `None` for a task that the
        network does not have; NaN for a sample that is not finite
    """

    def __init__(
        self,
        in_channels: int,
        feature_dim: int = 64,
        *,
        variant: str = "cta",
        task: str | None = None,
        tones: str = "shared",
        num_tones: int = 16,
        subcarriers: Sequence[int] | None = None,
        filters: Sequence[int] | None = None,
        token_grid: tuple[int, int] | None = None,
        spatial_embedding: bool = False,
        num_blocks: int = 2,
        num_heads: int = 4,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.variant = checks.one_of("variant", variant, VARIANTS)
        self.task = checks.one_of("task", task, (None, *TASKS))
        if (self.task is None) == (self.variant == "single"):
            raise ValueError(
                "task must be 'classification' or 'localization' with variant 'single', and None "
                f"with the others; got {task!r} with {variant!r}"
            )
        options: dict[str, Any] = {
            "tones": tones,
            "num_tones": num_tones,
            "subcarriers": subcarriers,
            "filters": filters,
            "token_grid": token_grid,
            "spatial_embedding": spatial_embedding,
            "num_blocks": num_blocks,
            "num_heads": num_heads,
        }
        number = 1 if self.variant in ("shared", "single") else 2
        self.encoders = [
            TokenEncoder(in_channels, feature_dim, **options, precision=self.precision)
            for _ in range(number)
        ]
        first = self.encoders[0]
        self.in_channels, self.feature_dim = first.in_channels, first.feature_dim
        for name in options:
            setattr(self, name, getattr(first, name))
        if self.variant == "cta":
            self.exchange = CrossTaskAttention(self.feature_dim, precision=self.precision)
        if self.variant == "cross_stitch":
            self.stitches = [CrossStitch(precision=self.precision) for _ in range(first.num_stages)]
        self.tasks = TASKS if self.task is None else (self.task,)
        self.projections = [
            dense(
                self.feature_dim,
                self.feature_dim,
                self.rdtype.name,
                kernel_initializer=LINEAR_START,
            )
            for _ in self.tasks
        ]

    def call(self, maps: Real, training: bool = False, subcarriers: Any = None) -> TaskFeatures:
        first = self.encoders[0]
        places = first.check_maps(maps, subcarriers)
        # NaN in one sample would reach the gradients and the statistics of all
        maps, finite = finite_samples(maps)
        images = first.images(maps)
        moments = first.moments(images, training)  # the encoders share them
        features = [images] * len(self.encoders)
        for index in range(first.num_stages):
            features = [
                encoder.stage(index, value, places, training, moments)
                for encoder, value in zip(self.encoders, features, strict=True)
            ]
            if self.variant == "cross_stitch":
                features = list(self.stitches[index](*features))
        if self.variant == "cta":
            features = list(self.exchange(*features))
        means = [tf.reduce_mean(tokens, 1) for tokens in features]
        if len(means) < len(self.tasks):
            means *= len(self.tasks)
        finite = finite[:, 0, 0, 0]
        embeddings = {
            task: tf.where(finite, project(mean), float("nan"))
            for task, project, mean in zip(self.tasks, self.projections, means, strict=True)
        }
        return TaskFeatures(*(embeddings.get(task) for task in TASKS))
