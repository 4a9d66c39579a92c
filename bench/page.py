"""Write docs/benchmarks.md and its pictures from the result files: `python bench/page.py [RESULTS [DOCS]]`."""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from pictures import draw_growth, draw_times
from works import OURS, WORKS

ROOT = Path(__file__).parent
Result = dict[str, object]

# Why a promise is not kept, for those that may not be; shown only where one is missed.
OTHER_PROCESSOR = (
    "Keras on TensorFlow is also far faster on this processor than on the one for which the ratio was set."
)
SMALL_STEP = (
    "The forward pass takes fewer products than the plain one, and the gradients leave out the winners that relu "
    "stopped, more than half of them; what is left are their multiply-adds, the input's gradient, and gathering the "
    f"windows. {OTHER_PROCESSOR}"
)
REASONS = {
    "train-imdb-conv1d": "Half of a step are three matrix products between the embedding of the batch's distinct words "
    "and the kernel; two of them leave out the zeros of the gradient, one has none and runs near the machine's rate. "
    f"{OTHER_PROCESSOR}",
    "train-jena-conv1d": SMALL_STEP,
    "train-jena-conv1d-book": SMALL_STEP,
    "train-jena-conv1d-gru": "All products that the step needs take as long at the machine's matrix-product rate "
    "(below) as the step itself: nothing but fewer products would bring it nearer, and masks and minimal filtering "
    "save those that can be spared. Kept (6.9 x) on a processor with twice the vector units, where Keras took three "
    "quarters of the time.",
    "predict-one-review": "Keras on JAX answers one review in a small part of the time that Keras on TensorFlow takes "
    "(both below). Of ours most are splitting the text, the kernels, and waiting for rows of the 9 MB table of words.",
    "predict-jena-conv1d": "Kept (104.5 x) on a processor with twice the vector units; the shared convolutions are "
    "bound by multiply-adds, which Keras's many small calls are not.",
}
ABOUT = """\
Peers and seqconv run in one run, on one machine, in turn and never two at a time, each in a process of its own: same
arrays, same initial weights, batches of 128, {threads} threads on {threads} processors. A round gives each one turn
of about 0.7 seconds; a time is the median of five rounds, with the quartiles behind it. First losses and first
outputs are compared, so all of them compute the same thing. Steps include gathering the batch, both passes and the
optimiser (RMSprop, 1e-3).

- Keras: `train_on_batch` and `predict_on_batch`, the fastest of its own calls here (`fit` and `predict` cost more); one
  review goes through `predict`, as a user would do it. On TensorFlow XLA is off, as Keras has it on a processor: with
  it the conv networks take about twice as long and the recurrent ones about the same. "The book's generator" collects
  the examples of a batch one at a time in a Python loop; all other peers gather with one array expression.
- PyTorch: `torch.nn` layers, embedding with dense gradients; compiled, network and loss are one graph. `torch.nn.GRU`
  has no recurrent dropout and only the form with the reset after the product: an easier task, so the two works with a
  GRU are compared with Keras, which does the same as ours.
- onnxruntime: a graph written by hand, batches of 128.
- A peer predicts a fourth or a fifth of the examples a turn, one part after the other, and its time is multiplied; ours
  does the whole every time, its tables computed anew.
- scikit-learn's CountVectorizer counts words without keeping their order: less than the others do.
"""
AGAIN = """\
`make bench` builds `.venv-bench` from `bench/requirements.txt`, measures (about a quarter of an hour; the machine must
be quiet) and writes this page. `SEQCONV_DATA` names the folder with `aclImdb_v1.tar.gz`; without it the reviews are
made up and the whole command is left out. By hand: `python bench/run.py [--quick] [--only NAME]... [--resume]`, then
`python bench/page.py`. `bench/works.py` defines the works, `bench/flops.py` the counts.
"""


def main() -> None:
    """Read all results, write the page."""
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "results"
    docs = Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT.parent / "docs"
    results = {path.stem: json.loads(path.read_text()) for path in sorted(source.glob("*.json"))}
    results = {name: result for name, result in results.items() if "machine" in result}
    works = {name: results[name] for name in WORKS if name in results}
    draw_times(works, docs / "images" / "benchmark-times.svg")
    parts = ["# Benchmarks", describe(results), *promises(works, results)]
    parts += ["## Times", picture("times", "Time of each peer over seqconv's, per work"), tabulate_times(works)]
    parts += [describe_quiet(works), ABOUT.format(threads=results["machine"]["machine"]["threads"])]
    parts += ["## What the machine could do", *tabulate_rates(works, results["machine"]["limits"])]
    if "whole-command" in results:
        parts += ["## From the archive to a tested classifier", *tabulate_whole(results["whole-command"])]
    if "start-up" in results:
        parts += ["## Start-up", tabulate_start_up(results["start-up"])]
    if "growth" in results:
        draw_growth(results["growth"]["points"], docs / "images" / "benchmark-growth.svg")
        shown = picture("growth", "Milliseconds a step over batch size, length, filters, threads")
        limit = results["machine"]["limits"]["seqconv_gflops"]
        parts += ["## Growth", shown, tabulate_growth(results["growth"]["points"], limit)]
    if "keras-equality" in results:
        parts += ["## The same weights in Keras", *tabulate_equality(results["keras-equality"]["networks"])]
    parts += ["## Measure again", AGAIN]
    (docs / "benchmarks.md").write_text("\n\n".join(part.strip() for part in parts) + "\n", "utf-8")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; columns after the first are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def show_time(seconds: float) -> str:
    """Three digits with a fitting unit."""
    for unit, size in (("s", 1), ("ms", 1e-3)):
        if seconds >= size:
            return f"{digits(seconds / size)} {unit}"
    return f"{digits(seconds * 1e6)} µs"


def digits(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def picture(name: str, text: str) -> str:
    """A picture of this page."""
    return f"![{text}](images/benchmark-{name}.svg)"


def describe(results: dict[str, Result]) -> str:
    """Machine, commit and versions; every result file holds its own."""
    machine = results["machine"]["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    commits = sorted({result["machine"]["commit"] for result in results.values()})
    return (
        f"Measured {machine['date']} UTC at commit {', '.join(commits)} on {machine['processor']}, {machine['cores']} "
        f"cores, {machine['memory_gb']} GB, {machine['system']}; kernels: {machine['instruction_set']}. {versions}."
    )


def describe_quiet(works: dict[str, Result]) -> str:
    """How quiet the machine was."""
    most = max(peer["others"] for result in works.values() for peer in result["peers"].values())
    return f"Other processes took at most {most:.0%} of one processor during any of these turns."


def promises(works: dict[str, Result], results: dict[str, Result]) -> list[str]:
    """What was promised beside what was measured."""
    rows, missed = [], []
    for name, result in works.items():
        kept = result["ratio"] >= result["required"]
        ours = result["peers"][OURS]["median_s"]
        against = f"{show_time(result['peers'][result['fastest']]['median_s'])} ({result['fastest']})"
        wanted = f"{result['required']:g} x"
        if result["limit_s"] is not None:
            kept, wanted = kept and ours <= result["limit_s"], f"{wanted}, {show_time(result['limit_s'])}"
        rows.append([result["title"], show_time(ours), against, f"{result['ratio']:.1f} x", wanted, verdict(kept)])
        if not kept:
            missed.append(explain(name, result))
    rows += promised_commands(results)
    count = sum(row[-1] == "yes" for row in rows)
    head = ["work", "seqconv", "fastest peer that counts", "ratio", "promised", "kept"]
    return [f"## Promises: {count} of {len(rows)} kept", table(head, rows), *missed]


def promised_commands(results: dict[str, Result]) -> list[list[str]]:
    """Rows for the whole command, its memory, and start-up."""
    rows = []
    if "whole-command" in results:
        whole = results["whole-command"]
        ours, theirs = whole["peers"][OURS], whole["peers"][whole["fastest"]]
        kept = whole["ratio"] >= whole["required"] and ours["median_s"] <= whole["limit_s"]
        against = f"{show_time(theirs['median_s'])} ({whole['fastest']})"
        wanted = f"{whole['required']} x, {show_time(whole['limit_s'])}"
        rows.append([whole["title"], show_time(ours["median_s"]), against, f"{whole['ratio']:.1f} x", wanted])
        rows[-1].append(verdict(kept))
        peak, limit = ours["peak_bytes"], whole["limit_bytes"]
        memory = [f"{size / 1e6:,.0f} MB" for size in (peak, theirs["peak_bytes"], limit)]
        wide = f"{theirs['peak_bytes'] / peak:.1f} x"
        rows.append(["the same: peak memory", memory[0], memory[1], wide, memory[2], verdict(peak <= limit)])
    start = results.get("start-up", {"limits_s": {}})
    for name, limit in start["limits_s"].items():
        seconds = start["commands"][name]["median_s"]
        rows.append([f"`{name}`", show_time(seconds), "", "", show_time(limit), verdict(seconds <= limit)])
    return rows


def verdict(kept: bool) -> str:
    """One word."""
    return "yes" if kept else "**no**"


def explain(name: str, result: Result) -> str:
    """By how much a promise is missed, and what limits it."""
    short = f"{result['ratio']:.1f} x of {result['required']:g} x ({result['ratio'] / result['required']:.0%})"
    return f"**{result['title']}**: {short}. {REASONS.get(name, '')}"


def tabulate_times(works: dict[str, Result]) -> str:
    """Every peer of every work."""
    rows = []
    for result in works.values():
        title = str(result["title"])
        for peer, times in result["peers"].items():
            low, high = times["quartiles_s"]
            ratio = times["median_s"] / result["peers"][OURS]["median_s"]
            name = f"**{peer}**" if peer == OURS else peer
            spread = f"{show_time(low)} to {show_time(high)}"
            rows.append([title, name, show_time(times["median_s"]), spread, f"{ratio:.1f} x"])
            title = ""
    return table(["work", "by", "median", "quartiles", "over seqconv"], rows)


def tabulate_rates(works: dict[str, Result], limits: dict[str, float]) -> list[str]:
    """Achieved rates beside the machine's."""
    limit = limits["seqconv_gflops"]
    intro = (
        f"Float32 matrix products of 2048 x 2048 run at {limit:.0f} GFLOP/s through our kernel and at "
        f"{limits['numpy_gflops']:.0f} through numpy; copies at {limits['copy_gb_per_s']:.0f} GB/s (bytes read and "
        "written). Needed operations are those that an exact answer takes: embedding and conv as one table of "
        "products, gradients for the winners of a pooling alone (all taken as positive), convs of a series once a "
        "row, leading padding once. A conv counts as its plain products and a table's gradient as dense ones, though "
        "minimal filtering and left-out zeros save about half of either, so that a share may pass 100%. The network "
        "as written takes the plain ones. The share is that of the needed "
        "rate in our matrix-product rate; looking up, pooling, exponentials and the optimiser count as nothing but "
        "take time."
    )
    rows = []
    for result in works.values():
        work, seconds = result["work"], result["peers"][OURS]["median_s"]
        if "needed_flop" in work:
            needed, plain = work["needed_flop"] / 1e9, work["plain_flop"] / 1e9
            rate = needed / seconds
            rows.append([result["title"], f"{plain:.3g}", f"{needed:.3g}", f"{rate:.0f}", f"{rate / limit:.0%}"])
            rows[-1].append(f"{plain / seconds:,.0f}")
    head = ["work", "plain GFLOP", "needed GFLOP", "needed GFLOP/s", "share", "plain GFLOP/s"]
    text = works.get("tokenise")
    read = ""
    if text:
        rate = text["work"]["text_bytes"] / text["peers"][OURS]["median_s"] / 1e9
        share = rate / limits["copy_gb_per_s"]
        read = f"Tokenising reads {rate * 1e3:.0f} MB of text a second, {share:.1%} of the copy rate."
    return [intro, table(head, rows), read]


def tabulate_whole(whole: Result) -> list[str]:
    """Whole commands: seconds, memory, accuracy."""
    intro = (
        "One command each, from `aclImdb_v1.tar.gz` (out of the file cache, nothing prepared) to the accuracy on the "
        "25,000 test reviews. fastText and the support vector machine are other models, to set the times beside."
    )
    rows = []
    for name, peer in whole["peers"].items():
        memory, accuracy = f"{peer['peak_bytes'] / 1e6:,.0f} MB", f"{peer['accuracy']:.3f}"
        rows.append([name, show_time(peer["median_s"]), str(len(peer["all_s"])), memory, accuracy])
    return [intro, table(["by", "median", "runs", "peak memory", "test accuracy"], rows)]


def tabulate_start_up(start: Result) -> str:
    """Medians, ours and others'."""
    rows = [[f"`{name}`", show_time(found["median_s"])] for name, found in start["commands"].items()]
    return table(["command", "median"], rows)


def tabulate_growth(points: list[Result], limit: float) -> str:
    """Every point of the sweeps."""
    rows = []
    for point in points:
        rate = point["needed_flop"] / 1e9 / point["seconds"]
        cells = [str(point["plan"]), f"{point['axis']} {point['value']}", show_time(point["seconds"])]
        rows.append([*cells, f"{rate:.0f}", f"{rate / limit:.0%}"])
    return table(["network", "size", "step", "needed GFLOP/s", "share"], rows)


def tabulate_equality(networks: dict[str, list[Result]]) -> list[str]:
    """Differences on both backends."""
    intro = "Largest difference between Keras's outputs and ours, as a share of the largest output; 64 random examples."
    rows = [
        [found[0]["network"], f"{found[0]['parameters']:,}", *(f"{row['difference']:.1e}" for row in found)]
        for found in zip(*networks.values(), strict=True)
    ]
    return [intro, table(["network", "parameters", *(f"Keras on {name}" for name in networks)], rows)]


if __name__ == "__main__":
    main()
