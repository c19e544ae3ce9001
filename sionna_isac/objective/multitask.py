"""Losses of one network that classifies and localises a target at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from sionna_isac.core import checks, cites
from sionna_isac.objective._tensors import real, same_dtype
from sionna_isac.objective.localization import (
    azimuth_loss,
    coupling_loss,
    peak_loss,
    planar_loss,
    range_loss,
)
from sionna_isac.objective.supervised import categorical_cross_entropy

__all__ = [
    "MULTITASK_WEIGHTS",
    "Fields",
    "MultitaskLabels",
    "multitask_loss",
    "multitask_terms",
]

MULTITASK_WEIGHTS = {
    "classification": 1.0,
    "range": 1.0,
    "azimuth": 1.8,
    "planar": 0.2,
    "peak": 0.05,
    "coupling": 0.1,
}
"""Weights of the terms in Section IV-A of [Zhao26]_"""
PHYSICS = ("planar", "peak", "coupling")


class MultitaskLabels(NamedTuple):
    """Labels of a batch, as :func:`multitask_loss` wants them.

    Attributes
    ----------
    category : [batch_size], `tf.int`
        Index of the class :math:`c`, from 0
    range : [batch_size], `tf.float`
        Range of the target's centre :math:`r` [m]
    azimuth : [batch_size], `tf.float`
        Azimuth of the centre :math:`\\theta` [rad]
    peak : `None` (default) | [batch_size, 2], `tf.float`
        Coordinates of the peak of the observation, see :func:`peak_target`
    """

    category: Any
    range: Any
    azimuth: Any
    peak: Any = None


@cites("Zhao26")
def multitask_terms(
    out: Any,
    labels: Any,
    *,
    weights: Mapping[str, float] | None = None,
    uncertainty: bool = True,
    physics: Collection[str] = PHYSICS,
) -> dict[str, tf.Tensor]:
    """Weighted terms of :func:`multitask_loss` by name; the parameters are the same.

    Output
    ------
    : `dict` of scalars, `tf.float`
        Terms "classification", "range", "azimuth" and those of ``physics``, each times its weight.
        Those of a task that the network does not have, and those of weight 0, are not there.

    Raises
    ------
    ValueError
        If a name is unknown, a weight is negative, no term is left, or as the terms do
    """
    weight = _weights(weights)
    physics = _physics(physics)
    terms: dict[str, tf.Tensor] = {}
    label = Fields("labels", labels)
    estimate = Fields("out", out)
    if weight["classification"] and estimate.has("logits"):
        logits = real("out.logits", estimate["logits"])
        loss = categorical_cross_entropy(logits, label["category"], from_logits=True)
        terms["classification"] = loss
    if estimate.has("range"):
        place = [estimate["range"], estimate["azimuth"], label["range"], label["azimuth"]]
        for name, loss, pair in (
            ("range", range_loss, place[::2]),
            ("azimuth", azimuth_loss, place[1::2]),
        ):
            if weight[name]:
                variance = estimate[f"log_var_{name}"] if uncertainty else None
                terms[name] = loss(pair[0], pair[1], variance)
        for name, of_place in (("planar", planar_loss), ("coupling", coupling_loss)):
            if name in physics and weight[name]:
                terms[name] = of_place(*place)
        if "peak" in physics and weight["peak"]:
            terms["peak"] = peak_loss(estimate["peak"], label["peak"])
    if not terms:
        raise ValueError(
            f"weights must leave a term for what the network estimates; got {dict(weight)}"
        )
    return {name: weight[name] * loss for name, loss in terms.items()}


@cites("Zhao26")
def multitask_loss(
    out: Any,
    labels: Any,
    *,
    weights: Mapping[str, float] | None = None,
    uncertainty: bool = True,
    physics: Collection[str] = PHYSICS,
) -> tf.Tensor:
    r"""Loss of joint classification and localisation, Eqs. (39), (42) and (43) of [Zhao26]_.

    .. math::
        \mathcal{L} = \mathcal{L}_\mathrm{cls} + \lambda_r \mathcal{L}_r
        + \lambda_\theta \mathcal{L}_\theta + \lambda_p \mathcal{L}_\mathrm{pl}
        + \lambda_{pk} \mathcal{L}_\mathrm{peak} + \lambda_c \mathcal{L}_\mathrm{cp}

    with the cross-entropy (40), :func:`range_loss`, :func:`azimuth_loss`, :func:`planar_loss`,
    :func:`peak_loss` and :func:`coupling_loss`. The "deterministic objective" of the baselines is
    ``uncertainty=False, physics=()``: cross-entropy and squared errors.

    A network of a single task, whose other outputs are `None`, has the terms of its task.

    Parameters
    ----------
    out : :class:`~sionna_isac.receiver.LocalizerOutput`
        Estimates of the network, or any object or mapping with the same names
    labels : :class:`MultitaskLabels`
        Labels, or any object or mapping with the same names
    weights : `None` (default) | mapping
        Weights by the name of the term, in place of those of :data:`MULTITASK_WEIGHTS`; 0 leaves
        a term out
    uncertainty : `bool`, (default `True`)
        If `True`, errors of range and azimuth count by the log-variances of the network; otherwise
        their squares count
    physics : collection of "planar" | "peak" | "coupling", (default ("planar", "peak", "coupling"))
        Terms of (43) that are added

    Output
    ------
    : scalar, `tf.float`
        Loss

    Raises
    ------
    ValueError
        If a name is unknown, a weight is negative, no term is left, or as the terms do
    """
    return tf.add_n(
        same_dtype(
            *multitask_terms(
                out, labels, weights=weights, uncertainty=uncertainty, physics=physics
            ).items()
        )
    )


class Fields:
    """Entries of an object or a mapping."""

    def __init__(self, name: str, source: Any) -> None:
        self.name, self.source = name, source

    def get(self, field: str) -> Any:
        if isinstance(self.source, Mapping):
            return self.source.get(field)
        return getattr(self.source, field, None)

    def has(self, field: str) -> bool:
        return self.get(field) is not None

    def __getitem__(self, field: str) -> Any:
        value = self.get(field)
        if value is None:
            shown = type(self.source).__name__
            raise ValueError(f"{self.name} must have {field}, which a term needs; got a {shown}")
        return value


def _weights(given: Mapping[str, float] | None) -> dict[str, float]:
    if given is not None and not isinstance(given, Mapping):
        raise TypeError(f"weights must be a mapping of names to numbers; got {given!r}")
    values = dict(given or {})
    for name, value in values.items():
        checks.one_of("weights", name, MULTITASK_WEIGHTS)
        checks.real(f"weights[{name!r}]", value, minimum=0)
    return {**MULTITASK_WEIGHTS, **values}


def _physics(given: Collection[str]) -> Collection[str]:
    if isinstance(given, str) or not isinstance(given, Collection):
        raise TypeError(f"physics must be a collection of names such as {PHYSICS}; got {given!r}")
    for name in given:
        checks.one_of("physics", name, PHYSICS)
    return given
