"""What a plugin promises and what it may count on: the whole contract, in one file.

Images are uint8 ``(N, C, H, W)`` at rest and float32 in [-1, 1] in a model; points are float32
``(N, D)`` in both places. The keyword-only arguments of a plugin's constructor are its options:
``--set NAME.OPTION=VALUE`` offers them, their annotations say what they take.

Nothing here imports torch: the names of tensors are for readers and type checkers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    import torch
    from torch import Generator, Tensor
    from torch.optim import Optimizer

Weights = Literal["average", "last"]
"""Which weights a score was measured with: their moving average (the headline) or the last ones."""


# --------------------------------------------------------------------------------------- the data


@dataclass(frozen=True)
class DataSpec:
    """What a model is told of the data it will see, before it sees any."""

    name: str
    kind: Literal["image", "points"]
    shape: tuple[int, ...]
    """Of one example: (C, H, W) for images, (D,) for points."""
    size: int
    """Number of training examples."""
    classes: int = 0
    """Number of classes that labels name, 0 for unlabelled data."""
    levels: int | None = 256
    """How many values a pixel takes evenly over the range, None where the data is continuous."""


class Examples(NamedTuple):
    """A split as a data set gives it, in memory."""

    x: Tensor
    """uint8 (N, C, H, W) for images, float32 (N, D) for points."""
    y: Tensor | None = None
    """int64 (N,), labels from 0 to classes - 1."""


class Splits(NamedTuple):
    """The three splits of a data set; no example is in two of them."""

    train: Examples
    validation: Examples
    test: Examples


class Manifold(Protocol):
    """Where the examples of a synthetic data set lie, known from how they are made.

    A data set that has one has it as its attribute ``manifold``; what samples miss of it is then
    counted, not estimated.
    """

    @property
    def bins(self) -> int:
        """Into how many the parameters that examples are made from are parted."""

    @property
    def tolerance(self) -> float:
        """A distance up to which an example counts as on the manifold."""

    def locate(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Find the nearest point of the manifold for each of x, at rest.

        Returns:
            Distances float64 (N,), in the unit of ``tolerance``, and bins int64 (N,) of the
            parameters of the nearest points.
        """

    def draw(self, n: int, rng: Generator) -> Tensor:
        """New true examples, at rest; ``rng`` is on the CPU, as they are."""


@runtime_checkable
class Dataset(Protocol):
    """A data set: constructed with its options, read once by ``load``.

    The curve of a run is measured on ``validation``, its reported scores on ``test``. It may have
    a ``manifold`` (`Manifold`); and, where it reads files that may change while its options stay
    the same, a method ``source() -> str`` that names their content, as a hash: a run on other
    files is another run.
    """

    classes: int
    """Number of classes, 0 for unlabelled data."""
    levels: int | None
    """As in `DataSpec`."""
    extractor: str | None
    """The name of the extractor that features are taken with unless ``--extractor`` is given."""

    def load(self) -> Splits:
        """Return all three splits, the same content every time and on every machine."""


class Batch(NamedTuple):
    """What a train step is for."""

    x: Tensor
    """float32 (N, *data.shape); images in [-1, 1]."""
    y: Tensor | None = None
    """int64 (N,), or None for unlabelled data."""


class Split(Protocol):
    """A split on the device, as ``Model.fit`` and metrics see it."""

    @property
    def name(self) -> str:
        """``train``, ``validation`` or ``test``."""

    @property
    def x(self) -> Tensor:
        """As at rest: uint8 (N, C, H, W) or float32 (N, D), on the device; where it would take much
        of the device's memory, in main memory or mapped from a file."""

    @property
    def y(self) -> Tensor | None:
        """int64 (N,), or None."""

    def __len__(self) -> int: ...

    def batches(self, n: int) -> Iterator[Batch]:
        """Converted batches of ``n`` (the last may be smaller), always in the same order."""


# -------------------------------------------------------------------------------------- the model


class Step(Protocol):
    """genbench's half of an update, handed to ``train_step``.

    ``step(critic=loss)`` takes the gradient of ``loss`` for the parameters of the optimizer named
    ``critic`` and no others, and steps that optimizer. Several losses in one call are one
    simultaneous update: every gradient is taken before any network moves.
    """

    @property
    def progress(self) -> float:
        """0 at the start of the budget, 1 at its end."""

    @property
    def index(self) -> int:
        """Train steps done so far."""

    def __call__(self, **losses: Tensor) -> None:
        """Update; a loss is a scalar tensor under the name of its optimizer."""


class Model(Protocol):
    """A model: in practice an ``nn.Module`` constructed as ``Model(data, **options)``.

    It raises ``ValueError`` in its constructor where it cannot take ``data.shape``. Its state is
    its parameters and buffers, nothing else. It trains by ``optimizers`` and ``train_step``, by
    ``fit``, or by both, and has those of the capabilities that it can honestly offer: a
    capability that it lacks is an attribute that is missing or None.

    Training::

        def optimizers(self) -> Mapping[str, Optimizer]
        def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]
        def fit(self, train: Split, rng: Generator) -> None

    ``optimizers`` is called once, on the device, before the first batch. ``train_step`` updates
    the networks that this batch is for and returns scalar losses to be shown, without waiting for
    the device. ``fit`` runs before every evaluation on the weights to be evaluated, in ``eval()``
    and without gradients; beside train steps it sets buffers only, never parameters.

    Capabilities, all in ``eval()`` and without gradients::

        def sample(self, n: int, rng: Generator) -> Tensor             # float32 (n, *data.shape)
        def sample(self, n, rng, y: Tensor | None = None) -> Tensor    # of classes y, int64 (n,)
        def reconstruct(self, x: Tensor) -> Tensor                     # like x; deterministic
        def encode(self, x: Tensor) -> Tensor                          # (N, latent); deterministic
        def log_likelihood(self, x: Tensor, rng: Generator) -> Tensor  # (N,), nats per example
        def log_likelihood_bound(self, x, rng, k: int) -> Tensor       # (N,), from k draws each

    ``log_likelihood`` is a log density at x, which genbench has dequantised: level l of L has
    become 2 (l + u) / L - 1 with u uniform on [0, 1). ``log_likelihood_bound`` is what is not
    above it in expectation, such as the importance-weighted bound of a VAE from ``k`` codes. The
    second form of ``sample`` is that of a class-conditional model. Without labels it draws
    them as well: what it is measured by is the whole distribution.

    Random draws of a train step come from the global streams, which genbench has seeded; those of
    ``fit`` and of a capability come from ``rng``, which is on the model's device.
    """

    def train(self, mode: bool = True) -> Any: ...
    def to(self, device: torch.device) -> Any: ...


class TrainedBySteps(Protocol):
    """The part of `Model` that trains step by step."""

    def train(self, mode: bool = True) -> Any: ...
    def optimizers(self) -> Mapping[str, Optimizer]: ...
    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]: ...


CAPABILITIES = ("sample", "reconstruct", "encode", "log_likelihood", "log_likelihood_bound")


def has(model: object, capability: str) -> bool:
    """Whether a model offers a capability, or ``fit`` or ``train_step``."""
    return callable(getattr(model, capability, None))


# ------------------------------------------------------------------------------------- the rulers


class Extractor(Protocol):
    """Maps examples to features; constructed with its options, then moved with ``to``.

    One that is a classifier may also have ``logits(features) -> Tensor``: class scores float32
    (N, classes), before the softmax, of features (N, D) as it gave them. So one pass over the
    images serves features and classes.
    """

    @property
    def fingerprint(self) -> str:
        """A hash of the weights and of the preprocessing: equal fingerprints, equal features."""

    def to(self, device: torch.device) -> Any: ...

    def __call__(self, x: Tensor) -> Tensor:
        """Features float32 (N, D) of x, as at rest: uint8 (N, C, H, W) or float32 (N, D).

        Raises:
            ValueError: x has a shape that this extractor cannot take.
        """


Known = Literal["identical", "collapsed", "copied", "normals"]
"""Cases whose score may be known beforehand.

``identical``: the samples are the real examples themselves, reconstructions the originals.
``collapsed``: every sample is one and the same real example. ``copied``: the samples are training
examples. ``normals``: features, of which the metric has to need some, with a Fréchet distance
of 2: exactly mean 0 and covariance (with N - 1) [[4, 0], [0, 1]] in the first two for the real
examples, (1, 0) and [[5, 2], [2, 1]] for the samples, and 0 and I in all others.
"""

Defect = Literal["noise", "collapse", "copies"]
"""What may be wrong with samples: noise upon them, few different ones, training examples."""


@dataclass(frozen=True)
class Score:
    """One number that a metric gives, and what can be said of it before it is measured.

    ``genbench check`` holds a metric to all that it says here.
    """

    name: str
    better: Literal["lower", "higher"] | None = None
    """The direction of improvement; None where there is none."""
    unit: str = ""
    hardware: bool = False
    """Whether it depends on the machine, as seconds and memory do."""
    range: tuple[float | None, float | None] = (None, None)
    """The least and the largest value that it can have, None where there is no bound."""
    known: Mapping[Known, float] = field(default_factory=dict, hash=False)
    """Its value in cases where that is known: to 1e-6, ``collapsed`` to 0.05, as it is a limit."""
    swapped: str | None = None
    """The score that it becomes when samples and real examples change places; its own name where
    it is symmetric. None: nothing is promised."""
    blind: tuple[Defect, ...] = ()
    """Defects that need not make it worse. Of the scores with a direction, all others get worse and
    worse with noise; and those that look at samples, with collapse and copies."""


@dataclass(frozen=True)
class Measurement:
    """A value with the metric's own standard error, as far as the metric can tell."""

    value: float
    error: float | None = None
    source: str | None = None
    """The ``key`` of the `CurvePoint` that it was made from, if it was: values from other rulers
    are never compared."""


@dataclass(frozen=True)
class NotApplicable:
    """In place of a value: why this score does not apply here."""

    reason: str
    source: str | None = None
    """As in `Measurement`."""


class CurvePoint(NamedTuple):
    """One number that was seen on the way: a loss, or a score on the validation split."""

    images: int
    """As in `History`, so far."""
    seconds: float
    """Of training, so far."""
    metric: str | None
    """None for a loss."""
    name: str
    """Of the score, or of the loss."""
    weights: Weights
    """That were scored; losses are of the last ones."""
    value: float
    key: str | None = None
    """The comparability key of the score; a measure made of it belongs to that key."""


@dataclass(frozen=True)
class History:
    """What training took."""

    images: int = 0
    """Real images shown, as the budget charges them (`genbench.train`)."""
    train_steps: int = 0
    train_seconds: float = 0.0
    """Steps and fits, without evaluation."""
    parameters: int = 0
    """Trainable and fitted numbers: all parameters and floating-point buffers."""
    peak_memory_bytes: int = 0
    """Of the device while training; on a CPU the peak resident set of the process."""
    curve: tuple[CurvePoint, ...] = ()
    """In the order in which it was seen. Of each loss about 1,000 values at most, evenly spread,
    and those at the evaluation points."""


class Evidence(Protocol):
    """What metrics measure: drawn lazily, once, and shared by all of them."""

    @property
    def data(self) -> DataSpec:
        """What the model was told of the data."""

    @property
    def real(self) -> Split:
        """The split that this evaluation is measured against."""

    @property
    def train(self) -> Split:
        """The training split."""

    @property
    def history(self) -> History:
        """What training took."""

    @property
    def model(self) -> Any:
        """The model, with the weights that are evaluated; for `has`, not for drawing."""

    @property
    def weights(self) -> Weights:
        """Which weights are evaluated."""

    @property
    def manifold(self) -> Manifold | None:
        """That of the data set, if it is known."""

    @property
    def samples(self) -> Tensor:
        """As at rest: uint8 (n, C, H, W), after clipping to [-1, 1]; or float32 (n, D)."""

    @property
    def sampling_seconds(self) -> float:
        """What drawing ``samples`` took."""

    @property
    def sampling_latency_seconds(self) -> float:
        """What drawing a single sample takes: the median of several."""

    @property
    def sampling_flops(self) -> float:
        """Floating-point operations of a single sample, as torch counts them: those of matrix
        products, convolutions and attention."""

    @property
    def clipped_fraction(self) -> float:
        """Of the sampled values of images, those that were outside [-1, 1]."""

    @property
    def originals(self) -> Tensor:
        """``real`` as the model sees it: float32 (N, *data.shape)."""

    @property
    def reconstructions(self) -> Tensor:
        """Of ``originals``, like it, images clipped to [-1, 1]."""

    @property
    def train_originals(self) -> Tensor:
        """``train`` as the model sees it."""

    @property
    def train_reconstructions(self) -> Tensor:
        """Of ``train_originals``."""

    @property
    def codes(self) -> Tensor:
        """Of ``originals``: (N, latent)."""

    @property
    def train_codes(self) -> Tensor:
        """Of ``train_originals``: (N, latent)."""

    def features(self, of: Literal["real", "samples", "train"]) -> Tensor:
        """float32 (N, D) on the CPU, extracted once."""

    def logits(self, of: Literal["real", "samples", "train"]) -> Tensor:
        """float32 (N, classes) on the CPU, from ``features``; see `Extractor`."""

    def statistics(
        self,
        name: str,
        of: Literal["real", "train"],
        compute: Callable[[Tensor], Mapping[str, Tensor]],
    ) -> Mapping[str, Tensor]:
        """What a metric makes of a split's features, whatever the model: made once.

        Kept on disk by the content of data and extractor, and checked on reading.

        Args:
            name: says what is computed, with the metric's version and the options that count.
            of: whose features ``compute`` is given, float32 (N, D).
            compute: gives tensors on the CPU.
        """

    def log_likelihoods(self, draws: int) -> Tensor:
        """Of ``real``, dequantised ``draws`` times: float64 (draws, N) on the CPU, in nats.

        Data that is continuous is taken as it is, once: (1, N).
        """

    def log_likelihood_bounds(self, draws: int, k: int) -> Tensor:
        """Like ``log_likelihoods``, of the bound from ``k`` draws of the model."""

    def rng(self, name: str) -> Generator:
        """A CPU stream that depends on the run's seed and the name alone."""


Need = Literal[
    "sample",
    "reconstruct",
    "encode",
    "log_likelihood",
    "log_likelihood_bound",
    "features",
    "logits",
    "labels",
    "manifold",
    "curve",
]

Invariance = Literal["sample-order", "real-order", "feature-rotation", "batch-size", "device"]
"""What may change without a score changing, rounding aside: 1e-6 of its size from given features.

``sample-order``: the order of the samples. ``real-order``: that of the real split, with all that
goes with each example (label, reconstruction, code). ``feature-rotation``: an orthogonal map of
all features, real and sampled. ``batch-size``: how many examples models and extractors were given
at once. ``device``: where they were; both to 1e-3, as they round features themselves.
"""


class Metric(Protocol):
    """Turns evidence into scores; constructed with its options, which are part of the key.

    It may also have ``invariances``, a tuple of `Invariance`: what its scores do not depend on.
    ``genbench check`` holds it to them.
    """

    @property
    def version(self) -> str:
        """Changes whenever the numbers do; a class attribute is enough, as for what follows."""

    @property
    def needs(self) -> tuple[Need, ...]:
        """A metric whose needs are not met yields rows that say so."""

    @property
    def scores(self) -> tuple[Score, ...]:
        """What ``measure`` gives."""

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        """A value for each name in ``scores``.

        Raises:
            NotApplicableError: none of them applies, as there is too little to measure; rows say so
                (`genbench.errors`). Any other error ends the run, as failed.
        """
