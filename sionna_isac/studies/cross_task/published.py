"""Methods of [Zhao26]_ and of the library by name, and the values that the paper prints."""

from __future__ import annotations

from typing import Any

__all__ = ["PUBLISHED", "PUBLISHED_SWEEP", "RECEIVERS"]

_CTA = {"kind": "network", "variant": "cta"}
_NLL = {**_CTA, "uncertainty": True}

RECEIVERS: dict[str, dict[str, Any]] = {
    "periodogram": {"kind": "periodogram", "label": "far-field periodogram"},
    "matched_filter": {
        "kind": "matched_filter",
        "combining": "non_coherent",
        "label": "matched filter, non-coherent",
    },
    "matched_filter_coherent": {
        "kind": "matched_filter",
        "combining": "coherent",
        "label": "matched filter, coherent",
    },
    "shared": {"kind": "network", "variant": "shared", "label": "shared encoder"},
    "shared_pcgrad": {
        "kind": "network",
        "variant": "shared",
        "surgery": "pcgrad",
        "label": "shared encoder, PCGrad",
    },
    "cross_stitch": {"kind": "network", "variant": "cross_stitch", "label": "Cross-Stitch"},
    "single_classification": {
        "kind": "network",
        "variant": "single",
        "task": "classification",
        "label": "classification alone",
    },
    "single_localization": {
        "kind": "network",
        "variant": "single",
        "task": "localization",
        "label": "localisation alone",
    },
    "decoupled": {"kind": "network", "variant": "decoupled", "label": "two encoders"},
    "cta": {**_CTA, "label": "cross-task attention"},
    "cta_nll": {**_NLL, "label": "attention, NLL"},
    "cta_without_planar": {
        **_NLL,
        "physics": ["peak", "coupling"],
        "label": "attention, without planar",
    },
    "cta_without_peak": {
        **_NLL,
        "physics": ["planar", "coupling"],
        "label": "attention, without peak",
    },
    "cta_without_coupling": {
        **_NLL,
        "physics": ["planar", "peak"],
        "label": "attention, without coupling",
    },
    "cta_physics": {
        **_NLL,
        "physics": ["planar", "peak", "coupling"],
        "label": "attention, NLL, physics",
    },
    "cta_focused": {
        **_NLL,
        "physics": ["planar", "coupling"],
        "front_end": "focused",
        "label": "attention on focused images",
    },
    "focused": {"kind": "focused", "label": "focused receiver"},
}
"""Fields of each receiver by the name that a scenario may give in their place"""

_COLUMNS = ("accuracy", "range_mae", "azimuth_mae", "planar_mae", "success_rate")
_NAN = float("nan")
_ROWS = {  # Tables II and IV: accuracy [%], MAE of range [m], azimuth [deg], plane [m], Succ@1m [%]
    "periodogram": (_NAN, 16.4085, 1.4270, 16.4389, 2.64),
    "matched_filter": (_NAN, 8.8971, 1.6732, 8.9847, 6.30),
    "shared": (98.92, 1.0535, 2.0537, 1.6033, 39.23),
    "shared_pcgrad": (98.92, 1.0650, 1.2158, 1.2912, 50.27),
    "cross_stitch": (99.19, 1.0580, 1.8163, 1.4969, 43.02),
    "single_classification": (98.92, _NAN, _NAN, _NAN, _NAN),
    "single_localization": (_NAN, 1.0528, 1.7529, 1.4630, 43.29),
    "decoupled": (98.92, 1.0427, 1.8439, 1.4884, 39.70),
    "cta": (99.66, 1.0691, 1.8566, 1.5344, 42.28),
    "cta_nll": (99.25, 1.0992, 0.7281, 1.1810, 57.79),
    "cta_without_planar": (98.78, 1.1199, 0.8178, 1.2272, 55.89),
    "cta_without_peak": (98.98, 1.1177, 0.7428, 1.2006, 55.62),
    "cta_without_coupling": (99.05, 1.0957, 0.7516, 1.1821, 57.72),
    "cta_physics": (99.32, 1.0787, 0.7299, 1.1641, 57.79),
}
PUBLISHED = {name: dict(zip(_COLUMNS, row, strict=True)) for name, row in _ROWS.items()}
"""Printed values of Tables II and IV with 16 tones: shares in %, azimuth in degrees"""

PUBLISHED_SWEEP = {  # Section IV-C and D, Ks = 4
    ("cta_physics", 4): {"accuracy": 98.58, "planar_mae": 1.1826, "success_rate": 59.35},
    ("shared_pcgrad", 4): {"accuracy": 98.24, "planar_mae": 1.3485, "success_rate": 48.64},
}
"""Printed values with fewer tones, by receiver and number of tones"""
