"""What all tests share: quiet TensorFlow, one thread per worker, one seed per test."""

from __future__ import annotations

import gc
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Small graphs take far longer to compile than to run; `make test-slow` compiles as users do.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=1")


import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac

gc.freeze()  # what is imported lives until the end: no collection need look at it

if "PYTEST_XDIST_WORKER" in os.environ:  # several workers share the cores
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


@pytest.fixture(autouse=True)
def _seed():
    """Each test starts from the same random state, whatever ran before it."""
    isac.set_seed(42)


@pytest.fixture
def rng() -> np.random.Generator:
    """NumPy generator for the test's own draws."""
    return np.random.default_rng(7)
