"""The sizes of a binary vision transformer."""

from dataclasses import asdict, dataclass, replace

from sw.model.errors import ConfigError


@dataclass(frozen=True)
class ModelConfig:
    """Everything that fixes a model's shapes.

    Parameters
    ----------
    image, patch : int
        Picture and stem patch edge, in pixels.
    channels, depths, reduction, heads, hidden : tuples of int, one entry a stage
        Width C, number of blocks, spatial reduction r of keys and values (edge of the window),
        attention heads, and hidden width I of the feed-forward part.
    classes : int
    embedding : "binary" or "real"
        The patch embeddings between stages ("real" is the paper's some-fp variant).
    class_token : bool
        Read the result from an extra token 0 instead of the mean (DeiT; one stage, no pooling).
    pooled_branches, layer_scale, stem_norm : bool
        The multiple average pooling branches; the affine map before main residual additions;
        the batch norm after the stem's convolution.

    Raises
    ------
    ConfigError
        Naming the field, its value and the rule it breaks.
    """

    image: int = 32
    patch: int = 2
    channels: tuple[int, ...] = (64, 128, 256, 256)
    depths: tuple[int, ...] = (1, 1, 1, 1)
    reduction: tuple[int, ...] = (4, 2, 1, 1)
    heads: tuple[int, ...] = (2, 4, 8, 8)
    hidden: tuple[int, ...] = (128, 256, 512, 256)
    classes: int = 10
    embedding: str = "binary"
    class_token: bool = False
    pooled_branches: bool = True
    layer_scale: bool = True
    stem_norm: bool = True

    def __post_init__(self):
        stages = len(self.channels)
        for name in ("channels", "depths", "reduction", "heads", "hidden"):
            values = tuple(int(v) for v in getattr(self, name))
            object.__setattr__(self, name, values)
            if len(values) != stages or not stages:
                raise ConfigError(f"{name}={list(values)} must have one entry a stage ({stages})")
            if min(values) < 1:
                raise ConfigError(f"{name}={list(values)} must be positive")
        if self.embedding not in ("binary", "real"):
            raise ConfigError(f"embedding={self.embedding!r}; use 'binary' or 'real'")
        if self.patch < 1 or self.image % self.patch:
            raise ConfigError(f"image={self.image} is no multiple of patch={self.patch}")
        if self.classes < 1:
            raise ConfigError(f"classes={self.classes} must be positive")
        for i in range(stages):
            self._check_stage(i)
        if self.class_token and (stages > 1 or self.reduction != (1,) or self.pooled_branches):
            raise ConfigError(
                "class_token=True needs one stage, reduction=[1] and pooled_branches=False:"
                " grid pooling has no place for the extra token"
            )

    def _check_stage(self, i: int):
        channels, grid = self.channels[i], self.grid(i)
        if i and self.embedding == "binary" and channels % self.channels[i - 1]:
            raise ConfigError(
                f"channels={list(self.channels)}: {channels} is no multiple of the stage before,"
                " as the residual path of a binary patch embedding needs"
            )
        if i and self.grid(i - 1) % 2:
            raise ConfigError(
                f"stage {i} has an odd grid of {self.grid(i - 1)} tokens a side; a 2x2 patch"
                " embedding cannot halve it: change image, patch or the number of stages"
            )
        if grid % self.reduction[i]:
            raise ConfigError(
                f"reduction={list(self.reduction)}: {self.reduction[i]} does not divide the"
                f" {grid}x{grid} grid of stage {i + 1}"
            )
        if channels % self.heads[i]:
            raise ConfigError(
                f"heads={list(self.heads)}: {self.heads[i]} does not divide the {channels}"
                f" channels of stage {i + 1}"
            )
        if self.hidden[i] % channels:
            raise ConfigError(
                f"hidden={list(self.hidden)}: {self.hidden[i]} is no multiple of the {channels}"
                f" channels of stage {i + 1}"
            )

    @property
    def stages(self) -> int:
        """Number of stages."""
        return len(self.channels)

    def grid(self, stage: int) -> int:
        """Tokens a side in ``stage`` (counted from 0)."""
        return (self.image // self.patch) >> stage

    def tokens(self, stage: int) -> int:
        """Tokens in ``stage`` (counted from 0), the class token included."""
        return self.grid(stage) ** 2 + self.class_token

    def to_dict(self) -> dict:
        """The fields, for a file."""
        return asdict(self)

    def with_(self, **changes) -> "ModelConfig":
        """A changed copy, checked anew."""
        return replace(self, **changes)

    def parameter_bits(self) -> int:
        """Bits of all binary weights and per-channel parameters, as the accelerator stores them.

        Counts one bit a binary weight, seven 16-bit fields an output channel of every binary
        linear layer (and of the attention context) and, with pooled branches, twelve 16-bit
        words a channel and block.
        """
        bits = 0
        for i, c in enumerate(self.channels):
            hidden, linears = self.hidden[i], 4 + (self.reduction[i] > 1)
            outputs = (linears + 1) * c + hidden + c
            block = linears * c * c + 2 * c * hidden + 7 * 16 * outputs
            bits += self.depths[i] * (block + 12 * 16 * c * self.pooled_branches)
            if i:
                weight_bits = 1 if self.embedding == "binary" else 16
                bits += 4 * self.channels[i - 1] * c * weight_bits + 7 * 16 * c
        return bits


BINARYVIT = ModelConfig(
    image=224, patch=4, classes=1000,
    channels=(64, 128, 256, 512), depths=(3, 4, 8, 4),
    reduction=(8, 4, 1, 1), heads=(1, 2, 4, 8), hidden=(512, 1024, 1024, 2048),
)  # fmt: skip
"""The paper's BinaryViT."""

BINARY_DEIT_S = ModelConfig(
    image=224, patch=16, classes=1000,
    channels=(384,), depths=(12,), reduction=(1,), heads=(6,), hidden=(1536,),
    class_token=True, pooled_branches=False, layer_scale=False, stem_norm=False,
)  # fmt: skip
"""The paper's baseline, binary DeiT-S."""
