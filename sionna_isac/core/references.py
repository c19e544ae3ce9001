"""Publications that classes implement, and their BibTeX entries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["BIBLIOGRAPHY", "citation", "cites"]

_T = TypeVar("_T")

BIBLIOGRAPHY: dict[str, str] = {
    "BohrenHuffman83": """@book{BohrenHuffman83,
  author    = {Bohren, Craig F. and Huffman, Donald R.},
  title     = {Absorption and Scattering of Light by Small Particles},
  publisher = {Wiley},
  year      = {1983}
}""",
    "Gabriel96": """@article{Gabriel96,
  author  = {Gabriel, S. and Lau, R. W. and Gabriel, C.},
  title   = {The Dielectric Properties of Biological Tissues: {III}. Parametric Models for the
             Dielectric Spectrum of Tissues},
  journal = {Physics in Medicine and Biology},
  volume  = {41}, pages = {2271--2293},
  year    = {1996}
}""",
    "He15": """@inproceedings{He15,
  author    = {He, Kaiming and Zhang, Xiangyu and Ren, Shaoqing and Sun, Jian},
  title     = {Delving Deep into Rectifiers: Surpassing Human-Level Performance on {ImageNet}
               Classification},
  booktitle = {IEEE International Conference on Computer Vision (ICCV)},
  pages     = {1026--1034},
  year      = {2015}
}""",
    "Lentz76": """@article{Lentz76,
  author  = {Lentz, William J.},
  title   = {Generating {Bessel} Functions in {Mie} Scattering Calculations Using Continued
             Fractions},
  journal = {Applied Optics},
  volume  = {15}, number = {3}, pages = {668--671},
  year    = {1976}
}""",
    "MateosRamos23": """@inproceedings{MateosRamos23,
  author    = {Mateos-Ramos, Jos{\\'e} Miguel and H{\\"a}ger, Christian and Keskin, Musa Furkan
               and Le Magoarou, Luc and Wymeersch, Henk},
  title     = {Model-Driven End-to-End Learning for Integrated Sensing and Communication},
  booktitle = {IEEE International Conference on Communications},
  pages     = {5695--5700},
  year      = {2023}
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
    "Tai94": """@book{Tai94,
  author    = {Tai, Chen-To},
  title     = {Dyadic {Green} Functions in Electromagnetic Theory},
  edition   = {2nd}, publisher = {IEEE Press},
  year      = {1994}
}""",
    "Wang25": """@article{Wang25,
  author  = {Wang, Yiqiu and Tao, Meixia and Sun, Shu and Cao, Wei},
  title   = {{3D} Extended Target Sensing in {ISAC}: {Cram{\\'e}r-Rao} Bound Analysis and
             Beamforming Design},
  journal = {arXiv:2412.06353},
  year    = {2024}
}""",
    "Yu20": """@inproceedings{Yu20,
  author    = {Yu, Tianhe and Kumar, Saurabh and Gupta, Abhishek and Levine, Sergey
               and Hausman, Karol and Finn, Chelsea},
  title     = {Gradient Surgery for Multi-Task Learning},
  booktitle = {Advances in Neural Information Processing Systems},
  volume    = {33},
  year      = {2020}
}""",
    "Misra16": """@inproceedings{Misra16,
  author    = {Misra, Ishan and Shrivastava, Abhinav and Gupta, Abhinav and Hebert, Martial},
  title     = {Cross-Stitch Networks for Multi-Task Learning},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition (CVPR)},
  pages     = {3994--4003},
  year      = {2016}
}""",
    "Yuan25": """@article{Yuan25,
  author  = {Yuan, Minghao and He, Dongxuan and Yuan, Weijie and Yin, Hao and Wang, Hua},
  title   = {Near-Field Integrated Sensing and Communication: {SPEB} Analysis and Hybrid
             Beamforming Design},
  year    = {2025}
}""",
    "Sogabe07": """@article{Sogabe07,
  author  = {Sogabe, Tomohiro and Zhang, Shao-Liang},
  title   = {A {COCR} Method for Solving Complex Symmetric Linear Systems},
  journal = {Journal of Computational and Applied Mathematics},
  volume  = {199}, number = {2}, pages = {297--303},
  year    = {2007}
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
    "Farjadpour06": """@article{Farjadpour06,
  author  = {Farjadpour, Ardavan and Roundy, David and Rodriguez, Alejandro and Ibanescu, Mihai
             and Bermel, Peter and Joannopoulos, J. D. and Johnson, Steven G. and Burr, G. W.},
  title   = {Improving Accuracy by Subpixel Smoothing in the Finite-Difference Time Domain},
  journal = {Optics Letters},
  volume  = {31}, number = {20}, pages = {2972--2974},
  year    = {2006}
}""",
    "Goodman91": """@article{Goodman91,
  author  = {Goodman, J. J. and Draine, B. T. and Flatau, P. J.},
  title   = {Application of Fast-{Fourier}-Transform Techniques to the Discrete-Dipole
             Approximation},
  journal = {Optics Letters},
  volume  = {16}, number = {15}, pages = {1198--1200},
  year    = {1991}
}""",
    "Newell93": """@article{Newell93,
  author  = {Newell, Andrew J. and Williams, Wyn and Dunlop, David J.},
  title   = {A Generalization of the Demagnetizing Tensor for Nonuniform Magnetization},
  journal = {Journal of Geophysical Research: Solid Earth},
  volume  = {98}, number = {B6}, pages = {9551--9555},
  year    = {1993}
}""",
    "Yurkin10": """@article{Yurkin10,
  author  = {Yurkin, Maxim A. and Min, Michiel and Hoekstra, Alfons G.},
  title   = {Application of the Discrete Dipole Approximation to Very Large Refractive Indices:
             Filtered Coupled Dipoles Revived},
  journal = {Physical Review E},
  volume  = {82}, pages = {036703},
  year    = {2010}
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
