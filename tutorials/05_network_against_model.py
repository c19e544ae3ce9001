# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 5. Network against model: complexity and generalisation
#
# How much knowledge of physics should a learning system have? Four stations search for a single
# target with an array of misplaced elements. Their knowledge decreases from the first to the last:
#
# | station | knowledge | learned parameters |
# | --- | --- | --- |
# | baseline | the model, with wrong spacings | nothing |
# | impairment learning | the model | the spacings |
# | dictionary learning | the existence of steering vectors | each steering vector |
# | neural-network-based learning (NNBL) | the angle–delay map as input | everything else |
#
# We count their parameters, follow their training, and test them in sectors like those of the
# training and in wider ones. The comparison is that of Figs. 5 and 6 of [MateosRamos25], and the
# networks are those of its Appendix A with the limited complexity; the first version of the idea,
# with a single carrier, is [MateosRamos23].
#
# 1. a small system
# 2. four stations, and their parameters
# 3. training, in one step and in two
# 4. tests: sectors like those of the training, and wider ones
# 5. the learned beams and steering vectors
#
# **Scope of the result.** The system has a quarter of the antennas and an eighth of the subcarriers
# of the paper, so that everything trains within four minutes on two CPU cores. The paper
# trains on 300 million scenes, this notebook on a few ten thousand. A model should help most in
# this regime; the result does not extend to networks with enough training.

# %%
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

import sionna_isac as isac

plt.rcParams.update({"figure.dpi": 72, "figure.constrained_layout.use": True})

# %% [markdown]
# The short configuration is for automatic tests; it learns nothing.

# %%
QUICK = os.environ.get("SIONNA_ISAC_TUTORIAL_QUICK") == "1"
# to optimise graphs takes longer than few steps
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": QUICK})
isac.set_seed(1)

num_antennas = 16
num_subcarriers = 32
map_size = 32
num_angles = 91 if QUICK else 181
num_ranges = 30 if QUICK else 60
batch_size = 16 if QUICK else 100
num_iterations = 2 if QUICK else 300  # of array and dictionary
num_network_iterations = 2 if QUICK else 300  # of the first step of the networks; half the second
num_test_batches = 1 if QUICK else 10
test_size = 50 if QUICK else 500  # scenes of a batch

numerology = isac.waveform.Numerology(num_subcarriers, 960e3, carrier_frequency=60e9)
wavelength = numerology.wavelength  # m
angle_grid = np.linspace(-np.pi / 2, np.pi / 2, num_angles)  # rad
range_grid = np.linspace(10.0, 150.0, num_ranges)  # m
search = isac.receiver.SearchGrid(angle_grid, range_grid)
no = num_antennas / 10**2.5  # SNR_r = K sigma_r^2 / N_0 = 25 dB with sigma_r = 1

# %% [markdown]
# ## 1. A small system
#
# Element $k$ of $K$ is at $(k - \frac{K-1}{2})\,d_k$ with random spacings $d_k$ of standard
# deviation $\lambda/15$, which grow outwards (the first tutorial explains this order). A scene has
# one target or none, with equal probability; the beam covers the sector of the target. Training
# draws the centre of the sector within ±60° and its width between 10° and 20°.

# %%
truth = isac.array.impair(num_antennas, wavelength, [isac.array.SpacingError(std=1 / 15)])
ideal = isac.array.UniformLinearArray(num_antennas, wavelength)
error = (truth.element_positions - ideal.element_positions) / wavelength
print("displacement [wavelengths]:", np.round(error, 2).tolist())

echo = isac.channel.MonostaticEcho(truth, numerology, normalize=True)
interval = (range_grid[0], range_grid[-1])
scene = isac.scene.TargetScene(1, interval, isac.scene.RayleighGain(1.0))
random_sectors = isac.scene.RandomSector(np.deg2rad([-60, 60]), np.deg2rad([10, 20]))
tests = {
    "random": random_sectors,
    "trained": isac.scene.FixedSector(np.deg2rad([-40.0, -20.0])),
    "broadside": isac.scene.FixedSector(np.deg2rad([-20.0, 20.0])),
    "oblique": isac.scene.FixedSector(np.deg2rad([20.0, 60.0])),
}

# %% [markdown]
# ## 2. Four stations
#
# The first three have least-squares beams (7) and differentiable matching pursuit with one
# iteration. They differ only in the `array` that precoder and receiver share. A
# `SteeringDictionary` has one column per angle of the grid and none between, so its atoms are those
# of the grid.


# %%
def make_ends(array):
    """Least-squares precoder and matching pursuit that believe in ``array``."""
    precoder = isac.waveform.LeastSquaresPrecoder(array, angle_grid, regularization=1e-2)
    receiver = isac.receiver.DifferentiableOMP(
        array,
        numerology,
        search,
        max_targets=1,
        window=(4, 3),
        atoms="grid",
        no=no,
        max_span=np.deg2rad(40.01),
    )
    return precoder, receiver


spacings = isac.array.UniformLinearArray(num_antennas, wavelength, trainable="spacings")
dictionary = isac.array.SteeringDictionary(num_antennas, wavelength, angle_grid)

# %% [markdown]
# The fourth has networks: a perceptron makes the beam from the edges of the sector; three
# convolutional networks take the angle–delay map of the *ideal* array over the sector, and return
# angle, range and the logit of the probability of a target.

# %%
network_beams = isac.waveform.PrecoderNetwork(num_antennas, hidden=(4, 4, 4))
network_receiver = isac.receiver.NeuralReceiver(
    ideal,
    numerology,
    isac.receiver.SearchGrid(map_size, np.linspace(*interval, map_size)),
    filters=(2, 4, 8, 16),
    pool_size=2,
    hidden=(4, 4),
    no=no,
)
ends = {
    "baseline": make_ends(ideal),
    "impairments": make_ends(spacings),
    "dictionary": make_ends(dictionary),
    "NNBL": (network_beams, network_receiver),
    "known": make_ends(truth),
}


def num_parameters(*layers):
    """Real trainable parameters; weights that layers share count once."""
    weights = {id(w): w for layer in layers for w in layer.trainable_weights}
    return sum(int(np.prod(w.shape)) for w in weights.values())


size = {name: num_parameters(*pair) for name, pair in ends.items()}
for name in ("baseline", "impairments", "dictionary", "NNBL"):
    print(f"{name:12s} {size[name]:6d} real parameters")
print("  of which beams", num_parameters(network_beams), end=", ")
for part in ("angle_network", "range_network", "detection_network"):
    print(part.replace("_", " "), num_parameters(getattr(network_receiver, part)), end=" ")
print()
assert size["baseline"] == 0 and size["impairments"] == num_antennas
assert size["dictionary"] == 2 * num_antennas * num_angles

# %% [markdown]
# (In the paper's system, the networks of full size have 7.78 million parameters, the limited ones
# 10 555, the dictionary $64 \cdot 720$ complex ones, and the impairments 64.)
#
# ## 3. Training
#
# All stations learn with labels: the loss is the squared error of the position in scenes with a
# target (`position_mse`), as in Section V-C. Array and dictionary need no other loss, since the
# height of the peak is the metric of detection. This loss does not depend on the probability of the
# network. Its training therefore has two steps: first beams, angle and range; then the detector,
# with the cross entropy and fixed beams.
#
# A note on scales: the mean squared error of a range of 140 m is much larger than that of an angle.
# For the networks, whose angle and range share only the parameters of the beam, each error is
# divided by the variance before any observation, in a sector of 15° and the range region.


# %%
class Station(keras.Model):
    """Precoder and receiver around the echo of the true array."""

    def __init__(self, precoder, receiver):
        super().__init__()
        self.precoder, self.receiver = precoder, receiver
        self.built = True

    def call(self, sector):
        targets = scene(sector)
        return (
            targets,
            sector,
            echo.filtered(targets, self.precoder(sector), self.receiver.basis, no),
        )

    def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
        targets, sector, z = y_pred
        found = self.receiver(z, sector)
        return isac.objective.position_mse(
            found.position[:, 0], targets.position[:, 0], targets.num_targets > 0
        )


class NetworkStation(Station):
    """The same with networks, of which one step of the training uses one half."""

    step = "position"

    def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
        targets, sector, z = y_pred
        present = targets.num_targets > 0
        features = self.receiver.features(z, sector)
        if self.step == "detection":
            logits = self.receiver.detection_logits(features, sector, training=True)
            return isac.objective.binary_cross_entropy(logits[:, 0], present, from_logits=True)
        angle, distance = self.receiver.locate(features, sector, training=True)
        angle_loss = isac.objective.angle_mse(angle[:, 0], targets.angle[:, 0], present)
        misses = tf.boolean_mask(distance[:, 0] - targets.range[:, 0], present)
        range_loss = tf.reduce_sum(misses**2) / tf.maximum(tf.cast(tf.size(misses), tf.float32), 1)
        prior = (np.deg2rad(15.0) ** 2 / 12, (interval[1] - interval[0]) ** 2 / 12)
        return angle_loss / prior[0] + range_loss / prior[1]


# %% [markdown]
# The learning curves and the final results use one test: the root mean square error of the angle
# over all scenes with a target, detected or not; that of the range; and the misdetection
# probability at a threshold with a false-alarm probability of 1 %.


# %%
def make_test(precoder, receiver, sectors):
    """Function that draws a batch of scenes and returns them with the estimates."""

    def batch():
        sector = sectors(test_size)
        targets = scene(sector)
        z = echo.filtered(targets, precoder(sector), receiver.basis, no)
        found = receiver(z, sector)
        return (*found[:3], targets.angle, targets.range, targets.num_targets)

    return batch


def evaluate(test, num_batches, seed=10):
    """Errors of angle [deg] and range [m], misdetection probability at 1 % false alarms."""
    isac.set_seed(seed)  # the same scenes for every station
    parts = [test() for _ in range(num_batches)]
    angle, distance, metric, true_angle, true_range, count = (
        np.concatenate(v) for v in zip(*parts, strict=True)
    )
    present = count[:, np.newaxis] > 0
    threshold = isac.metrics.calibrate_threshold(metric, count, 1e-2)
    errors = np.rad2deg(np.abs(angle - true_angle)[present])
    return {
        "errors": errors,
        "angle": np.sqrt(np.mean(errors**2)),
        "median": np.median(errors),
        "range": isac.metrics.rmse(distance, true_range, present),
        "missed": isac.metrics.misdetection_probability(
            isac.metrics.count_detections(metric, threshold), num_true=count
        ),
        "scenes": count.size,
    }


class LearningCurve(keras.callbacks.Callback):
    """Tests a station on random sectors every now and then."""

    def __init__(self, station, every):
        super().__init__()
        self.test = make_test(station.precoder, station.receiver, random_sectors)
        self.every, self.rows = every, []

    def on_train_batch_end(self, batch, logs=None):
        if batch % self.every == 0:
            row = evaluate(self.test, 2, seed=100 + batch)
            self.rows.append(((batch + 1) * batch_size, row["angle"], row["missed"]))


def train(station, rate, iterations, jit_compile, seed=5):
    """Train on random sectors; returns scenes seen, angle error, misses."""
    isac.set_seed(seed)
    sectors = tf.data.Dataset.from_tensor_slices(random_sectors(iterations * batch_size))
    sectors = sectors.batch(batch_size, drop_remainder=True)
    schedule = keras.optimizers.schedules.CosineDecay(rate, iterations)
    station.compile(keras.optimizers.Adam(schedule, clipnorm=1.0), jit_compile=jit_compile)
    station.optimizer.build(station.trainable_weights)  # else the first step is traced twice
    curve = LearningCurve(station, max(1, iterations // 10))
    start = time.perf_counter()
    station.fit(sectors, callbacks=[curve], shuffle=False, verbose=0)
    print(f"{iterations * batch_size} scenes in {time.perf_counter() - start:.0f} s")
    return np.array(curve.rows)


curves = {}
for name, rate in (("impairments", 5e-3), ("dictionary", 1e-2)):
    print(f"{name}: ", end="")
    curves[name] = train(Station(*ends[name]), rate, num_iterations, not QUICK)

# %% [markdown]
# Keras compiles the training of array and dictionary with XLA. Convolutions are slow under XLA on
# CPUs, so the networks run as a plain graph.

# %%
network = NetworkStation(*ends["NNBL"])
network_receiver.detection_network.trainable = False
print("NNBL, position: ", end="")
curves["NNBL"] = train(network, 1e-2, num_network_iterations, False)

network.step = "detection"
network_receiver.detection_network.trainable = True
for part in (network_beams, network_receiver.angle_network, network_receiver.range_network):
    part.trainable = False
print("NNBL, detection: ", end="")
detection_curve = train(network, 1e-2, num_network_iterations // 2, False)

# %%
_, (left, right) = plt.subplots(1, 2, figsize=(10, 3.2))
for i, (name, rows) in enumerate(curves.items()):
    left.loglog(rows[:, 0], rows[:, 1], "o-", ms=3, color=f"C{i + 1}", label=name)
    if name != "NNBL":
        right.loglog(rows[:, 0], rows[:, 2], "o-", ms=3, color=f"C{i + 1}", label=name)
right.loglog(
    detection_curve[:, 0], detection_curve[:, 2], "o-", ms=3, color="C3", label="NNBL, second step"
)
floor = evaluate(make_test(*ends["known"], random_sectors), num_test_batches)
left.axhline(floor["angle"], color="k", ls=":", label="known positions")
right.axhline(floor["missed"], color="k", ls=":")
left.set(xlabel="scenes seen", ylabel="angle error [deg]", title="random sectors, 1000 scenes")
right.set(xlabel="scenes seen", ylabel="missed at 1 % false alarms")
for axis in (left, right):
    axis.legend(fontsize=8)
plt.show()

# %% [markdown]
# Each dot is a test with other scenes, and a few weak echoes make the curves jump: values below the
# dotted line are chance. The array reaches it within some thousand scenes, the dictionary comes
# closer at each step. The networks start far away. The middle of each sector would have an error of
# 4.4°; the networks end just below 4°.
#
# ## 4. Tests
#
# The sector from −40° to −20° is as wide as the widest of the training. Two others are twice as
# wide: from −20° to 20°, as in Fig. 6, and from 20° to 60°. All their angles occurred in training,
# but never as one sector. Errors are those of all scenes with a target. The few scenes with a weak
# echo, whose estimates are anywhere in the sector, dominate the root mean square, so the figure
# also shows the median.

# %%
results = {}
print(f"{test_size * num_test_batches} scenes in each test")
for name, pair in ends.items():
    results[name] = {
        key: evaluate(make_test(*pair, tests[key]), num_test_batches)
        for key in ("trained", "broadside", "oblique")
    }
for key in ("trained", "broadside", "oblique"):
    low, high = np.rad2deg(tests[key](1)[0])
    print(f"{key}: {low:.0f} to {high:.0f} deg")
    print("             parameters   angle RMSE [deg]   median [deg]   range RMSE [m]   missed")
    for name, rows in results.items():
        row = rows[key]
        print(
            f"  {name:12s}{size[name]:9d}{row['angle']:19.2f}{row['median']:15.2f}"
            f"{row['range']:17.1f}{row['missed']:9.1%}"
        )

_, axes = plt.subplots(1, 3, figsize=(12, 3.2))
place = np.arange(len(results))
for axis, measure, label in zip(
    axes,
    ("angle", "median", "missed"),
    ("angle error, RMSE [deg]", "angle error, median [deg]", "missed at 1 % false alarms"),
    strict=True,
):
    for shift, key in ((-0.27, "trained"), (0, "broadside"), (0.27, "oblique")):
        axis.bar(place + shift, [r[key][measure] for r in results.values()], 0.27, label=key)
    axis.set_xticks(place, list(results), rotation=30)
    axis.set_ylabel(label)
axes[0].legend(fontsize=8)
plt.show()

# %% [markdown]
# The medians are most informative. Impairment learning with its 16 numbers is as good as the known
# array, in all three sectors. The dictionary comes closer to it in the trained sector than in the
# oblique one; it is still better than the baseline, since each of its columns was trained in *some*
# sector. (In Fig. 6 of the paper it falls back to the baseline. There, the grid has 720 angles and
# the system 64 antennas.) From −20° to 20° the baseline loses least: a displacement shifts phases
# in proportion to $\sin\theta$, so there is less to correct near broadside.
#
# The networks find targets, but in all three sectors they are worse than the baseline, which learns
# nothing. In sectors of 40° their angles are little better than the middle of the sector, which
# alone would give a root mean square error of 11.5°, and their ranges are a third of the 40 m off
# that the middle of the region would give.
#
# The distribution of the errors separates accuracy (left end) from outliers (right end):

# %%
_, axes = plt.subplots(1, 2, figsize=(11, 3.2), sharey=True)
for axis, key in zip(axes, ("trained", "oblique"), strict=True):
    for name, rows in results.items():
        errors = np.sort(rows[key]["errors"])
        axis.loglog(errors, 1 - np.arange(errors.size) / errors.size, label=name)
    axis.set(xlabel="angle error [deg]", xlim=(0.05, 40), ylim=(1e-3, 1.2), title=key)
axes[0].set_ylabel("share of larger errors")
axes[0].legend(fontsize=8)
plt.show()

# %% [markdown]
# Up to a few degrees, learning reduces the errors. Beyond, known and unknown arrays have nearly the
# same tail: echoes that are too weak for every station.
#
# ## 5. Learned beams and steering vectors
#
# The figure shows the beams for two of the sectors, as the true array radiates them:

# %%
angles = np.linspace(-np.pi / 2, np.pi / 2, 721)
true_steering = truth.steering(angles)
_, axes = plt.subplots(1, 2, figsize=(11, 3.2), sharey=True)
for axis, key in zip(axes, ("trained", "oblique"), strict=True):
    sector = tests[key](1)
    for name, (precoder, _) in ends.items():
        pattern = np.abs(tf.linalg.matvec(true_steering, precoder(sector)[0])) ** 2
        axis.plot(np.rad2deg(angles), 10 * np.log10(pattern + 1e-9), label=name)
        within = (angles >= float(sector[0, 0])) & (angles <= float(sector[0, 1]))
        print(f"{key:8s} {name:12s} mean gain {10 * np.log10(pattern[within].mean()):5.1f} dB")
    axis.axvspan(*np.rad2deg(sector[0]), color="0.9", zorder=0)
    axis.set(xlabel="angle [deg]", ylim=(-20, 15), title=key)
axes[0].set_ylabel("gain [dB]")
axes[1].legend(fontsize=8)
plt.show()

# %% [markdown]
# Three layers of four neurons cannot represent 16 complex weights for each sector: the beam of the
# networks stays at 0 dB or below where the others have 5 to 8 dB, which explains a part of their
# error.
#
# The next figure compares the believed steering vectors of the first three stations with the true
# ones, by the cosine of the angle between both, $|\mathbf{a}^H\tilde{\mathbf{a}}| / (\|\mathbf{a}\|
# \|\tilde{\mathbf{a}}\|)$:

# %%
true_grid = truth.steering(angle_grid)


def likeness(array):
    """Cosine between believed and true steering vectors for each angle of the grid."""
    believed = array.steering(angle_grid).numpy()
    size = np.linalg.norm(believed, axis=-1) * np.linalg.norm(true_grid, axis=-1)
    return np.abs(np.sum(np.conj(believed) * true_grid, -1)) / size


_, axis = plt.subplots(figsize=(8, 3))
for name, array in (("baseline", ideal), ("impairments", spacings), ("dictionary", dictionary)):
    axis.plot(np.rad2deg(angle_grid), likeness(array), label=name)
axis.axvspan(-70, 70, color="0.95", zorder=0)
axis.set(xlabel="angle [deg]", ylabel="likeness to the truth", ylim=(None, 1.02))
axis.legend(fontsize=8)
plt.show()

# %% [markdown]
# If steering vectors follow from positions, training in one direction improves all directions.
# Training does not find all positions exactly, but the remaining errors hardly move the peak. The
# dictionary must train every angle separately, which explains its noise. Beyond ±70°, outside all
# sectors, its columns stay as far from the truth as at the start: the receiver never uses them, and
# the precoder, whose fit uses all columns, only changes them to improve its beams elsewhere.
#
# **Summary.**
#
# - 16, 5792 and 8347 real parameters, 30 000 scenes each (the networks 15 000 more for their
#   detector): here, fewer parameters are better. In the paper, too, impairment learning is the
#   best.
# - A comparison with networks is one of budgets. These networks used 1/10 000 of the scenes of the
#   paper, and have its smallest size. The notebook does not show their limit.
# - Generalisation depends on the parameters that directions share. Test it where errors have an
#   effect.
#
# The results are for one draw of the errors, one seed of the training, and 5000 scenes per test.
# The references:

# %%
for key in ("trained", "oblique"):  # what the physics promises, loosely
    assert QUICK or results["impairments"][key]["median"] < results["baseline"][key]["median"]
    assert QUICK or results["impairments"][key]["median"] < results["NNBL"][key]["median"]
print(isac.citation(dictionary, network_receiver, isac.objective.angle_mse))

# %% [markdown]
# ## Exercises
#
# 1. **More scenes.** Multiply `num_network_iterations` by 10 and by 100. Where does the learning
#    curve of the networks meet that of the dictionary?
# 2. **Larger networks.** Take the defaults of `PrecoderNetwork` and `NeuralReceiver` (with a map of
#    at least 64 x 64). How many parameters do they have, and what do they gain with the same
#    scenes?
# 3. **A receiver with more knowledge.** Give the networks the least-squares beams of the ideal
#    array. Which part of the gap to the baseline was the beam?
# 4. **Unstructured errors.** Add `MutualCoupling(-10.0)` to the truth. Positions alone cannot model
#    it; can the dictionary?
# 5. **Smaller dictionaries.** The paper limits the dictionary to 156 columns for 64 antennas. Halve
#    `num_angles` twice. What is lost?
