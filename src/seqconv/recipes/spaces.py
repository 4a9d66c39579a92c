"""What `seqconv tune` tries by default for each kind of data: values of settings, and of settings of layers.

`times` multiplies what the recipe has. What a recipe lacks, such as layers of a kind, is left out.
"""

from collections.abc import Mapping
from typing import Any

Space = Mapping[str, Any]  # section, or kind of layer -> setting -> values, see `training.spaces`

WIDTHS = {"times": [0.5, 1, 2]}
_NETWORKS: dict[str, Any] = {
    "training": {"learning_rate": {"times": [0.25, 0.5, 1, 2, 4]}, "batch_size": {"times": [0.5, 1, 2]}},
    "conv": {"filters": WIDTHS, "dilation": {"times": [1, 2]}},
    "separable_conv": {"filters": WIDTHS},
    "gru": {"units": WIDTHS},
    "lstm": {"units": WIDTHS},
}
TEXT_SPACE: Space = _NETWORKS | {
    "text": {"max_len": {"times": [0.5, 1, 2]}},
    "token_conv": {"filters": WIDTHS},
    "embed": {"width": WIDTHS},
    "ngram_bag": {"longest": [1, 2, 3]},
    "dropout": {"rate": [0.0, 0.25, 0.5, 0.7]},
}
SERIES_SPACE: Space = _NETWORKS | {
    "windows": {"lookback": {"times": [1, 2]}},
    "dropout": {"rate": [0.0, 0.1, 0.3]},
}
SEQUENCE_SPACE: Space = _NETWORKS | {"dropout": {"rate": [0.2, 0.5, 0.7]}}
SEQUENCE_MODELS: Space = {
    "training": {"model": ["rocket", "minirocket", "multirocket", "hydra", "multirocket-hydra", "quant", "blend"]}
}
PANEL_MODELS: Space = {
    "training": {"model": ["theta", "ets", "ridge", "squashed", "boosting", "network", "blend"]},
    "forecast": {"lookback": [0, 8, 16, 32, 64]},
}
