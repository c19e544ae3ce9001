"""Convolutional encoder of multi-tone feature maps, with tokens as output."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac.core import Layer, Real, checks, cites, register
from sionna_isac.receiver.nn._parts import convolution, embedding, normalization, normalize
from sionna_isac.receiver.nn.transformer_block import TransformerBlock, check_heads

__all__ = ["TokenEncoder"]


@register
@cites("Zhao26")
class TokenEncoder(Layer):
    r"""Encoder of one task, Eq. (28) and Section III-A of [Zhao26]_.

    Three convolutions of 3x3, each with batch normalisation and ReLU, work on the map of the
    antennas; maximum pooling halves the map between them. The result is averaged over a grid of
    cells, and each cell is a token. Transformer blocks follow.

    The paper leaves open how tones enter. With ``tones="shared"`` all tones pass the same
    convolutions, each has tokens of its own, and a learned vector is added for its position among
    the tones (the subcarrier embedding): any number of tones up to ``num_tones`` can be given.
    With ``tones="stacked"`` the tones are channels of one map; their number is fixed.

    Parameters
    ----------
    in_channels : `int`
        Number of channels of the map of a tone
    feature_dim : `int`
        Number of features of a token :math:`d_f`, a multiple of ``num_heads``
    tones : "shared" (default) | "stacked"
        How tones enter
    num_tones : `int`, (default 16)
        Largest number of tones ("shared"), or their number ("stacked")
    filters : `None` (default) | sequence of `int`
        Channels after each convolution, the last of which is ``feature_dim``; `None` takes
        :math:`(d_f/2, d_f/2, d_f)`
    token_grid : `None` (default) | (`int`, `int`)
        Number of cells over the receive and the transmit antennas; `None` takes (2, 2) for each
        tone, or (8, 8) of stacked tones
    spatial_embedding : `bool`, (default `False`)
        If `True`, a learned vector is added for the cell of a token
    num_blocks : `int`, (default 2)
        Number of transformer blocks
    num_heads : `int`, (default 4)
        Number of attention heads

    Input
    -----
    maps : [batch_size, num_tones, height, width, in_channels], `tf.float`
        Maps of the tones; with pooling, each cell must have at least one entry
    training : `bool`, (default `False`)
        If `True`, statistics of the batch normalise, and update those kept for inference

    Output
    ------
    : [batch_size, num_tokens, feature_dim], `tf.float`
        Tokens, those of the first tone first; NaN for a sample that is not finite
    """

    def __init__(
        self,
        in_channels: int,
        feature_dim: int,
        *,
        tones: str = "shared",
        num_tones: int = 16,
        filters: Sequence[int] | None = None,
        token_grid: tuple[int, int] | None = None,
        spatial_embedding: bool = False,
        num_blocks: int = 2,
        num_heads: int = 4,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.in_channels = checks.integer("in_channels", in_channels)
        self.feature_dim, self.num_heads = check_heads(feature_dim, num_heads)
        self.tones = checks.one_of("tones", tones, ("shared", "stacked"))
        self.num_tones = checks.integer("num_tones", num_tones)
        self.filters = filters if filters is None else checks.integers("filters", filters)
        self.token_grid = token_grid
        self.spatial_embedding = bool(spatial_embedding)
        self.num_blocks = checks.integer("num_blocks", num_blocks, minimum=0)

        half = max(self.feature_dim // 2, 1)
        self._filters = self.filters or (half, half, self.feature_dim)
        if self._filters[-1] != self.feature_dim:
            raise ValueError(
                f"filters must end with feature_dim = {self.feature_dim}; got {self._filters}"
            )
        stacked = self.tones == "stacked"
        self._grid: tuple[int, ...] = (8, 8) if stacked else (2, 2)
        if token_grid is not None:
            self._grid = checks.integers("token_grid", token_grid)
            if len(self._grid) != 2:
                raise ValueError(f"token_grid must be a pair of numbers; got {token_grid!r}")
        kind = self.rdtype.name
        sizes = (self.in_channels * (self.num_tones if stacked else 1), *self._filters)
        self.convolutions = [convolution(a, b, 3, kind, bias=False) for a, b in pairwise(sizes)]
        self.normalizations = [normalization(b, kind) for b in self._filters]
        if not stacked:
            self.tone_vectors = embedding(self, "tones", self.num_tones, self.feature_dim)
        if self.spatial_embedding:
            self.cell_vectors = embedding(self, "cells", *self._grid, self.feature_dim)
        self.blocks = [
            TransformerBlock(self.feature_dim, num_heads=self.num_heads, precision=self.precision)
            for _ in range(self.num_blocks)
        ]

    @property
    def num_stages(self) -> int:
        """`int` : Number of stages, see :meth:`stage`"""
        return len(self._filters) + self.num_blocks

    def check_maps(self, maps: tf.Tensor) -> int:
        """Return the number of tones of maps, checked to have the right shape."""
        wanted = [None, None, None, None, self.in_channels]
        axes = "[batch_size, num_tones, height, width, in_channels]"
        checks.shape("maps", maps, wanted, axes)
        number = maps.shape[1]
        if self.tones == "stacked" and number != self.num_tones:
            raise ValueError(f"maps must have {self.num_tones} tones (num_tones); got {number}")
        if number is None or not 1 <= number <= self.num_tones:
            raise ValueError(
                f"maps must have 1 to {self.num_tones} tones (num_tones); got {number}"
            )
        for axis, size, cells in zip(["height", "width"], maps.shape[2:4], self._grid, strict=True):
            for _ in self._filters[1:]:
                size = None if size is None else size // 2
            if size is None or size < cells:
                raise ValueError(
                    f"maps must have a {axis} of at least {cells * 2 ** (len(self._filters) - 1)} "
                    f"for token_grid {self._grid}; got shape {list(maps.shape)}"
                )
        return number

    def images(self, maps: tf.Tensor) -> tf.Tensor:
        """Images that the convolutions take: one for each tone, or one for each sample."""
        _, number, height, width, channels = maps.shape
        if self.tones == "shared":
            return tf.reshape(maps, [-1, height, width, channels])
        maps = tf.transpose(maps, [0, 2, 3, 1, 4])
        return tf.reshape(maps, [-1, height, width, number * channels])

    def stage(self, index: int, value: tf.Tensor, num_tones: int, training: bool) -> tf.Tensor:
        """One stage of the encoder: a convolution with what follows it, or a transformer block.

        The first stage takes :meth:`images`, and the last convolution leaves tokens.
        """
        last = len(self._filters) - 1
        if index > last:
            return self.blocks[index - last - 1](value)
        value = self.convolutions[index](value)
        value = normalize(self.normalizations[index], value, training)
        if index < last:  # the largest of rectified entries is the largest one rectified
            return tf.nn.relu(tf.nn.max_pool2d(value, 2, 2, "VALID"))
        return self._tokens(tf.nn.relu(value), num_tones)

    def call(self, maps: Real, training: bool = False) -> tf.Tensor:
        number = self.check_maps(maps)
        # NaN in one sample would reach the gradients and the statistics of all
        finite = tf.reduce_all(tf.math.is_finite(maps), (1, 2, 3, 4), keepdims=True)
        value = self.images(tf.where(finite, maps, tf.zeros_like(maps)))
        for index in range(self.num_stages):
            value = self.stage(index, value, number, training)
        return tf.where(finite[:, :, 0, 0], value, float("nan"))

    def _tokens(self, value: tf.Tensor, num_tones: int) -> tf.Tensor:
        """Means over the cells of the grid, with their embeddings."""
        value = _means(value, self._grid)
        if self.spatial_embedding:
            value += tf.convert_to_tensor(self.cell_vectors)
        shared = self.tones == "shared"
        rows, columns = self._grid
        value = tf.reshape(
            value, [-1, num_tones if shared else 1, rows * columns, self.feature_dim]
        )
        if shared:
            value += tf.convert_to_tensor(self.tone_vectors)[:num_tones, tf.newaxis]
        return tf.reshape(value, [-1, value.shape[1] * rows * columns, self.feature_dim])


def _means(value: tf.Tensor, grid: tuple[int, ...]) -> tf.Tensor:
    """Means [batch_size, rows, columns, channels] over the cells of a grid."""
    sizes = value.shape[1:3]
    if all(size % cells == 0 for size, cells in zip(sizes, grid, strict=True)):
        step = [size // cells for size, cells in zip(sizes, grid, strict=True)]
        return tf.nn.avg_pool2d(value, step, step, "VALID")
    rows, columns = (
        tf.constant(_neighbours(size, cells), value.dtype)
        for size, cells in zip(sizes, grid, strict=True)
    )
    return tf.einsum("rh,bhwc,sw->brsc", rows, value, columns)


def _neighbours(size: int, cells: int) -> np.ndarray:
    """Matrix [cells, size] that averages neighbours; cells overlap where they do not divide."""
    index = np.arange(size)
    low = np.arange(cells)[:, np.newaxis] * size // cells
    high = -(-(np.arange(cells)[:, np.newaxis] + 1) * size // cells)
    inside = (index >= low) & (index < high)
    return inside / inside.sum(1, keepdims=True)
