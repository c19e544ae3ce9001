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
# # 1. From bits to a trained array
#
# A base station with 64 antennas at 60 GHz sends OFDM symbols. They carry data to a user, and from
# the echoes of the same symbols the station estimates the positions of up to five targets. Its
# antennas are not at the positions of the data sheet, so beams miss and targets smear. This
# notebook builds the system from layers, shows how it fails, and trains the antenna spacings end to
# end until it works again:
#
# 1. bits, symbols, and one OFDM grid for data and sensing
# 2. an array with errors, and their effect on beams
# 3. the echo of several targets, and the angle–delay map
# 4. orthogonal matching pursuit (OMP), plain and differentiable; thresholds; GOSPA
# 5. the communication user
# 6. training the array
# 7. the paths of gradients, and the references
#
# The setting is that of Mateos-Ramos et al., *Model-Based End-to-End Learning for Multi-Target
# Integrated Sensing and Communication*; equation numbers are those of this paper. All cells
# together take two to three minutes on two CPU cores.

# %%
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from sionna.phy.channel import OFDMChannel
from sionna.phy.ofdm import ResourceGridMapper

import sionna_isac as isac

plt.rcParams.update({"figure.dpi": 72, "figure.constrained_layout.use": True})

# %% [markdown]
# One seed controls all random numbers: Sionna's generators, and those of Keras, NumPy and Python.
# The short configuration is for automatic tests; its arrays are too small for meaningful results.

# %%
QUICK = os.environ.get("SIONNA_ISAC_TUTORIAL_QUICK") == "1"
tf.config.run_functions_eagerly(QUICK)  # to trace takes longer than few steps
isac.set_seed(1)

num_antennas = 16 if QUICK else 64
num_subcarriers = 64 if QUICK else 256
num_angles = 181 if QUICK else 720
num_ranges = 60 if QUICK else 200
num_iterations = 6 if QUICK else 300
num_test_batches = 2 if QUICK else 20
max_targets = 3 if QUICK else 5

carrier_frequency = 60e9  # Hz
subcarrier_spacing = 120e3  # Hz
numerology = isac.waveform.Numerology(num_subcarriers, subcarrier_spacing, carrier_frequency)
wavelength = numerology.wavelength  # m
angle_grid = np.linspace(-np.pi / 2, np.pi / 2, num_angles)  # rad
range_grid = np.linspace(10.0, 190.0, num_ranges)  # m
search = isac.receiver.SearchGrid(angle_grid, range_grid)

# %% [markdown]
# ## 1. Bits, symbols, and a shared grid
#
# `SymbolSource` draws bits and maps them to QPSK symbols by Sionna's `Mapper`: one symbol of unit
# energy per subcarrier.

# %%
symbols = isac.waveform.SymbolSource(num_subcarriers)
x, bits = symbols(2)
print("symbols", x.shape, "bits", bits.shape)
print("mean energy", float(tf.reduce_mean(tf.abs(x) ** 2)))
print(bits[0, :3].numpy().astype(int).tolist(), "->", np.round(x[0, :3].numpy(), 3))

# %% [markdown]
# In most of this notebook, data and sensing share every tone. The alternative is to *reserve* tones
# for sensing, with their own beam. `shared_tone_grid` returns an ordinary Sionna `ResourceGrid`
# that leaves these tones empty, and `BeamformedGrid` fills them: $\mathbf{x} = \mathbf{w}_c\,c +
# \mathbf{w}_s\,t$ on each resource element.

# %%
sensing_tones = np.arange(4, 64, 8)
grid = isac.waveform.shared_tone_grid(
    num_ofdm_symbols=14,
    fft_size=64,
    subcarrier_spacing=subcarrier_spacing,
    sensing_tones=sensing_tones,
    pilot_symbols=(2, 11),
)
data = isac.waveform.SymbolSource(int(grid.num_data_symbols))(1)[0]
communication = ResourceGridMapper(grid)(data[:, tf.newaxis, tf.newaxis])

beam = tf.ones([1, 4], tf.complex64) / 2  # four antennas are enough to see the structure
signal = isac.waveform.BeamformedGrid(sensing_tones)(
    communication, beam, tf.ones([1, 1, sensing_tones.size], tf.complex64), -beam
)
print("antenna signals [batch, tx, antenna, symbol, subcarrier]:", signal.shape)

kind = np.abs(communication[0, 0, 0].numpy()) > 0
kind = np.where(kind, 1, 2)  # empty on the mapper's grid: a sensing tone
kind[np.ix_([2, 11], np.setdiff1d(np.arange(64), sensing_tones))] = 3

tones = np.arange(64)
rate = isac.metrics.ergodic_rate(tones, num_tones=64, snr_db=15.0)

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3))
image = left.imshow(
    kind.T, aspect="auto", origin="lower", interpolation="nearest", cmap=plt.get_cmap("viridis", 3)
)
left.set(xlabel="OFDM symbol", ylabel="subcarrier", title="who uses which element")
bar = figure.colorbar(image, ax=left, ticks=[1.33, 2, 2.67])
bar.ax.set_yticklabels(["data", "sensing", "pilots"])
right.plot(tones, rate, label="closed form")

# the same by simulation, on the link of section 5 with a single antenna
single = isac.array.UniformLinearArray(1, wavelength)
link = isac.channel.MultitapLink(
    single, isac.scene.FixedSector((-1.0, 1.0)), bandwidth=64 * subcarrier_spacing
)
channel = link.csi(
    link.paths(4000),
    tf.ones([4000, 1]),
    isac.waveform.Numerology.from_resource_grid(grid, carrier_frequency),
)
for reserved in (2, 4, 8, 16, 32):
    share = 1 - reserved / 64
    snr = 10**1.5 / share * np.abs(channel.numpy()) ** 2
    simulated = share * np.mean(np.log2(1 + snr))
    right.plot(reserved, simulated, "ko", label="simulated" if reserved == 2 else None)
    print(f"{reserved:2d} sensing tones: {rate[reserved]:.4f} bit/s/Hz, simulated {simulated:.4f}")
right.set(xlabel="sensing tones of 64", ylabel="rate [bit/s/Hz]", title="what sensing costs")
right.legend()
plt.show()

# %% [markdown]
# ## 2. An array with errors
#
# An error of the spacing displaces an element in proportion to its distance from the centre.
# Element $k$ of $K$ is at
#
# $$
# p_k = \left(k - \frac{K-1}{2}\right) d_k , \qquad
# d_k \sim \mathcal{N}\left(\lambda/2, (\lambda/25)^2\right) .
# $$
#
# The formula says nothing about the order of the draws. If they are taken as they come ("literal"),
# elements change places or nearly coincide. The default of the library is "graded": the smallest
# draws belong to the innermost elements, the largest to the outermost, in turn on either half.
# Eight elements get the draws of rank 7, 5, 3, 1, 2, 4, 6, 8. The sketch shows both orders, with
# the same draws and larger errors:

# %%
_, axis = plt.subplots(figsize=(9, 2.2))
orders = ("data sheet", "literal", "graded")
for row, name in enumerate(orders):
    isac.set_seed(4)  # the same draws
    error = isac.array.SpacingError(0.15, ordering=name) if row else isac.array.SpacingError(0.0)
    places = isac.array.impair(8, 1.0, [error]).element_positions
    axis.plot(places, np.full(8, -row), "o", ms=16, mfc="white")
    for number, place in enumerate(places):
        axis.text(place, -row, number, ha="center", va="center")
axis.set(xlabel="position [wavelengths]", ylim=(-2.6, 0.6))
axis.set_yticks([0, -1, -2], orders)
plt.show()

# %% [markdown]
# The true array is `truth`; the array that transmitter and receiver *believe* to have is either
# the same (`known`) or that of the data sheet (`unknown`). The systems below differ only in the
# believed array.

# %%
isac.set_seed(1)
truth = isac.array.impair(num_antennas, wavelength, [isac.array.SpacingError(std=1 / 25)])
known = isac.array.UniformLinearArray(
    num_antennas, wavelength, element_positions=truth.element_positions
)
unknown = isac.array.UniformLinearArray(num_antennas, wavelength)

error = (truth.element_positions - unknown.element_positions) / wavelength
print(f"largest displacement {np.abs(error).max():.2f} wavelengths")

# %% [markdown]
# The beam for a sector is the least-squares fit of its pattern, (7). The precoder computes it with
# the believed array, but the true one radiates: the pattern is
# $|\mathbf{f}^\top\mathbf{a}(\theta)|^2$ with the *true* steering vectors $\mathbf{a}$.

# %%
target_sector = tf.constant(np.deg2rad([[-40.0, -20.0]]), tf.float32)
user_sector = tf.constant(np.deg2rad([[30.0, 50.0]]), tf.float32)


def make_precoder(array, regularization=1e-2):
    """Least-squares beams for what ``array`` is believed to be."""
    return isac.waveform.LeastSquaresPrecoder(array, angle_grid, regularization=regularization)


angles = np.linspace(-np.pi / 2, np.pi / 2, 1441)

figure, axes = plt.subplots(1, 2, figsize=(10, 3), sharey=True)
for axis, sector in zip(axes, (target_sector, user_sector), strict=True):
    for name, array in (("known", known), ("unknown", unknown)):
        beam = make_precoder(array)(sector)
        isac.plots.show_beampattern(
            beam, angles, array=truth, method=name, sector=sector, floor=-25, ax=axis
        )
axes[0].set_title("beam for the targets")
axes[1].set_title("beam for the user")
axes[1].legend()
plt.show()

# %% [markdown]
# Inside the sector the mismatched beam is rougher and misses an edge; outside it leaks.
#
# **The order decides whether beams work.** Where two elements nearly coincide, the matrix in (7) is
# close to singular: the beam of the *known* array spends its power on such pairs in opposite phase,
# and radiates little. A diagonal loading, relative to the mean of the diagonal, prevents this at
# the price of some leakage. The elements of a graded array stay apart, and its beams need no
# loading. ("sorted" has the elements of "literal", numbered from one end to the other. Without any
# loading its matrix is singular in single precision, and the precoder reports an error.)

# %%
for ordering in ("graded", "sorted"):
    isac.set_seed(1)
    error = isac.array.SpacingError(std=1 / 25, ordering=ordering)
    array = isac.array.impair(num_antennas, wavelength, [error])
    inside = array.steering(np.linspace(*target_sector[0].numpy(), 100))
    for loading in (1e-4, 1e-2, 1e-1):
        precoder = make_precoder(array, loading)
        beam = precoder(target_sector)[0]
        gain = np.mean(np.abs(tf.linalg.matvec(inside, beam)) ** 2)
        print(
            f"{ordering}, loading {loading:6.4f}: condition number "
            f"{precoder.condition_number():10.0f}, "
            f"mean gain in the sector {10 * np.log10(gain):6.1f} dB"
        )

# %% [markdown]
# ## 3. Echoes and the angle–delay map
#
# The sector has four targets. `MonostaticEcho` computes the received grid (1), always with the true
# array; `ReciprocalFilter` divides by the known symbols, (3); `AngleDelayMap` correlates with all
# pairs of steering and delay vectors of the believed array.

# %%
isac.set_seed(2)
targets = isac.scene.PointTargets(
    angle=np.deg2rad([[-37.0, -31.0, -28.5, -23.0]]),
    range=np.array([[55.0, 100.0, 100.0, 160.0]]),
    gain=np.exp(1j * np.array([[0.3, 2.0, -1.0, 1.2]])),
    num_targets=np.array([4]),
)
no_map = num_antennas / 10**2.0  # SNR_r = K sigma_r^2 / N_0 = 20 dB with sigma_r = 1

echo = isac.channel.MonostaticEcho(truth, numerology, normalize=True)
reciprocal = isac.receiver.ReciprocalFilter(numerology)
x, _ = symbols(1)

figure, axes = plt.subplots(1, 2, figsize=(10, 3.4), sharey=True)
peak = None
for axis, (name, array) in zip(axes, (("known", known), ("unknown", unknown)), strict=True):
    beam = make_precoder(array)(target_sector)
    isac.set_seed(3)  # the same noise in both panels
    y = reciprocal(echo(x, targets, beam, no_map), x)
    amplitude = isac.receiver.AngleDelayMap(array, numerology, search)(y)
    peak = peak or float(tf.reduce_max(amplitude))
    isac.plots.show_map(
        amplitude[0],
        angle_grid,
        range_grid,
        truth=targets,
        reference=peak,
        floor=-25,
        colorbar=False,
        ax=axis,
    )
    axis.set(title=f"positions {name}", xlim=(-50, -10))
figure.colorbar(axes[0].collections[0], ax=axes, label="dB of the largest value, positions known")
plt.show()

# %% [markdown]
# With the positions of the data sheet, lobes spread over angle, ghosts appear and true peaks fall,
# as in Fig. 3 of the paper.

# %% [markdown]
# ## 4. Finding the targets
#
# `OMP` (Algorithm 1) takes the largest peak, fits the gains of all atoms found so far, subtracts,
# and repeats. `DifferentiableOMP` puts a window around the peak and averages angle and range with a
# softmax, so that estimates lie between grid points and gradients exist. Both always make
# `max_targets` iterations and return the height of each peak as `metric`: a threshold on it later
# decides *how many* of them are targets.

# %%
beam = make_precoder(known)(target_sector)
y = reciprocal(echo(x, targets, beam, no_map), x)
plain = isac.receiver.OMP(known, numerology, search, max_targets=5)
smooth = isac.receiver.DifferentiableOMP(known, numerology, search, max_targets=5, no=no_map)
for name, receiver in (("OMP", plain), ("differentiable OMP", smooth)):
    found = receiver(y, target_sector)
    print(name)
    for angle, distance, metric in zip(
        found.angle[0], found.range[0], found.metric[0], strict=True
    ):
        print(f"  {np.rad2deg(angle):6.2f} deg {distance:7.2f} m   metric {metric:6.0f}")
print("truth\n  ", np.rad2deg(targets.angle[0]), "deg", targets.range[0], "m")

# %% [markdown]
# The fifth metric is that of noise alone. A threshold separates them; its calibration for a given
# false-alarm probability needs many scenes. The next cell has the whole sensing chain as a
# function, with a shortcut for speed: few delay vectors (`basis`) span a bounded range region, and
# `MonostaticEcho.filtered` returns the filtered echo in that basis, with noise of exactly the right
# distribution.

# %%
no = num_antennas / 10**1.5  # SNR_r = 15 dB from here on


def make_receiver(array, span_deg=20.0):
    """Differentiable OMP that believes in ``array``, for sectors up to ``span_deg``."""
    return isac.receiver.DifferentiableOMP(
        array,
        numerology,
        search,
        max_targets=max_targets,
        no=no,
        max_span=np.deg2rad(span_deg) * (1 + 1e-4),
    )


receiver = make_receiver(known)
print("subcarriers", num_subcarriers, "-> dimensions", receiver.basis.rank)

scene = isac.scene.TargetScene(
    max_targets, (range_grid[0], range_grid[-1]), isac.scene.RayleighGain(1.0)
)


def sense(array, seed=10):
    """Simulate the test sector with beams and receiver made for ``array``."""
    precoder = make_precoder(array)
    receiver = make_receiver(array)

    @tf.function(jit_compile=not QUICK)
    def batch():
        sector = tf.tile(target_sector, [100, 1])
        targets = scene(sector)
        z = echo.filtered(targets, precoder(sector), receiver.basis, no)
        return targets, receiver(z, sector)

    isac.set_seed(seed)  # the same targets for every array
    parts = []
    for _ in range(num_test_batches):
        targets, found = batch()
        parts.append(
            (
                found.position,
                found.metric,
                targets.position,
                targets.num_targets,
            )
        )
    return [np.concatenate(values) for values in zip(*parts, strict=True)]


def mean_gospa(estimate, metric, truth, num_true, p_fa=1e-2):
    """GOSPA at a false alarm probability, averaged over scenes."""
    order = np.argsort(-metric, axis=1)  # the most certain first
    estimate = np.take_along_axis(estimate, order[..., np.newaxis], axis=1)
    threshold = isac.metrics.calibrate_threshold(metric, num_true, p_fa)
    num_found = isac.metrics.count_detections(metric, threshold)
    values = isac.objective.gospa(estimate, truth, num_found, num_true, cutoff=90.0)
    return float(tf.reduce_mean(values))


results = {"known": sense(known), "unknown": sense(unknown)}

# %% [markdown]
# GOSPA (17) is a distance between two *sets* of positions: matched pairs contribute their error,
# missed and false targets a fixed penalty. One number measures detection and localisation together.
# A sweep of the threshold gives the trade-off; with wrong positions no threshold helps.

# %%
p_fas = np.logspace(-3, -1, 9) if not QUICK else np.array([0.02, 0.1])


def plot_sensing(results):
    _, (left, right) = plt.subplots(1, 2, figsize=(10, 3.2))
    for name, (estimate, metric, position, count) in results.items():
        curve = isac.metrics.roc(metric, count, p_fas)
        left.loglog(p_fas, np.maximum(1 - curve.p_d, 1e-4), "o-", label=name)
        values = [mean_gospa(estimate, metric, position, count, p_fa) for p_fa in p_fas]
        right.semilogx(p_fas, values, "o-", label=name)
    left.set(xlabel="false alarm probability", ylabel="misdetection probability")
    right.set(xlabel="false alarm probability", ylabel="GOSPA [m]", ylim=(0, None))
    right.legend()
    plt.show()


plot_sensing(results)
for name, result in results.items():
    print(f"{name:8s} GOSPA at p_fa = 1e-2: {mean_gospa(*result):5.1f} m")

# %% [markdown]
# ## 5. The user
#
# `MultitapLink` is a Sionna `ChannelModel` (five Rayleigh taps, exponential profile), so Sionna's
# `OFDMChannel` applies it. The antenna signals are the symbols times the user's beam. The receiver
# knows the scalar channel $\boldsymbol\kappa$ of link and beam, and `SymbolDetector` decides on the
# symbols, (15).
#
# On each subcarrier $\kappa$ is Rayleigh distributed with mean power $|\mathbf{f}^\top
# \mathbf{a}(\varphi)|^2$ for a user at $\varphi$. The mean of the textbook error rate over the
# sector must agree with the simulation.

# %%
link_grid = isac.waveform.shared_tone_grid(2, num_subcarriers, subcarrier_spacing)
link = isac.channel.MultitapLink(
    truth,
    isac.scene.FixedSector(np.deg2rad([30.0, 50.0])),
    bandwidth=num_subcarriers * subcarrier_spacing,
)
ofdm_channel = OFDMChannel(link, link_grid, return_channel=True)
mapper = ResourceGridMapper(link_grid)
data_symbols = isac.waveform.SymbolSource(int(link_grid.num_data_symbols))
detector = isac.receiver.SymbolDetector(hard_out=True)


@tf.function
def transmit(beam, no):
    """Sent and decided bits of a batch of 100 users; symbol 0 is a pilot, symbol 1 data."""
    x, bits = data_symbols(100)
    beam = tf.tile(beam, [100, 1])
    signal = beam[:, tf.newaxis, :, tf.newaxis, tf.newaxis] * mapper(x[:, tf.newaxis, tf.newaxis])
    y, h = ofdm_channel(signal, no)
    kappa = tf.einsum("bkms,bk->bms", h[:, 0, 0, 0], beam)
    return bits, detector(y[:, 0, 0, 1], kappa[:, 1], no)


def error_rate(array, snr_db, num_batches=5):
    """Simulated symbol error rate with the beam made for ``array``."""
    beam = make_precoder(array)(user_sector)
    wrong = []
    for _ in range(num_batches):
        sent, decided = transmit(beam, tf.constant(10 ** (-snr_db / 10), tf.float32))
        wrong.append(np.any(sent.numpy() != decided.numpy(), axis=-1).mean())
    return np.mean(wrong)


def theory(array, snr_db):
    """Rayleigh-fading error rate, averaged over the user's sector."""
    beam = make_precoder(array)(user_sector)[0]
    users = truth.steering(np.linspace(*user_sector[0].numpy(), 500))
    gain = np.abs(tf.linalg.matvec(users, beam)) ** 2
    snr = 10 ** (snr_db / 10)
    return np.mean(isac.metrics.rayleigh_qpsk_symbol_error_rate(gain * snr))


snrs_db = np.array([0.0, 20.0]) if QUICK else np.arange(0.0, 21.0, 5.0)


def plot_link(arrays):
    _, axis = plt.subplots(figsize=(5.5, 3.4))
    for colour, (name, array) in enumerate(arrays.items()):
        isac.set_seed(20)
        simulated = [error_rate(array, s, 1 if QUICK else 5) for s in snrs_db]
        axis.semilogy(snrs_db, simulated, f"C{colour}o", label=f"{name}, simulated")
        axis.semilogy(snrs_db, [theory(array, s) for s in snrs_db], f"C{colour}-")
    axis.set(xlabel="SNR of a subcarrier, without beam gain [dB]", ylabel="symbol error rate")
    axis.set_title("dots: simulation, lines: theory")
    axis.legend()
    plt.show()


plot_link({"known": known, "unknown": unknown})

# %% [markdown]
# The user loses far less than sensing: a mismatched beam still radiates about the same power into
# the sector, while the map compares all antennas with each other, twice.
#
# ## 6. Training the array
#
# The whole chain is differentiable in the believed positions: they shape the beam, the map, the
# windows and the estimates. We therefore make the spacings $d_k$ weights, and connect the layers in
# a Keras model of our own; the precoder and the receiver take the *same* trainable array.
#
# The loss needs no labels: `max_loss` is minus the height of the map's peak relative to the energy
# of the observation, which is largest when the steering vectors fit. Two notes:
#
# - Spacings are weights *in wavelengths*. A learning rate of 3e-3 moves the innermost elements by
#   0.0015 and the outermost by 0.09 wavelengths per step; if all spacings step together, the array
#   stretches. With `trainable=True` the positions are the weights, and each must travel on its own:
#   their training ends with an error of scale, which this loss hardly sees.
# - Training uses random sectors anywhere in front of the array, not the test sector. They widen
#   from broadside over the first 60 % of the iterations. With all angles from the start, the ends
#   of the array, wavelengths from their place, would not find it (the fourth tutorial shows why).


# %%
class TrainableStation(keras.Model):
    """Beam, echo and receiver around one trainable array."""

    def __init__(self):
        super().__init__()
        self.array = isac.array.UniformLinearArray(num_antennas, wavelength, trainable="spacings")
        self.precoder = make_precoder(self.array)
        self.receiver = make_receiver(self.array)
        self.scene = scene
        self.echo = echo  # the true array is in here, and nowhere else

    def call(self, sector):
        targets = self.scene(sector)
        z = self.echo.filtered(targets, self.precoder(sector), self.receiver.basis, no)
        return targets, self.receiver(z, sector), z

    def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
        _, found, z = y_pred
        energy = tf.reduce_sum(tf.abs(z) ** 2, axis=(1, 2))
        return isac.objective.max_loss(found.metric, num_antennas * num_subcarriers * energy)


isac.set_seed(5)
batch_size = 80
random_sectors = isac.scene.RandomSector(np.deg2rad([-60, 60]), np.deg2rad([10, 20]))
growth = np.minimum(np.arange(num_iterations) / (0.6 * num_iterations), 1).astype(np.float32)
sectors = tf.data.Dataset.from_tensors(
    tf.stack([random_sectors(batch_size, scale=scale) for scale in growth])
).unbatch()


class LossHistory(keras.callbacks.Callback):
    """Keeps the mean loss since the last entry; Keras reports a running mean."""

    def on_train_begin(self, logs=None):
        self.sums = [0.0]

    def on_train_batch_end(self, batch, logs=None):
        self.sums.append(logs["loss"] * (batch + 1))

    @property
    def losses(self):
        return np.diff(self.sums)


station = TrainableStation()
schedule = keras.optimizers.schedules.CosineDecay(3e-3, num_iterations)
station.compile(optimizer=keras.optimizers.Adam(schedule), jit_compile=not QUICK)
history = LossHistory()
station.fit(sectors, callbacks=[history], shuffle=False, verbose=0)
learned = station.array
print("trained weights:", [f"{w.name} {tuple(w.shape)}" for w in station.trainable_weights])

# %%
uniform = (np.arange(num_antennas) - (num_antennas - 1) / 2) / 2


def displacement(array):
    """Positions against the uniform array [wavelengths], without a common shift."""
    positions = array.element_positions / wavelength
    return positions - positions.mean() - uniform


figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.2))
left.plot(history.losses, lw=0.7)
smoothing = np.ones(min(20, num_iterations)) / min(20, num_iterations)
left.plot(np.convolve(history.losses, smoothing, "valid"), "k")
left.set(xlabel="iteration", ylabel="loss", title="training")
right.plot(displacement(truth), "ko", mfc="none", label="truth")
right.plot(displacement(learned), "C2.", label="learned")
right.axhline(0, color="0.8", zorder=0)
right.set(xlabel="element", ylabel="displacement [wavelengths]", title="positions")
right.legend()
plt.show()

# %% [markdown]
# Training finds the elements, also those at the ends. Yet echoes do not reveal everything: a slight
# stretch of the whole array, for example, only moves all targets to slightly different angles.
#
# Now repeat the test with beams and receiver for the learned positions.

# %%
results["learned"] = sense(learned)
plot_sensing(results)
score = {name: mean_gospa(*result) for name, result in results.items()}
for name, value in score.items():
    print(f"{name:8s} GOSPA at p_fa = 1e-2: {value:5.1f} m")
closed = (score["unknown"] - score["learned"]) / (score["unknown"] - score["known"])
print(f"training closed {100 * closed:.0f} % of the gap")

# %% [markdown]
# The user was not part of the training, but its beam uses the same array: the learned spacings give
# it the error rate of the known ones, about half of that with the data sheet. (Dots scatter about
# the lines since the simulation has few users.)

# %%
plot_link({"known": known, "unknown": unknown, "learned": learned})
for name, array in (("known", known), ("unknown", unknown), ("learned", learned)):
    isac.set_seed(21)
    print(f"{name:8s} symbol error rate at 20 dB: {error_rate(array, 20.0):.2e}")

# %% [markdown]
# ## 7. Paths of gradients
#
# The next cell computes the derivatives of the metric of each iteration. The metric of every
# iteration has a gradient with respect to the spacings, through its steering vectors. Only that of
# the first has a gradient with respect to the observation, and hence the transmitter: later
# iterations use residuals, and by design no gradient passes through the subtracted atoms.

# %%
isac.set_seed(2)
probe = make_receiver(learned)
y = reciprocal(echo(x, targets, beam, no_map), x)
with tf.GradientTape(persistent=True) as tape:
    tape.watch(y)
    metrics = tf.unstack(probe(y, target_sector).metric[0])
to_spacings, to_observation = [], []
for metric in metrics:
    to_spacings.append(float(tf.norm(tape.gradient(metric, learned.trainable_weights[0].value))))
    gradient = tape.gradient(metric, y)
    to_observation.append(float(tf.norm(tf.abs(gradient))))

iteration = np.arange(1, max_targets + 1)
figure, axes = plt.subplots(1, 2, figsize=(10, 2.6))
for axis, values, name in zip(
    axes, (to_spacings, to_observation), ("spacings", "observation"), strict=True
):
    axis.bar(iteration, values)
    axis.set(xlabel="iteration", ylabel="norm of the gradient", title=f"metric to {name}")
plt.show()

# %% [markdown]
# Every class names the publications that it implements. For the methods section of a paper:

# %%
print(isac.citation(station.receiver, isac.objective.gospa))

# %% [markdown]
# ## Exercises
#
# 1. **Labels.** Train with `isac.objective.gospa_loss(estimate, targets.position,
#    targets.num_targets, cutoff=90.0)` instead, where `estimate =
#    isac.objective.positions(found.angle, found.range)`. Start from the learned positions, with a
#    smaller learning rate. What do labels add? (Hint: an echo alone hardly distinguishes an array
#    that is 1 % longer from targets whose $\sin\theta$ is 1 % larger.)
# 2. **Other errors.** Give `impair` a `PhaseError(0.3)` as well, and train
#    `isac.array.ImpairedArray(..., trainable=["positions", "phase"])`.
# 3. **Trade-off.** Mix both beams with `isac.waveform.MultibeamPrecoder` and draw GOSPA over symbol
#    error rate for $\eta$ from 0 to 1.
# 4. **Harder scenes.** Lower SNR$_r$ to 10 dB. Which part of GOSPA grows? See
#    `isac.objective.gospa_parts`.
# 5. **Loading.** Set the default of `make_precoder` to 0 and run everything again. Is the known
#    array still the best?
