"""Network that classifies and localises an extended target from its channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from sionna_isac.core import Complex, HeUniform, Layer, Real, checks, cites, register
from sionna_isac.receiver.nn._parts import dense, gelu
from sionna_isac.receiver.nn.channel_maps import ChannelMaps
from sionna_isac.receiver.nn.focused_maps import FocusedPatch
from sionna_isac.receiver.nn.localization_heads import LocalizationHeads, LocalizerOutput
from sionna_isac.receiver.nn.task_trunk import TaskTrunk

__all__ = ["CrossTaskLocalizer"]


@register
@cites("Zhao26")
class CrossTaskLocalizer(Layer):
    r"""Class, range and azimuth of a target from its channel, Section III of [Zhao26]_.

    A front end makes feature maps of the channel, :class:`TaskTrunk` an embedding per task, and
    heads the estimates (34), (36), (37) and (45): a perceptron of one hidden layer with a GELU for
    the logits, :class:`LocalizationHeads` for the others.

    With :class:`FocusedMaps`, candidates take the place of tones, and the heads estimate offsets
    from the strongest candidate :math:`(\rho_0, \theta_0)`: of their range :math:`r` and azimuth
    :math:`\theta` (set ``range_offset=0`` and ``range_scale``, some metres, for offsets),

    .. math::
        \hat r = \rho_0 + r, \quad \hat\theta = \theta_0 + \theta\,[\mathrm{m}] / \rho_0 ,

    and there is no peak.

    For 16 tones, ``feature_dim=64`` and ``variant="cta"`` the network has 267,851 parameters,
    whatever the number of antennas.

    Parameters
    ----------
    num_classes : `int`, (default 2)
        Number of classes :math:`C`
    variant : "cta" (default) | "decoupled" | "shared" | "cross_stitch" | "single"
        How the tasks share features, see :class:`TaskTrunk`
    task : `None` (default) | "classification" | "localization"
        Task of the variant "single"
    feature_dim : `int`, (default 64)
        Number of features :math:`d_f`, a multiple of ``num_heads``
    front_end : "channel" (default) | `Layer`
        Source of the maps [batch_size, num_tones, height, width, channels]:
        :class:`ChannelMaps`, :class:`FocusedMaps`, or another layer that states the number of
        channels as ``out_channels``
    tones, num_tones, subcarriers, filters, token_grid, spatial_embedding, num_blocks, num_heads
        Parameters of each :class:`TokenEncoder`
    range_offset, range_scale, log_variance_interval
        Parameters of :class:`LocalizationHeads`

    Input
    -----
    h : [batch_size, num_tones, num_rx, num_tx], `tf.complex`
        Channel of each tone, at any scale
    training : `bool`, (default `False`)
        If `True`, statistics of the batch normalise, and update those kept for inference
    subcarriers : `None` (default) | sequence of `int`
        Subcarriers of the tones of ``h``, see :class:`TokenEncoder`

    Output
    ------
    : :class:`LocalizerOutput`
        Estimates; NaN for a sample that is not finite

    Example
    -------
    >>> network = isac.receiver.nn.CrossTaskLocalizer(2, variant="cta", feature_dim=64)
    >>> out = network(h)
    >>> out.range, out.azimuth, tf.argmax(out.logits, -1)
    """

    def __init__(
        self,
        num_classes: int = 2,
        *,
        variant: str = "cta",
        task: str | None = None,
        feature_dim: int = 64,
        front_end: str | keras.layers.Layer = "channel",
        tones: str = "shared",
        num_tones: int = 16,
        subcarriers: Sequence[int] | None = None,
        filters: Sequence[int] | None = None,
        token_grid: tuple[int, int] | None = None,
        spatial_embedding: bool = False,
        num_blocks: int = 2,
        num_heads: int = 4,
        range_offset: float = 27.5,
        range_scale: float = 13.0,
        log_variance_interval: tuple[float, float] = (-16.0, 8.0),
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.num_classes = checks.integer("num_classes", num_classes, minimum=2)
        self.front_end = front_end
        if isinstance(front_end, str):
            if front_end != "channel":
                raise ValueError(
                    "front_end must be 'channel', or a layer such as FocusedMaps(frequencies, "
                    f"tx_positions, rx_positions, grid), which knows the array; got {front_end!r}"
                )
            self._maps = ChannelMaps(precision=self.precision)
        else:
            self._maps = checks.instance("front_end", front_end, keras.layers.Layer)
        channels = getattr(self._maps, "out_channels", None)
        if channels is None:
            raise TypeError(
                f"front_end must state its number of channels as out_channels; got {front_end!r}"
            )
        options: dict[str, Any] = {
            "feature_dim": feature_dim,
            "variant": variant,
            "task": task,
            "tones": tones,
            "num_tones": num_tones,
            "subcarriers": subcarriers,
            "filters": filters,
            "token_grid": token_grid,
            "spatial_embedding": spatial_embedding,
            "num_blocks": num_blocks,
            "num_heads": num_heads,
        }
        self.trunk = TaskTrunk(channels, **options, precision=self.precision)
        for name in options:
            setattr(self, name, getattr(self.trunk, name))
        size, kind = self.trunk.feature_dim, self.rdtype.name
        if "classification" in self.trunk.tasks:
            self.classifier = [
                dense(size, size, kind, activation=gelu),
                dense(size, self.num_classes, kind, kernel_initializer=HeUniform(0.1)),
            ]
        self.range_offset, self.range_scale = range_offset, range_scale
        self.log_variance_interval = log_variance_interval
        if "localization" in self.trunk.tasks:
            self.heads = LocalizationHeads(
                size,
                range_offset=range_offset,
                range_scale=range_scale,
                log_variance_interval=log_variance_interval,
                precision=self.precision,
            )

    def call(self, h: Complex, training: bool = False, subcarriers: Any = None) -> LocalizerOutput:
        return self.estimate(self._maps(h), training=training, subcarriers=subcarriers)

    def maps(self, h: Any) -> Any:
        """Maps of a channel that the front end makes, which :meth:`estimate` takes."""
        return self._maps(h)

    def estimate(
        self, maps: Any, training: bool = False, subcarriers: Any = None
    ) -> LocalizerOutput:
        """Estimates from :meth:`maps`: with a front end without weights, made once for a training.

        Parameters
        ----------
        maps : [batch_size, num_tones, height, width, channels] | :class:`FocusedPatch`
            Maps
        training, subcarriers
            As those of the call

        Output
        ------
        : :class:`LocalizerOutput`
            Estimates
        """
        patch = None
        if isinstance(maps, FocusedPatch):
            patch = FocusedPatch(*(self.cast(v, Real) for v in maps))
            maps = patch.maps()
        embeddings = self.trunk(maps, training=training, subcarriers=subcarriers)
        out = LocalizerOutput()
        if embeddings.localization is not None:
            out = self.heads(embeddings.localization)
            if patch is not None:
                azimuth = patch.angle[:, 0] + out.azimuth / patch.range[:, 0]
                out = out._replace(
                    range=patch.range[:, 0] + out.range,
                    azimuth=azimuth,
                    direction=tf.stack([tf.sin(azimuth), tf.cos(azimuth)], -1),
                    peak=None,
                )
        if embeddings.classification is not None:
            value = embeddings.classification
            finite = tf.reduce_all(tf.math.is_finite(value), -1, keepdims=True)
            value = tf.where(finite, value, tf.zeros_like(value))
            for layer in self.classifier:
                value = layer(value)
            out = out._replace(logits=tf.where(finite, value, float("nan")))
        return out
