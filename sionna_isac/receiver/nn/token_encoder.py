"""Convolutional encoder of multi-tone feature maps, with tokens as output."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac.core import Layer, Real, checks, cites, register
from sionna_isac.receiver.nn._parts import (
    convolution,
    embedding,
    finite_samples,
    normalization,
    normalize,
)
from sionna_isac.receiver.nn._patches import PatchMoments, pays, pooled_stage
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
    convolutions, each has tokens of its own, and a learned vector is added for its subcarrier (the
    subcarrier embedding): any number of tones up to ``num_tones`` can be given. With
    ``tones="stacked"`` the tones are channels of one map; their number is fixed.

    With ``subcarriers``, a call with fewer tones names theirs, in any order, and each has the
    vector that it had among all. Vectors are a table with an entry per subcarrier of the training
    rather than a function of the frequency: nested sets of tones hold no others, and the network
    refuses a subcarrier that it was not trained on.

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
    subcarriers : `None` (default) | sequence of ``num_tones`` `int`
        Distinct numbers of the subcarriers of the tones, with ``tones="shared"``; `None` takes the
        positions 0, 1, ...
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
    subcarriers : `None` (default) | sequence of `int`
        Subcarriers of the tones of ``maps``, among those of the constructor; `None` takes the
        first of these

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
        self.in_channels = checks.integer("in_channels", in_channels)
        self.feature_dim, self.num_heads = check_heads(feature_dim, num_heads)
        self.tones = checks.one_of("tones", tones, ("shared", "stacked"))
        self.num_tones = checks.integer("num_tones", num_tones)
        self.subcarriers = self._distinct(subcarriers)
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

    def _distinct(self, subcarriers: Any) -> tuple[int, ...] | None:
        if subcarriers is None:
            return None
        numbers = checks.integers("subcarriers", [*subcarriers], minimum=0)
        if self.tones == "stacked":
            raise ValueError(f"subcarriers must be None with tones='stacked'; got {numbers}")
        if not len(numbers) == len(set(numbers)) == self.num_tones:
            raise ValueError(
                f"subcarriers must be num_tones = {self.num_tones} distinct numbers; got {numbers}"
            )
        return numbers

    def check_maps(self, maps: tf.Tensor, subcarriers: Any = None) -> list[int]:
        """Return the places of the tones among those of the constructor; the input is checked."""
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
        return self._places(number, subcarriers)

    def _places(self, number: int, subcarriers: Any) -> list[int]:
        if subcarriers is None:
            return list(range(number))
        if self.tones == "stacked":
            raise ValueError(f"subcarriers must be None with tones='stacked'; got {subcarriers}")
        named = tf.get_static_value(subcarriers)
        if named is None:
            raise ValueError(f"subcarriers must be known outside of a graph; got {subcarriers}")
        named, known = np.asarray(named).tolist(), self.subcarriers or range(self.num_tones)
        if np.shape(named) != (number,):
            raise ValueError(f"subcarriers must be {number} numbers, one per tone; got {named}")
        if len(set(named)) < number or not set(named) <= set(known):
            raise ValueError(f"subcarriers must be distinct ones of {[*known]}; got {named}")
        return [known.index(n) for n in named]

    def images(self, maps: tf.Tensor) -> tf.Tensor:
        """Images that the convolutions take: one for each tone, or one for each sample."""
        _, number, height, width, channels = maps.shape
        if self.tones == "shared":
            return tf.reshape(maps, [-1, height, width, channels])
        maps = tf.transpose(maps, [0, 2, 3, 1, 4])
        return tf.reshape(maps, [-1, height, width, number * channels])

    def moments(self, images: tf.Tensor, training: bool) -> PatchMoments | None:
        """Moments of images from which the first stage takes its statistics, where that pays."""
        trained = training and self.normalizations[0].trainable and len(self._filters) > 1
        return PatchMoments(images) if trained and pays(images, self._filters[0]) else None

    def stage(
        self,
        index: int,
        value: tf.Tensor,
        places: list[int],
        training: bool,
        moments: PatchMoments | None = None,
    ) -> tf.Tensor:
        """One stage of the encoder: a convolution with what follows it, or a transformer block.

        The first stage takes :meth:`images` and their :meth:`moments`, and the last convolution
        leaves tokens, for which it needs the places of the tones, see :meth:`check_maps`.
        """
        last = len(self._filters) - 1
        if index > last:
            return self.blocks[index - last - 1](value)
        if index == 0 and moments is not None:
            first = self.convolutions[0], self.normalizations[0]
            return pooled_stage(*first, value, moments)
        value = self.convolutions[index](value)
        value = normalize(self.normalizations[index], value, training)
        if index < last:  # the largest of rectified entries is the largest one rectified
            return tf.nn.relu(tf.nn.max_pool2d(value, 2, 2, "VALID"))
        return self._tokens(tf.nn.relu(value), places)

    def call(self, maps: Real, training: bool = False, subcarriers: Any = None) -> tf.Tensor:
        places = self.check_maps(maps, subcarriers)
        # NaN in one sample would reach the gradients and the statistics of all
        maps, finite = finite_samples(maps)
        value = self.images(maps)
        moments = self.moments(value, training)
        for index in range(self.num_stages):
            value = self.stage(index, value, places, training, moments)
        return tf.where(finite[:, :, 0, 0], value, float("nan"))

    def _tokens(self, value: tf.Tensor, places: list[int]) -> tf.Tensor:
        """Means over the cells of the grid, with their embeddings."""
        value = _means(value, self._grid)
        if self.spatial_embedding:
            value += tf.convert_to_tensor(self.cell_vectors)
        shared = self.tones == "shared"
        rows, columns = self._grid
        number = len(places) if shared else 1
        value = tf.reshape(value, [-1, number, rows * columns, self.feature_dim])
        if shared:  # a product, as the gradient of an indexed table is sparse
            selection = tf.constant(np.eye(self.num_tones)[places], value.dtype)
            vectors = tf.matmul(selection, tf.convert_to_tensor(self.tone_vectors))
            value += vectors[:, tf.newaxis]
        return tf.reshape(value, [-1, number * rows * columns, self.feature_dim])


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
