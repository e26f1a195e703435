"""What identifies a training run: data, model, training, precision, parent and mask, plus a seed."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, PositiveInt, model_validator

from rflib.config.architectures import Architecture
from rflib.config.optimiser import OptimiserConfig
from rflib.config.settings import NotNegative, Positive, Settings, Share, identity

# torchvision builds these in one width alone.
FIXED_WIDTH = ("efficientnet_b0", "convnext_tiny")
_BOTTLENECKS = ("rf_resnet26", "rf_resnet50")
# Later downsamplings of the networks with the knob: 2x2 pools between stages, or strides of later stages.
DOWNSAMPLINGS = {"rf_vgg16": 4, "rf_vgg19": 3, "rf_resnet26": 3, "rf_resnet50": 3}
Checkpoint = Literal["initial", "last", "best"]
NoiseKind = Literal["multiplicative", "additive"]
Task = Literal["classes", "shifts"]
# A plane of an image stays, or moves by one pixel up, left, or both.
SHIFT_CLASSES = 4
# The side of a data set's own images in pixels; a folder's images have any.
NATIVE_SIDES = {"digits": 32, "cifar10": 32, "tiny-imagenet": 64}


class DataConfig(Settings):
    """A data set: its name, the side its images are resized to, and a fingerprint of its content.

    `name` is `digits`, `cifar10`, `tiny-imagenet`, `tiny-imagenet:CLASSES` (its first classes alone) or `folder:NAME`;
    `image_size` None keeps the native side. `validation_share` of the training images is taken out when something is
    selected (0 in the paper).
    `task` is what is to be told of an image: its class, or by how much its planes are displaced (`rflib.data.shifts`).
    """

    name: str
    image_size: PositiveInt | None = None
    validation_share: Share = 0.0
    fingerprint: str = ""
    # Left out of the identity where it is the default, so that runs from before there was such a setting keep theirs.
    task: Task = Field(default="classes", exclude_if=lambda task: task == "classes")

    @model_validator(mode="after")
    def _check(self) -> Self:
        folder = self.name.removeprefix("folder:")
        if folder in ("", ".", "..") or "/" in folder or "\\" in folder:
            raise ValueError(f"a data set has a plain name, or folder:NAME with a plain NAME, found '{self.name}'")
        return self

    @property
    def side_pixels(self) -> int:
        """The side of the images that networks see, as far as settings tell, 32 for a folder's own images."""
        return self.image_size or NATIVE_SIDES.get(self.name.partition(":")[0], 32)


class DataFacts(Settings):
    """A data set as a reader needs to know it: its size, its classes, its channel statistics, its fingerprint.

    `mean` and `deviation` are those of the training images by channel, with pixels in [0, 1].
    """

    name: str
    fingerprint: str
    train_images: PositiveInt
    test_images: PositiveInt
    classes: PositiveInt
    side_pixels: PositiveInt
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]


class ModelConfig(Settings):
    """A network and the knob that sets its receptive field: the pool after the first convolution.

    `pool_stride` None means the kernel, as in `MaxPool2d(k)`, and `pool_padding` is that of the pool, in pixels on
    every side. `map_size` says what happens to the later maps: `shrinking` (the paper), `padded` (the pool's input is
    zero-padded to k times the map, so maps keep their size) or `dilated` (pool stride 1, later convolutions dilated by
    k: same field, no shrinking). `ceil_mode` None means the architecture's own reading: True for rf_vgg16, else False.
    `initialisation` is torch's default or He's (fan out); the paper states none. `truncated_for` replaces the tail that
    is unproductive for images of so many pixels by a classifier ("Should You Go Deeper?", section VIII).
    `kernel_padding` extends strided kernels until every pixel is read equally often, and `cardinality` is the number of
    groups of a bottleneck's 3x3 convolution ("Dead Pixel Test Using Effective Receptive Field"). `refined_for` lowers
    strides, kernels of pools or dilations until every layer is productive for images of so many pixels ("Receptive
    Field Refinement"). `omitted_downsamplings` leaves out so many of the later downsamplings, the last first: 2x2 pools
    of a VGG, strides of a ResNet's stages. Fields fall below those of k = 1, maps stay larger, parameters the same.

    Example:
        >>> config = rflib.ModelConfig(architecture="rf_resnet50", pool_kernel=3, width=0.25)
    """

    architecture: Architecture = "rf_resnet50"
    pool_kernel: PositiveInt = 1
    pool_stride: PositiveInt | None = None
    pool_dilation: PositiveInt = 1
    pool_padding: int = Field(default=0, ge=0, exclude_if=lambda padding: padding == 0)
    ceil_mode: bool | None = None
    map_size: Literal["shrinking", "padded", "dilated"] = "shrinking"
    initialisation: Literal["torch", "he"] = "torch"
    width: Positive = 1.0
    classes: PositiveInt = 10
    # Left out of the identity where it is None, so that runs from before there was such a setting keep theirs.
    truncated_for: PositiveInt | None = Field(default=None, exclude_if=lambda side: side is None)
    refined_for: PositiveInt | None = Field(default=None, exclude_if=lambda side: side is None)
    kernel_padding: bool = Field(default=False, exclude_if=lambda padded: not padded)
    cardinality: PositiveInt = Field(default=1, exclude_if=lambda groups: groups == 1)
    omitted_downsamplings: int = Field(default=0, ge=0, exclude_if=lambda omitted: omitted == 0)

    @model_validator(mode="after")
    def _resolve(self) -> Self:
        """Fill what None stands for, so that equal networks have equal identities."""
        self._derive(pool_stride=self.pool_kernel, ceil_mode=self.architecture == "rf_vgg16")
        return self

    @model_validator(mode="after")
    def _check(self) -> Self:
        knob = (self.pool_kernel, self.pool_stride, self.pool_dilation, self.pool_padding, self.map_size)
        if not self.architecture.startswith("rf_") and knob != (1, 1, 1, 0, "shrinking"):
            raise ValueError(
                f"'{self.architecture}' has no pool that sets its field: expected pool_kernel 1, pool_dilation 1, "
                f"pool_padding 0 and map_size 'shrinking', found {self.pool_kernel}, {self.pool_dilation}, "
                f"{self.pool_padding} and '{self.map_size}'; the networks named rf_ have one"
            )
        window = (self.pool_kernel - 1) * self.pool_dilation + 1
        if self.pool_padding > window // 2:
            raise ValueError(
                f"pool_padding is at most half of the pool's window: expected 0 to {window // 2} for a window of "
                f"{window} pixels, found {self.pool_padding}"
            )
        if self.pool_padding and self.map_size != "shrinking":
            raise ValueError(
                f"map_size '{self.map_size}' pads the maps itself: expected pool_padding 0, found {self.pool_padding}"
            )
        omitted, most = self.omitted_downsamplings, DOWNSAMPLINGS.get(self.architecture, 0)
        if omitted > most:
            allowed = f"0 to {most}" if most else f"0 (only {', '.join(DOWNSAMPLINGS)} can omit some)"
            raise ValueError(f"'{self.architecture}' expects omitted_downsamplings {allowed}, found {omitted}")
        if self.cardinality > 1 and self.architecture not in _BOTTLENECKS:
            raise ValueError(
                f"cardinality {self.cardinality} needs a network of bottlenecks, {' or '.join(_BOTTLENECKS)}, found "
                f"'{self.architecture}'"
            )
        if self.architecture in FIXED_WIDTH and self.width != 1:
            raise ValueError(f"'{self.architecture}' has a width of its own: expected width 1, found {self.width:g}")
        if self.truncated_for is not None and self.refined_for is not None:
            raise ValueError(
                "a network is truncated or refined, and a refined one has no tail to cut: give truncated_for or "
                f"refined_for, found {self.truncated_for} and {self.refined_for}"
            )
        if self.map_size != "shrinking" and self.pool_stride != self.pool_kernel:
            raise ValueError(
                f"map_size '{self.map_size}' keeps the maps' size by the pool kernel and needs pool_stride equal "
                f"to pool_kernel ({self.pool_kernel}), or pool_stride left out"
            )
        return self


class TrainingConfig(Settings):
    """A training schedule; the defaults are the paper's printed protocol where it prints one.

    `cosine_period_epochs` is T_max (None: the number of epochs); past it the rate rises again, as in torch.
    The paper prints a clipping of 0.1 without saying by value or by norm: `gradient_clip_by` decides.
    Batch size, augmentation, warm-up and whether the rate changes per epoch or per batch are not stated.
    """

    epochs: int = Field(default=200, ge=0)
    batch_size: PositiveInt = 128
    learning_rate: Positive = 1e-4
    warmup_epochs: NotNegative = 0.0
    cosine_period_epochs: PositiveInt | None = None
    schedule_step: Literal["epoch", "batch"] = "epoch"
    gradient_clip: Positive | None = 0.1
    gradient_clip_by: Literal["norm", "value"] = "norm"
    crop_padding: int = Field(default=4, ge=0)
    horizontal_flip: bool = True
    optimiser: OptimiserConfig = OptimiserConfig()

    @model_validator(mode="after")
    def _resolve(self) -> Self:
        self._derive(cosine_period_epochs=max(1, self.epochs))
        return self


class PrecisionConfig(Settings):
    """Number format and memory layout of training, chosen by the profile and never by the hardware."""

    autocast: Literal["float32", "bfloat16"] = "float32"
    channels_last: bool = False
    compile: bool = False


class NoiseRecipe(Settings):
    """Noise on the prunable weights of a dense network before it is pruned, as `rflib.noise_pruning` draws it.

    `draw` counts the noises of a run's seed from 0.
    """

    kind: NoiseKind = "multiplicative"
    scale: Positive = 0.2
    draw: int = Field(default=0, ge=0)


class MaskRecipe(Settings):
    """How a mask follows from a dense network: known before that network exists.

    The paper names neither criterion nor scope; global magnitude is assumed. `live` ranks only weights that can
    receive gradient (the control for dead taps). The first convolution and linear layers are never pruned. With
    `noise`, the mask is that of the noisy weights, and those are what is kept.
    """

    criterion: Literal["magnitude"] = "magnitude"
    scope: Literal["global", "layerwise", "live"] = "global"
    rate: Share = 0.9
    # Left out of the identity where it is None, so that runs from before there was such a setting keep theirs.
    noise: NoiseRecipe | None = Field(default=None, exclude_if=lambda noise: noise is None)


class RunConfig(Settings):
    """Everything but the seed that decides what a training run computes.

    A pruned run has a `parent`, the run whose `parent_checkpoint` it starts from, and a `mask`.

    Example:
        >>> config = rflib.RunConfig(data={"name": "cifar10"}, model={"pool_kernel": 2}, training={"epochs": 20})
    """

    data: DataConfig
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    precision: PrecisionConfig = PrecisionConfig()
    parent: RunConfig | None = None
    parent_checkpoint: Literal["last", "best"] = "last"
    mask: MaskRecipe | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.data.name == "digits" and self.training.horizontal_flip:
            raise ValueError("training.horizontal_flip must be false for digits: a mirrored digit is no digit")
        if self.data.task == "shifts" and (self.training.horizontal_flip or self.model.classes != SHIFT_CLASSES):
            raise ValueError(
                f"the task of shifts needs model.classes {SHIFT_CLASSES} and training.horizontal_flip false, since a "
                f"mirrored image has another shift: found {self.model.classes} and {self.training.horizontal_flip}"
            )
        if self.training.optimiser.name == "adahessian" and self.precision.compile:
            raise ValueError(
                "adahessian differentiates the backward pass, which a compiled network does not allow: give "
                "precision.compile false, or another training.optimiser.name"
            )
        if self.parent is None and self.parent_checkpoint != "last":
            raise ValueError("parent_checkpoint needs a parent: give the parent's settings, or leave it out")
        if (self.mask is None) != (self.parent is None):
            raise ValueError("a mask and a parent belong together: give both for a pruned run, or neither")
        if self.parent is not None and (self.parent.model, self.parent.data) != (self.model, self.data):
            raise ValueError("a pruned run has the data and the model of its parent")
        return self


class Run(Settings):
    """One training run: its settings and its seed.

    Example:
        >>> rflib.Run(config=rflib.RunConfig(data={"name": "cifar10"}), seed=1).name
        'cifar10-native-rf_resnet50-k1-w1-s1-cd5d90d49d861f39'
    """

    config: RunConfig
    seed: int = Field(default=0, ge=0)

    @property
    def id(self) -> str:
        """The hash of the full settings, the seed and the schema number."""
        return identity(self.model_dump(mode="json"))

    @property
    def name(self) -> str:
        """A readable folder name that ends in the identity."""
        model, data = self.config.model, self.config.data
        parts = [data.name.replace(":", "-"), str(data.image_size or "native"), model.architecture]
        parts += [f"k{model.pool_kernel}", f"w{model.width:g}", f"s{self.seed}"]
        if self.config.mask is not None:
            parts.append(f"{self.config.mask.scope}{self.config.mask.rate:g}")
        return "-".join([*parts, self.id])

    @property
    def parent(self) -> Run | None:
        """The run whose weights this one starts from, if it is a pruned run."""
        return None if self.config.parent is None else Run(config=self.config.parent, seed=self.seed)
