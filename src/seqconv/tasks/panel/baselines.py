"""The models of a panel, from the newest value to the blend of all."""

from collections.abc import Callable
from functools import cache, partial

from seqconv.tasks.baselines import BaselineKind, Candidate, Say
from seqconv.tasks.panel.blend import Blend, fit_blend
from seqconv.tasks.panel.boosting import Boosting, fit_boosting
from seqconv.tasks.panel.features import PanelFeatures, PanelSplit
from seqconv.tasks.panel.local import Local, choose_ets, local_model
from seqconv.tasks.panel.models import PanelModel
from seqconv.tasks.panel.naive import SeasonalNaive, fit_naive
from seqconv.tasks.panel.network import PanelNetwork, fit_network, refuse_network
from seqconv.tasks.panel.ridge import Ridge, fit_ridge, fit_squashed

FEWEST = 30  # examples that regressions need


def list_baselines(split: PanelSplit, say: Say) -> list[Candidate]:
    """The models, or why one is left out."""
    features, season = split.features, split.features.season
    few = "" if len(split.train.targets) >= FEWEST else f"it needs {FEWEST} examples; got {len(split.train.targets)}"
    # a window on its own scale holds a change from season to season
    needed = f"it needs forecast.lookback above {season}, the rows of a season; got {features.lookback}"
    short = "" if features.lookback > season else needed
    first = split.train if len(split.train.targets) else split.validation
    # each is fitted once: a member of the blend is a candidate of its own too
    fits: dict[str, Callable[[], PanelModel] | str] = {
        "naive": cache(partial(fit_naive, features, first, 1)),
        "seasonal": cache(partial(fit_naive, features, first, season)),
        "theta": cache(partial(local_model, features, "dotm")),
        "ets": cache(partial(local_model, features, choose_ets(features, split.train.inputs.rows))),
        "ridge": few or short or cache(partial(fit_ridge, split)),
        "squashed": few or cache(partial(fit_squashed, split)),
        "boosting": few or short or cache(partial(fit_boosting, split)),
        "network": short or refuse_network(split) or cache(partial(fit_network, split)),
    }
    names = {
        "naive": "naive (last value)",
        "seasonal": name_season(features),
        "theta": "Theta",
        "ets": "ETS",
        "ridge": "ridge",
        "squashed": "ridge on squashed numbers",
        "boosting": "gradient boosting",
        "network": "neural network",
    }
    out = {"naive", *split.left_out} - {"seasonal"}  # which takes no time, so that there is a member
    members = {name: each for name, each in fits.items() if name not in out and not isinstance(each, str)}
    if season == 1:
        fits["seasonal"] = "the series have no season"
    found = [Candidate(kind, names[kind], each) for kind, each in fits.items()]
    return [*found, Candidate("blend", "blend", partial(fit_blend, features, split.validation, members))]


def name_season(features: PanelFeatures) -> str:
    """Such as "seasonal naive (same month last year)"."""
    named = next((each.name for each in features.frequency.seasons if each.rows == features.season), "")
    return f"seasonal naive ({named or f'{features.season} rows before'})"


BASELINES = {
    "naive": BaselineKind(SeasonalNaive, "the naive forecast"),
    "seasonal": BaselineKind(SeasonalNaive, "the seasonal naive forecast"),
    "theta": BaselineKind(Local),
    "ets": BaselineKind(Local),
    "ridge": BaselineKind(Ridge),
    "squashed": BaselineKind(Ridge),
    "boosting": BaselineKind(Boosting),
    "network": BaselineKind(PanelNetwork),
    "blend": BaselineKind(Blend),
}
