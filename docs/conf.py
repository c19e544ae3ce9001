"""Sphinx configuration: ``sphinx-build -W --keep-going -b html docs docs/_build/html``."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

import generate  # noqa: E402
from pydantic import BaseModel  # noqa: E402
from sphinx.util.inspect import stringify_signature  # noqa: E402

import sionna_isac as isac  # noqa: E402
from sionna_isac.study.template import scenario_kinds  # noqa: E402

project = "sionna_isac"
author = "sionna_isac contributors"
copyright = author
version = release = isac.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",  # formulas without a network
    "check_pages",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"sionna_isac {version}"
html_static_path = ["_static"]
# Words in place of types are not links; names of the library must be.
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!sionna_isac\.).*")]
suppress_warnings = [
    "ref.citation",  # a listed publication that no docstring names
    "config.cache",
]

myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "dollarmath"]
myst_heading_anchors = 3

# Docstrings are in Sionna's form: Parameters, Input, Output
default_role = "code"
napoleon_numpy_docstring = True
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_custom_sections = [("Input", "params_style"), ("Output", "returns_style")]
autodoc_default_options = {"members": True, "exclude-members": "model_config"}
autodoc_member_order = "groupwise"
autodoc_typehints = "none"
autodoc_preserve_defaults = True


def _hide_tuple_fields(module) -> None:
    """Named tuples describe their fields in the class; Python's generic text adds nothing."""
    for name in module.__all__:
        for field in getattr(getattr(module, name), "_fields", ()):
            getattr(getattr(module, name), field).__doc__ = ""


def _domains() -> list[str]:
    """Packages of the library that export something."""
    found = []
    for name in isac._DOMAINS:
        module = importlib.import_module(f"sionna_isac.{name}")
        if getattr(module, "__all__", ()):
            _hide_tuple_fields(module)
            found.append(name)
    return found


def _signature(app, what, name, obj, options, signature, return_annotation):
    """Keras hides the arguments of a layer's constructor; those of scenarios have a page."""
    if what == "class" and issubclass(obj, BaseModel):
        return "(**fields)", None
    if what != "class" or not issubclass(obj, isac.core.Layer):
        return None
    found = inspect.signature(obj.__init__)
    arguments = list(found.parameters.values())[1:]
    return stringify_signature(found.replace(parameters=arguments), show_annotation=False), None


def _docstring(app, what, name, obj, options, lines):
    """Prepare a docstring before napoleon reads it."""
    if what == "module" and name.count(".") == 1:
        lines.clear()  # it is at the top of the page
    if what in ("attribute", "data", "property") and lines and " : " not in lines[0]:
        lines[0] = f": {lines[0]}"  # no type: napoleon takes what is before a colon for one
    # scenarios refer to the page of their fields
    kinds = {model: kind for kind, model in scenario_kinds().items()}
    if what == "class" and obj in kinds:
        lines += ["", f":ref:`All fields, with meaning, unit and choices <kind-{kinds[obj]}>`", ""]


_FIELDS = {name for model in scenario_kinds().values() for name in model.model_fields}


def _skip(app, what, name, obj, skip, options):
    """Leave out fields of scenarios, which have a page of their own."""
    own = app.env.temp_data.get("autodoc:class") or ""
    return True if own.endswith("Scenario") and name in _FIELDS else None


def setup(app):
    """Connect the hooks."""
    app.connect("autodoc-skip-member", _skip)
    app.connect("autodoc-process-docstring", _docstring, priority=400)
    app.connect("autodoc-process-signature", _signature)


generate.api(HERE / "_generated" / "api", _domains())
generate.references(HERE / "_generated" / "references.md")
generate.tutorials(HERE.parent / "tutorials", HERE / "_generated" / "tutorials")
generate.fields(HERE / "_generated" / "scenario_fields.md")
