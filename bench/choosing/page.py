"""docs/choosing.md and its picture."""

from pathlib import Path
from statistics import fmean

import matplotlib
from matplotlib.figure import Figure
from pictures import COLOURS, INK, STYLE, save
from works import OURS

DOCS = Path(__file__).parents[2] / "docs"
PICTURE = Path("images") / "choosing.svg"
KINDS = {"text": "texts", "sequence": "time-series classification", "series": "series"}
OWN, OTHER = COLOURS[OURS], COLOURS["torch-eager"]
HEAD = """# Choosing well

`seqconv train FILE` does not ask which model is best: it gives one answer. This page measures what that costs.
{count} small tasks are cut from the training parts of public data (20 to 2,000 texts, sets of the UCR archive,
stretches of series); the default answer is compared, on rows held out of these parts, with every single model that
`--model` fits, the best of which is known in hindsight only.

- **Regret**: the error of the default answer minus that of the best model in hindsight: error rates of classes, mean
  absolute errors of series relative to the best model's. Below zero, the answer is better than every single model,
  which a blend can be.
- **Noise**: the 95 % interval of a paired bootstrap on the held-out rows ([decision
  9](decisions/0009-baselines-as-models.md)); rows of a series are drawn in blocks. Fewer than ten blocks say nothing.

![Error of the default answer relative to the best model in hindsight]({picture})
"""


READING = """\
Small tasks hold out fewer than a hundred rows for the choice. Members of a blend of up to 400 texts are weighed in five
folds instead ([decision 40](decisions/0040-few-texts-in-folds.md)); on 60 long texts of four classes the words alone
would still do better. On short stretches of series what comes next may be unlike anything before: there the newest
value, or a model that lost on the validation rows, is sometimes better. Exponential smoothing and Theta as further
members change little there ([decision 49](decisions/0049-what-a-forecast-does-without.md)).
"""


def write_page(found: dict) -> None:
    """The page and its picture."""
    works = found["works"]
    draw(works, DOCS / PICTURE)
    parts = [HEAD.format(count=len(works), picture=PICTURE), _summarise(works), READING]
    parts += [_list_works(title, works, kind) for kind, title in KINDS.items()]
    parts.append(f"Measured on {found['processor']}, one thread, seed 0, at commit {found['commit']}.\n")
    (DOCS / "choosing.md").write_text("\n".join(parts), "utf-8")


def regret(work: dict) -> float:
    """Error above that of the best candidate, as the page defines it."""
    best = work["candidates"][work["best"]]
    away = work["chosen"] - best
    return away / best if work["kind"] == "series" else away


def is_clear(work: dict) -> bool:
    """Whether the best candidate is better by more than noise."""
    high = work["improvement"][2]
    return high is not None and high < 0


def _summarise(works: dict) -> str:
    lines = [
        "| data | tasks | mean regret | of the network | worst | worse than the best by more than noise |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for kind, title in KINDS.items():
        own = {name: work for name, work in works.items() if work["kind"] == kind}
        worst = max(own, key=lambda name: regret(own[name]))
        clear = "; ".join(name for name in own if is_clear(own[name])) or "none"
        mean = fmean(regret(work) for work in own.values())
        network = fmean(regret(work | {"chosen": work["candidates"]["network"]}) for work in own.values())
        much = f"{mean:+.1%} | {network:+.1%} | {regret(own[worst]):+.1%} ({worst})"
        lines.append(f"| {title} | {len(own)} | {much} | {clear} |")
    return "\n".join(lines) + "\n"


def _list_works(title: str, works: dict, kind: str) -> str:
    error = "MAE, scaled" if kind == "series" else "error rate"
    lines = [
        f"## {title[0].upper()}{title[1:]}\n",
        f"| task | rows | {error} | best in hindsight | its error | regret |",
    ]
    lines.append("|---|---:|---:|---|---:|---:|")
    for name, work in works.items():
        if work["kind"] == kind:
            best = work["candidates"][work["best"]]
            own = f"{work['chosen']:.4f} | {work['best']} | {best:.4f} | {regret(work):+.1%}"
            lines.append(f"| {name} | {work['rows']} | {own} |")
    return "\n".join(lines) + "\n"


def draw(works: dict, path: Path) -> None:
    """The regret of each candidate and of the default answer, one row a task."""
    names = [name for kind in KINDS for name in works if works[name]["kind"] == kind][::-1]
    with matplotlib.rc_context(STYLE | {"font.size": 8}):
        figure = Figure(figsize=(8.4, 0.2 * len(names) + 1), layout="constrained")
        axes = figure.subplots()
        for row, name in enumerate(names):
            work = works[name]
            others = [min(max(regret(work | {"chosen": each}), -0.05), 0.5) for each in work["candidates"].values()]
            axes.plot(others, [row] * len(others), "o", color=OTHER, markersize=3.5, alpha=0.7)
            axes.plot([regret(work)], [row], "D", color=OWN, markersize=4.5)
        axes.plot([], [], "o", color=OTHER, markersize=3.5, label="single models")
        axes.plot([], [], "D", color=OWN, markersize=4.5, label="the default answer")
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.set_yticks(range(len(names)), names)
        axes.set_xlabel("regret: 0 is the best single model in hindsight (beyond 50 %: at the edge)")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:+.0%}")
        axes.grid(axis="x", color=INK, alpha=0.25, linewidth=0.6)
        figure.legend(loc="outside upper center", ncols=2, frameon=False)
        save(figure, path)
