"""Defaults of signatures are those that the docstrings name."""

from __future__ import annotations

import ast
import inspect
import re

import pytest

import sionna_isac as isac

DOMAINS = ("array", "beamforming", "bound", "channel", "core", "metrics", "objective")
DOMAINS += ("plots", "receiver", "scattering", "scene", "waveform")
LINE = re.compile(r"^ {4,}([\w, ]+) : (.*)$", re.MULTILINE)


def stated(text: str) -> str | None:
    """Default in the type of a parameter: ``(default 5)``, or what "(default)" stands behind."""
    match = re.search(r"\(default (.*)\)", text)
    if match:
        return match[1].strip("` ")
    match = re.search(r"([^|]+)\(default\)", text)
    return match[1].strip("` ") if match else None


def cases():
    for domain in DOMAINS:
        module = getattr(isac, domain)
        for name in module.__all__:
            owner = getattr(module, name)
            if callable(owner) and owner.__doc__:
                yield pytest.param(owner, id=f"{domain}.{name}")


def compared(owner) -> int:
    """Number of parameters whose default is the one that the docstring states."""
    try:
        parameters = inspect.signature(owner).parameters
    except ValueError:  # a class without a signature of its own
        return 0
    called = inspect.signature(owner.call).parameters if hasattr(owner, "call") else {}
    number = 0
    for names, text in LINE.findall(
        inspect.cleandoc("x\n" + inspect.getdoc(owner)).replace("\n", "\n    ")
    ):
        value = stated(text)
        for name in names.split(", "):
            parameter = parameters.get(name) or called.get(name)
            if value is None or parameter is None or parameter.default is parameter.empty:
                continue
            try:
                expected = () if value == "none" else ast.literal_eval(value)
            except (ValueError, SyntaxError):
                continue  # words
            given = parameter.default
            each = given if isinstance(given, tuple) and given else (given,)
            same = given == expected or all(part == expected for part in each)  # 0 of a vector
            assert same, f"{name}: {given!r} in the signature, {value} in the text"
            number += 1
    return number


@pytest.mark.parametrize("owner", list(cases()))
def test_defaults_are_those_of_the_docstring(owner):
    compared(owner)


def test_a_default_that_the_docstring_does_not_name_is_found():
    def owner(length=3, ends=(0, 1)):
        """Summary.

        Parameters
        ----------
        length : `int`, (default 3)
            Text
        ends : (`float`, `float`), (default (0, 1))
            Text
        """

    assert compared(owner) == 2
    owner.__defaults__ = (4, (0, 1))
    with pytest.raises(AssertionError, match="length: 4 in the signature, 3 in the text"):
        compared(owner)


def test_defaults_are_found():
    assert compared(isac.receiver.DifferentiableOMP) >= 5
    assert compared(isac.channel.MultitapLink) >= 3
    assert compared(isac.waveform.LeastSquaresPrecoder) == 1
