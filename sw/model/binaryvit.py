"""BinaryViT and the DeiT-style baseline it starts from, in floating point.

Source: Le and Li, "BinaryViT: Pushing Binary Vision Transformers Towards Convolutional Models",
CVPR Workshops 2023.  Attribute names equal the names in the authors' checkpoints.
"""

from torch import nn

from sw.model.block import Block
from sw.model.config import ModelConfig
from sw.model.embedding import BinaryPatchEmbedding, Embeddings, RealPatchEmbedding
from sw.model.layers import TokenNorm
from sw.model.probe import NO_PROBE, REAL_PROBE, NoisyProbe, Probe


class Encoder(nn.Module):
    """The stages: blocks numbered through in ``layer``, a patch embedding before each but one."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.depths = config.depths
        embedding = BinaryPatchEmbedding if config.embedding == "binary" else RealPatchEmbedding
        self.layer = nn.ModuleList(
            Block(config, stage) for stage, depth in enumerate(self.depths) for _ in range(depth)
        )
        for stage in range(1, config.stages):
            setattr(self, f"patch_embed{stage}", embedding(config, stage))

    def forward(self, x, probe=NO_PROBE, until=None):
        """Stem tokens (B, N, C0) to the last stage's, or to the output of block ``until``."""
        layers = iter(self.layer)
        for stage, depth in enumerate(self.depths):
            here = probe.at(f"stage{stage + 1}")
            if stage:
                x = getattr(self, f"patch_embed{stage}")(x, here.at("embedding"))
                here.record("embedding", x)
            for number in range(depth):
                x = next(layers)(x, here.at(f"block{number}"))
                if until == (stage + 1, number):
                    return x
        return x


class Backbone(nn.Module):
    """Stem, stages and last norm, under the authors' name ``vit``."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.embeddings, self.encoder = Embeddings(config), Encoder(config)
        self.layernorm = TokenNorm(config.channels[-1])


class BinaryViT(nn.Module):
    """Pictures (B, H, W, 3), normalised floats, to logits (B, classes).

    ``forward(pictures, trace=None, binarise=None, until=None)``: see :class:`Probe` for the
    middle two; ``until=(stage, block)`` (stage from 1, block from 0) stops behind that block and
    returns its output (B, N, C).  Trace names are ``stem``, ``stage<i>.embedding``,
    ``stage<i>.block<j>.<tensor>``, ``head.norm``, ``head.mean`` and ``logits``.

    ``set_real(True)`` lifts every binarisation: the same network with real weights, clipped
    activations and softmax attention, for a first training step.  ``noise`` is the deviation of
    :class:`NoisyProbe` in training mode, 0 for none.
    """

    real = False
    noise = 0.0

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.vit = Backbone(config)
        self.classifier = nn.Linear(config.channels[-1], config.classes)
        nn.init.trunc_normal_(self.classifier.weight, std=0.02)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, pictures, trace=None, binarise=None, until=None):
        """Pictures (B, H, W, 3) to logits (B, classes)."""
        watched = trace is not None or binarise is not None
        probe = Probe(trace, binarise) if watched else self._probe()
        return self.run(pictures, probe, until)

    def _probe(self) -> Probe:
        """The probe of an unwatched pass."""
        if self.real:
            return REAL_PROBE
        return NoisyProbe(self.noise) if self.noise and self.training else NO_PROBE

    def set_real(self, real: bool) -> None:
        """Lift every binarisation, or put it back; the parameters stay."""
        for part in self.modules():
            if hasattr(type(part), "real"):
                part.real = real

    def run(self, pictures, probe: Probe, until=None):
        """Do the forward pass under any probe."""
        x = self.vit.embeddings(pictures)
        probe.record("stem", x)
        x = self.vit.encoder(x, probe, until)
        if until is not None:
            return x
        x = self.vit.layernorm(x)
        probe.record("head.norm", x)
        x = x[:, 0] if self.config.class_token else x.mean(1)
        probe.record("head.mean", x)
        logits = self.classifier(x)
        probe.record("logits", logits)
        return logits
