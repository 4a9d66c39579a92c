"""One self-contained HTML page for a run folder: the verdict first, then how it came about."""

from html import escape

import numpy as np

from seqconv.metrics.comparison import show_percent, tone
from seqconv.metrics.quantiles import find_band
from seqconv.networks.summary import LayerSummary
from seqconv.reports import plots
from seqconv.reports.curves import draw_precision_recall
from seqconv.reports.monitor import CAPTIONS, change_tables, draw_variables
from seqconv.reports.page import (
    build_lead,
    build_page,
    colour_words,
    draw_coverage,
    draw_details,
    draw_facts,
    draw_note,
    draw_pictures,
    draw_settings,
    draw_table,
)
from seqconv.reports.sentences import say_calibration, say_intervals, say_update, warn_of_intervals
from seqconv.reports.tables import change_rows, confusion_rows, leaderboard_rows, score_rows, split_rows
from seqconv.tasks.mistakes import Mistake, Mistakes
from seqconv.tasks.results import RunResults

STRETCH = 240  # test rows that the forecast picture of a single lead shows
ORIGINS = 3  # rows from which forecasts of several leads are shown


def build_run_page(
    results: RunResults,
    history: list[dict[str, float]],
    predictions: dict[str, np.ndarray],
    mistakes: Mistakes | None = None,
) -> str:
    """The page of a run.

    Args:
        history: a row an epoch; empty: the model is a baseline.
        predictions: the arrays that the run keeps of its test rows.
        mistakes: None: it keeps none.
    """
    sections = [
        ("Test set", _draw_scores(results)),
        ("Update", _draw_update(results)),
        ("Compared with the baselines", _draw_comparison(results)),
        ("Intervals", _draw_intervals(results)),
        ("Training", _draw_training(results, history)),
        ("Errors", _draw_forecast(results, predictions) if results.targets else _draw_confusion(results)),
        ("Precision and recall", draw_precision_recall(results.curves) if results.curves else ""),
        ("Surest mistakes", _draw_mistakes(mistakes)),
        ("Network", _draw_network(results.network, results.parameters)),
        ("Data", _draw_data(results)),
        ("Settings", draw_settings(results.settings)),
        ("Time", draw_facts({name.replace("_", " "): f"{value:.2f} s" for name, value in results.seconds.items()})),
        ("Versions", draw_details("Python, packages and machine", draw_facts(results.versions))),
    ]
    warning = warn_of_intervals(results.intervals)
    lead = build_lead(results.recipe, results.verdict, results.description, tone(results.comparisons), warning)
    return build_page(f"{results.recipe}: training report", lead, sections)


def _draw_scores(results: RunResults) -> str:
    table, own = leaderboard_rows(results)
    head, rows = score_rows(results)
    text = f"{results.validation['n']:,} validation and {results.test['n']:,} test examples."
    if results.targets:
        first, *others = results.targets
        several = f" MAE: the mean over {1 + len(others)} columns, each in its unit; scaled: in standard deviations."
        text += several if others else f" The unit of the MAE is that of {first}."
    if results.calibration:
        text += f" {say_calibration(results.calibration)}"
    if results.refit:
        text += " Final model: retrained on training + validation rows."
    every = draw_table(head, rows, "Every score", own=len(rows) - 1)
    return (
        draw_table(*table, "Models, the best on the test rows first", own=own)
        + draw_details("Every score, losses too", every)
        + draw_note(text)
    )


def _draw_update(results: RunResults) -> str:
    found = results.update
    if found is None:
        return ""
    changes = draw_table(*change_rows(found), "Scores before and after") if found.old or found.new else ""
    variables = found.variables or []
    drift = "".join(draw_table(*table, CAPTIONS[of]) for of, table in change_tables(variables).items())
    return f"<p>{escape(say_update(found))}</p>{changes}{drift}{draw_variables(variables) if variables else ''}"


def _draw_data(results: RunResults) -> str:
    facts = dict(results.facts)
    splits = facts.pop("splits", None)
    table = draw_table(*split_rows(splits), "What each split holds") if splits else ""
    return table + draw_facts(facts)


def _draw_comparison(results: RunResults) -> str:
    found = results.comparisons
    if not found:
        return ""
    bounds = [(each.improvement, each.low, each.high) for each in found]
    error = "mean absolute error" if results.targets else "error rate"
    alone = "mean" in results.facts.get("splits", {}).get("test", {})  # numbers of examples, which have no neighbours
    blocks = " in blocks of neighbouring rows" if results.targets and not alone else ""
    note = f"By how much the {error} is smaller: paired differences on the same test rows, bootstrap intervals{blocks}."
    said = f"<p>{escape(results.better_baseline.says)}</p>" if results.better_baseline else ""
    return plots.draw_comparison([each.name for each in found], bounds) + draw_note(note) + said


def _draw_intervals(results: RunResults) -> str:
    found = results.intervals
    if not found:
        return ""
    fit = " of the first fit" if results.refit else ""
    note = f"They are calibrated on the validation rows{fit}; their coverage of later rows is measured, not promised."
    return f"<p>{escape(say_intervals(found))}</p>{draw_coverage(found)}{draw_note(note)}"


def _draw_training(results: RunResults, history: list[dict[str, float]]) -> str:
    if not history:
        return ""
    epochs = [int(row["epoch"]) for row in history]
    names = dict.fromkeys(("loss", results.metric))
    if results.settings["training"]["loss"] == results.metric:
        del names[results.metric]
    drawn = [
        plots.draw_history(
            epochs,
            [row[name] for row in history],
            [row[f"validation_{name}"] for row in history],
            name,
            results.best_epoch,
        )
        for name in names
    ]
    best = f"Best epoch {results.best_epoch} of {results.epochs}: its weights were kept."
    if not results.best_epoch:
        best = f"None of {results.epochs} epochs was better on the validation rows than the start, which was kept."
    return draw_pictures(*drawn) + draw_note(best)


def _draw_fans(results: RunResults, predictions: dict[str, np.ndarray]) -> str:
    unit = (results.targets or [""])[0]
    drawn = []
    for place, example in enumerate(predictions["shown"]):
        quantiles, truth = predictions["quantiles"][place], predictions["truth"][place]
        ticks = list(range(0, len(truth), max(len(truth) // 6, 1)))
        whose = f"{predictions['names'][place]}: " if "names" in predictions else ""  # older runs have none
        named = (f"{whose}test forecast {example + 1:,}", unit)
        fan = plots.draw_fan(
            predictions["history"][place], quantiles, truth, (ticks, [f"+{tick + 1}" for tick in ticks]), named
        )
        drawn.append(fan)
    return draw_pictures(*drawn) + draw_note("Some test forecasts, the rows before them, and the truth.")


def _draw_forecast(results: RunResults, predictions: dict[str, np.ndarray]) -> str:
    """Of the first target: forecasts of all leads from a few rows, or of the only lead from the last rows."""
    if "history" in predictions:
        return _draw_fans(results, predictions)
    if "times" not in predictions:
        band = find_band(predictions)
        bounds = None if band is None else (band[0][:, 0], band[1][:, 0])
        truth, unit = predictions["targets"][:, 0], (results.targets or [""])[0]
        picture = plots.draw_scatter(truth, predictions["outputs"][:, 0], bounds, unit)
        return picture + draw_note("Each test example: on the dashed line, the prediction is the truth.")
    times, ahead = predictions["times"], predictions.get("ahead", np.zeros(1, np.int64))
    drawn = {name: values[..., 0] for name, values in predictions.items() if name not in ("times", "ahead", "keys")}
    origins = _choose_origins(drawn["targets"], ahead)
    first = max(origins[0] - int(ahead[-1]) if origins else len(times) - STRETCH, 0)
    times, truth = times[first:], drawn["targets"][first:, 0]
    if origins:
        paths = [_take_path(predictions["times"], drawn, ahead, origin) for origin in origins]
        late = paths[-1].times > times[-1]  # what no example has as its first target
        times, truth = np.append(times, paths[-1].times[late]), np.append(truth, drawn["targets"][origins[-1], late])
        text = f"Forecasts of every lead from {len(origins)} row{'s'[: len(origins) > 1]} of the test set."
    else:
        band = find_band(drawn)
        bounds = None if band is None else (band[0][first:, 0], band[1][first:, 0])
        paths = [plots.Path(times, drawn["outputs"][first:, 0], bounds)]
        text = f"The last {len(times):,} test rows{', at the first lead' if drawn['targets'].shape[1] > 1 else ''}."
    target, *others = results.targets or [""]
    picture = plots.draw_forecast(times, truth, paths, target)
    if others:
        text += " The first target."
    if results.intervals and find_band(drawn):
        text += f" The band: {100 * results.intervals.nominal:g} % intervals."
    return picture + draw_note(text)


def _choose_origins(targets: np.ndarray, ahead: np.ndarray) -> list[int]:
    """Up to `ORIGINS` examples whose forecasts follow one another to the end of the test set; none for a single lead.

    Args:
        targets: `[N, H]`; later examples must have those of later leads as their first, or there is a gap.
        ahead: how many examples later that is, `[H]`.
    """
    count, span = len(targets), int(ahead[-1])
    last = max(count - 1 - span, 0)
    every = [last - (span + 1) * back for back in range(ORIGINS)][::-1] if span else []
    known = {each: ahead[each + ahead < count] for each in every if each >= 0}
    return [each for each, rows in known.items() if np.array_equal(targets[each + rows, 0], targets[each, : len(rows)])]


def _take_path(times: np.ndarray, drawn: dict[str, np.ndarray], ahead: np.ndarray, origin: int) -> plots.Path:
    """The forecasts from one example; times after those of the last example follow at their usual distance."""
    places, last = origin + ahead, len(times) - 1
    usual = np.median(np.diff(times)) if last else np.timedelta64(0, "s")
    found = times[np.minimum(places, last)] + np.maximum(places - last, 0) * usual
    band = find_band(drawn)
    return plots.Path(found, drawn["outputs"][origin], None if band is None else (band[0][origin], band[1][origin]))


def _draw_confusion(results: RunResults) -> str:
    if not results.confusion or not results.classes:
        return ""
    return draw_table(
        *confusion_rows(results.classes, results.confusion, "test examples"), "By actual and predicted class"
    )


def _draw_mistakes(found: Mistakes | None) -> str:
    if found is None or not found.surest:
        return ""
    which = f"The {len(found.surest)} surest of {found.total:,} mistakes" if found.surest[1:] else "The only mistake"
    note = f"{which} on the test set: odd labels show here first."
    if any(each.text for each in found.surest):
        note += " Blue, straight line: for the class in bold; orange, wavy line: against it."
    return draw_note(note) + "\n".join(map(_draw_mistake, found.surest))


def _draw_mistake(one: Mistake) -> str:
    name = f"<strong>{escape(one.class_)}</strong>"
    predicted = name if one.predicted == one.class_ else f"{escape(one.predicted)}; {name}"
    said = f"No. {one.row:,} of the test set: actual {escape(one.actual)}, predicted {predicted} "
    said += f"({escape(show_percent(one.probability))}). {escape(one.because)}"
    words = [(each.start, each.end, each.effect) for each in one.words or ()]
    text = f'<div class="said" dir="auto">{colour_words(one.text, words)}</div>' if one.text else ""
    return f"<p>{said}</p>{text}"


def _draw_network(layers: list[LayerSummary], parameters: int) -> str:
    if not layers:
        return ""
    rows = []
    for layer in layers:
        field = "all" if layer.receptive_field is None else f"{layer.receptive_field:,}"
        shape = ", ".join(map(str, layer.shape))
        rows.append([layer.name, shape, f"{layer.parameters:,}", field, f"{layer.multiply_adds:,}"])
    rows.append(["all", "", f"{parameters:,}", "", f"{sum(layer.multiply_adds for layer in layers):,}"])
    return draw_table(["layer", "output", "parameters", "receptive field", "multiply-adds"], rows, "Layers")
