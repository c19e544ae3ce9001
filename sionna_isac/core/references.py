"""Which publication a class implements, and its BibTeX entry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["BIBLIOGRAPHY", "citation", "cites"]

_T = TypeVar("_T")

BIBLIOGRAPHY: dict[str, str] = {
    "Gabriel96": """@article{Gabriel96,
  author  = {Gabriel, S. and Lau, R. W. and Gabriel, C.},
  title   = {The Dielectric Properties of Biological Tissues: {III}. Parametric Models for the
             Dielectric Spectrum of Tissues},
  journal = {Physics in Medicine and Biology},
  volume  = {41}, pages = {2271--2293},
  year    = {1996}
}""",
    "MateosRamos25": """@article{MateosRamos25,
  author  = {Mateos-Ramos, Jos{\\'e} Miguel and H{\\"a}ger, Christian and Keskin, Musa Furkan
             and Le Magoarou, Luc and Wymeersch, Henk},
  title   = {Model-Based End-to-End Learning for Multi-Target Integrated Sensing and
             Communication},
  year    = {2025}
}""",
    "P2040": """@techreport{P2040,
  author  = {{ITU-R}},
  title   = {Effects of Building Materials and Structures on Radiowave Propagation above about
             100 {MHz}},
  note    = {Recommendation ITU-R P.2040-3},
  year    = {2023}
}""",
    "Rahmathullah17": """@inproceedings{Rahmathullah17,
  author    = {Rahmathullah, Abu Sajana and Garc{\\'i}a-Fern{\\'a}ndez, {\\'A}ngel F.
               and Svensson, Lennart},
  title     = {Generalized Optimal Sub-Pattern Assignment Metric},
  booktitle = {20th International Conference on Information Fusion},
  year      = {2017}
}""",
    "Yuan25": """@article{Yuan25,
  author  = {Yuan, Minghao and He, Dongxuan and Yuan, Weijie and Yin, Hao and Wang, Hua},
  title   = {Near-Field Integrated Sensing and Communication: {SPEB} Analysis and Hybrid
             Beamforming Design},
  year    = {2025}
}""",
    "Zhao26": """@article{Zhao26,
  author  = {Zhao, Zongyao and Wang, Zhaolin and Han, Lincong and Jin, Jing and Liu, Yuanwei
             and Huang, Kaibin},
  title   = {Extended-Target Classification and Localization for Near-Field {ISAC}},
  journal = {arXiv:2603.23093},
  year    = {2026}
}""",
    "Zhang18": """@article{Zhang18,
  author  = {Zhang, J. Andrew and Huang, Xiaojing and Guo, Y. Jay and Yuan, Jinhong
             and Heath, Robert W.},
  title   = {Multibeam for Joint Communication and Radar Sensing Using Steerable Analog
             Antenna Arrays},
  journal = {IEEE Transactions on Vehicular Technology},
  volume  = {68}, number = {1}, pages = {671--685},
  year    = {2018}
}""",
    "Sionna": """@software{Sionna,
  author  = {Hoydis, Jakob and Cammerer, Sebastian and {Ait Aoudia}, Fay{\\c{c}}al and others},
  title   = {Sionna},
  year    = {2022},
  note    = {https://nvlabs.github.io/sionna/}
}""",
}


def cites(*keys: str) -> Callable[[_T], _T]:
    """Class or function decorator: name the publications that it implements."""
    unknown = [k for k in keys if k not in BIBLIOGRAPHY]
    if unknown:
        raise KeyError(f"unknown BibTeX keys {unknown}; known: {sorted(BIBLIOGRAPHY)}")

    def mark(obj: _T) -> _T:
        obj.__references__ = keys  # type: ignore[attr-defined]
        return obj

    return mark


def citation(*objects: Any) -> str:
    """BibTeX entries to cite for the given classes, layers or functions.

    Parameters
    ----------
    objects
        Classes, instances or functions of this library, or BibTeX keys. Layers held by a layer
        are included.

    Output
    ------
    : `str`
        BibTeX entries, each once, Sionna's first

    Example
    -------
    >>> print(isac.citation(isac.receiver.DifferentiableOMP))
    """
    keys: dict[str, None] = {"Sionna": None}
    for obj in objects:
        for key in _keys(obj):
            if key not in BIBLIOGRAPHY:
                raise KeyError(f"unknown BibTeX key {key!r}; known: {sorted(BIBLIOGRAPHY)}")
            keys[key] = None
    return "\n\n".join(BIBLIOGRAPHY[k] for k in keys)


def _keys(obj: Any) -> list[str]:
    if isinstance(obj, str):
        return [obj]
    found = list(getattr(obj, "__references__", ()))
    if not isinstance(obj, type):
        for layer in getattr(obj, "_flatten_layers", lambda **_: ())(include_self=False):
            found += getattr(layer, "__references__", ())
    return found
