"""Small configurations of every kind, shared by the model's tests."""

from sw.model import ModelConfig

TINY = ModelConfig(
    image=16, patch=2, channels=(8, 16), depths=(1, 2), reduction=(2, 1), heads=(2, 2),
    hidden=(16, 16), classes=3,
)  # fmt: skip
DEIT = ModelConfig(
    image=8, patch=2, channels=(12,), depths=(2,), reduction=(1,), heads=(3,), hidden=(48,),
    classes=5, class_token=True, pooled_branches=False, layer_scale=False, stem_norm=False,
)  # fmt: skip

CONFIGS = {
    "pyramid": TINY,
    "pyramid, real patch embeddings": TINY.with_(embedding="real"),
    "real patch embeddings, free widths": TINY.with_(
        embedding="real", channels=(8, 12), hidden=(16, 24)
    ),
    "four stages": ModelConfig(
        image=16, patch=1, channels=(4, 8, 8, 16), depths=(1, 1, 2, 1), reduction=(4, 2, 1, 1),
        heads=(1, 2, 2, 4), hidden=(16, 16, 32, 16), classes=2,
    ),
    "deit, class token": DEIT,
    "deit, class token, layer scale": DEIT.with_(layer_scale=True),
    "deit, mean pooling": DEIT.with_(class_token=False),
    "deit, mean pooling, branches": DEIT.with_(class_token=False, pooled_branches=True),
    "deit, all properties": DEIT.with_(
        class_token=False, pooled_branches=True, layer_scale=True, stem_norm=True
    ),
}  # fmt: skip
