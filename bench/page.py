"""Write docs/benchmarks.md and its pictures from the result files: `python bench/page.py [RESULTS [DOCS]]`."""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from pictures import draw_busy, draw_growth, draw_times
from works import OURS, WORKS

ROOT = Path(__file__).parent
Result = dict[str, object]

# Why a target is not met, where that may happen; shown only for targets that are missed.
OTHER_PROCESSOR = (
    "Keras on TensorFlow is also far faster on this processor than on the one for which the ratio was set."
)
SMALL_STEP = (
    "The forward pass needs fewer products than the plain one, and the gradients skip the winners blocked by ReLU, "
    "more than half of them; what remains is their multiply-adds, the input's gradient, and gathering the windows. "
    f"{OTHER_PROCESSOR}"
)
REASONS = {
    "train-imdb-conv1d": "Half of a step is three matrix products between the embedding of the batch's distinct words "
    "and the kernel; two of them skip the zeros of the gradient, one has none and runs close to the machine's rate. "
    f"{OTHER_PROCESSOR}",
    "train-jena-conv1d": SMALL_STEP,
    "train-jena-conv1d-book": SMALL_STEP,
    "train-jena-conv1d-gru": "At the machine's matrix-product rate (below), the products that the step needs take as "
    "long as the step itself: only fewer products would make it faster, and masks and minimal filtering already avoid "
    "those that can be avoided. Met (6.9 x) on a processor with twice the vector units, where Keras took three "
    "quarters of the time.",
    "predict-one-review": "Keras on JAX predicts one review in a fraction of the time that Keras on TensorFlow takes "
    "(both below). Most of our time goes into splitting the text, the kernels, and fetching rows of the 9 MB table.",
    "predict-jena-conv1d": "Met (104.5 x) on a processor with twice the vector units; the shared convolutions are "
    "bound by multiply-adds, which Keras's many small calls are not.",
}
ABOUT = """\
Other libraries and seqconv run within one session on one machine, in turn and never two at a time, each in its own
process: same arrays, same initial weights, batches of 128, {threads} threads on {threads} processors. Each gets one
turn of about 0.7 seconds per round; a time is the median of five rounds, followed by the quartiles. First losses and
first outputs are compared, so all of them compute the same thing. Steps include gathering the batch, forward and
backward pass and the optimiser (RMSprop, 1e-3).

- Keras: `train_on_batch` and `predict_on_batch`, its fastest calls here (`fit` and `predict` cost more); one review
  goes through `predict`, as a user would do it. On TensorFlow, XLA is off, the default of Keras on a CPU: with it, the
  convolutional networks take about twice as long and the recurrent ones about the same. "The book's generator" collects
  the examples of a batch one at a time in a Python loop; all others gather with one array expression.
- PyTorch: `torch.nn` layers, embedding with dense gradients; when compiled, network and loss are one graph.
  `torch.nn.GRU` has no recurrent dropout and only the version with the reset after the product: an easier task, so the
  two GRU workloads are compared with Keras, which computes the same as ours.
- onnxruntime: a hand-written graph, batches of 128.
- The other libraries predict a fourth or a fifth of the examples per turn, one part after the other, and their time is
  multiplied; ours predicts all of them every time and recomputes its tables.
- scikit-learn's CountVectorizer counts words without keeping their order, which is less than the others do.
"""
ABOUT_BUSY = """\
{other}, and this version, whose threads are a pool of our own
([decision 15](decisions/0015-a-pool-of-our-own.md)), in turn on the same two processors while other processes do
nothing but compute on them. Both compute the same bits. Medians of {rounds} rounds; the ratio is the median of the
ratios turn by turn. On a machine that is not quiet by itself, the neighbours come on top.
"""
ABOUT_LAYERS = """\
The layers that came after version 0.1.0 (`bench/layers.py`), one at a time between a convolution and a dense output,
for 128 examples of 128 steps and 32 channels on {threads} threads. Medians of a training step and of a prediction, the
two engines in turn.
"""
ABOUT_VERSIONS = """\
This version and 0.1.0 (`bench/versions.py`), in turn on the same works: training steps, predictions and whole commands.
The ratio is that of the medians; spread is the largest range of one of them over its median.
"""
AGAIN = """\
`make bench` builds `.venv-bench` from `bench/requirements.txt`, runs the benchmarks (about 15 minutes; the machine must
be idle) and writes this page. `SEQCONV_DATA` names the folder with `aclImdb_v1.tar.gz`; without it the reviews are
synthetic and the whole command is left out. By hand: `python bench/run.py [--quick] [--only NAME]... [--resume]`, then
`python bench/page.py`. `python bench/busy.py PYTHON` compares with the version of another environment on a busy machine
(about 5 minutes; `SEQCONV_DATA` is needed). `bench/works.py` defines the workloads, `bench/flops.py` the operation
counts.
"""


def main() -> None:
    """Read all results, write the page."""
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "results"
    docs = Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT.parent / "docs"
    results = {path.stem: json.loads(path.read_text()) for path in sorted(source.glob("*.json"))}
    versions = results.get("versions", {})
    results = {name: result for name, result in results.items() if "machine" in result}
    works = {name: results[name] for name in WORKS if name in results}
    draw_times(works, docs / "images" / "benchmark-times.svg")
    parts = ["# Benchmarks", describe(results), *promises(works, results)]
    parts += ["## Times", picture("times", "Time of each library relative to seqconv"), tabulate_times(works)]
    parts += [describe_quiet(works), ABOUT.format(threads=results["machine"]["machine"]["threads"])]
    parts += ["## Limits of the machine", *tabulate_rates(works, results["machine"]["limits"])]
    if "whole-command" in results:
        parts += ["## From the archive to a tested classifier", *tabulate_whole(results["whole-command"])]
    if "start-up" in results:
        parts += ["## Start-up", tabulate_start_up(results["start-up"])]
    if "growth" in results:
        draw_growth(results["growth"]["points"], docs / "images" / "benchmark-growth.svg")
        shown = picture("growth", "Milliseconds per step by batch size, length, filters, threads")
        limit = results["machine"]["limits"]["seqconv_gflops"]
        parts += ["## Scaling", shown, tabulate_growth(results["growth"]["points"], limit)]
    if "busy" in results:
        rows = results["busy"]["rows"]
        draw_busy(rows, docs / "images" / "benchmark-busy.svg")
        shown = picture("busy", "Times with 0 to 3 busy neighbours, with OpenMP and with our own threads")
        parts += [
            "## Busy machines",
            ABOUT_BUSY.format(**results["busy"]),
            shown,
            tabulate_busy(results["busy"]["rows"]),
        ]
    if "layers" in results:
        about = ABOUT_LAYERS.format(**results["layers"]["machine"])
        parts += ["## Layers, natively and in PyTorch", about, tabulate_layers(results["layers"]["layers"])]
    if versions:
        parts += ["## This version and 0.1.0", ABOUT_VERSIONS, tabulate_versions(versions)]
    if "keras-equality" in results:
        parts += ["## The same weights in Keras", *tabulate_equality(results["keras-equality"]["networks"])]
    parts += ["## Running the benchmarks", AGAIN]
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
    """How idle the machine was."""
    most = max(peer["others"] for result in works.values() for peer in result["peers"].values())
    return f"Other processes used at most {most:.0%} of one processor during any of these turns."


def promises(works: dict[str, Result], results: dict[str, Result]) -> list[str]:
    """Targets next to measurements."""
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
    head = ["workload", "seqconv", "fastest comparable library", "ratio", "target", "met"]
    return [f"## Targets: {count} of {len(rows)} met", table(head, rows), *missed]


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
    """By how much a target is missed, and what limits the speed."""
    short = f"{result['ratio']:.1f} x of {result['required']:g} x ({result['ratio'] / result['required']:.0%})"
    return f"**{result['title']}**: {short}. {REASONS.get(name, '')}"


def tabulate_times(works: dict[str, Result]) -> str:
    """Every library on every workload."""
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
    return table(["workload", "library", "median", "quartiles", "relative to seqconv"], rows)


def tabulate_rates(works: dict[str, Result], limits: dict[str, float]) -> list[str]:
    """Achieved rates next to the machine's."""
    limit = limits["seqconv_gflops"]
    intro = (
        f"Float32 matrix products of 2048 x 2048 run at {limit:.0f} GFLOP/s through our kernel and at "
        f"{limits['numpy_gflops']:.0f} through numpy; copies at {limits['copy_gb_per_s']:.0f} GB/s (bytes read and "
        "written). Needed operations are those that an exact result requires: embedding and convolution as one table "
        "of products, gradients only for the winners of a pooling (all assumed positive), convolutions of a series "
        "once per row, leading padding once. A convolution counts as its plain products and a table's gradient as "
        "dense ones, although minimal filtering and skipped zeros save about half of either, so utilisation can exceed "
        "100%. Plain operations are those of the network as written. Utilisation is the needed rate relative to our "
        "matrix-product rate; look-ups, pooling, exponentials and the optimiser are not counted but take time."
    )
    rows = []
    for result in works.values():
        work, seconds = result["work"], result["peers"][OURS]["median_s"]
        if "needed_flop" in work:
            needed, plain = work["needed_flop"] / 1e9, work["plain_flop"] / 1e9
            rate = needed / seconds
            rows.append([result["title"], f"{plain:.3g}", f"{needed:.3g}", f"{rate:.0f}", f"{rate / limit:.0%}"])
            rows[-1].append(f"{plain / seconds:,.0f}")
    head = ["workload", "plain GFLOP", "needed GFLOP", "needed GFLOP/s", "utilisation", "plain GFLOP/s"]
    text = works.get("tokenise")
    read = ""
    if text:
        rate = text["work"]["text_bytes"] / text["peers"][OURS]["median_s"] / 1e9
        fraction = rate / limits["copy_gb_per_s"]
        read = f"Tokenising reads {rate * 1e3:.0f} MB of text per second, {fraction:.1%} of the copy rate."
    return [intro, table(head, rows), read]


def tabulate_whole(whole: Result) -> list[str]:
    """Whole commands: seconds, memory, accuracy."""
    intro = (
        "One command each, from `aclImdb_v1.tar.gz` (cold file cache, nothing prepared) to the accuracy on the "
        "25,000 test reviews. fastText and the support vector machine are different models, listed to compare times."
    )
    rows = []
    for name, peer in whole["peers"].items():
        memory, accuracy = f"{peer['peak_bytes'] / 1e6:,.0f} MB", f"{peer['accuracy']:.3f}"
        rows.append([name, show_time(peer["median_s"]), str(len(peer["all_s"])), memory, accuracy])
    return [intro, table(["library", "median", "runs", "peak memory", "test accuracy"], rows)]


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
    return table(["network", "size", "step", "needed GFLOP/s", "utilisation"], rows)


def tabulate_busy(rows: list[Result]) -> str:
    """Both versions with every number of neighbours."""
    lines = []
    for row in rows:
        times = [show_time(row[f"{version}_s"]) for version in ("before", "after")]
        name = str(row["work"]).replace("-", " ")
        lines.append([name, str(row["threads"]), str(row["neighbours"]), *times, f"{row['ratio']:.1f} x"])
    return table(["work", "threads", "busy neighbours", "before", "after", "faster"], lines)


def tabulate_layers(rows: dict[str, Result]) -> str:
    """Both engines, a step and a prediction of each layer."""
    columns = ("native_step", "torch_step", "native_predict", "torch_predict")
    lines = [[name, *(show_time(row[column]) for column in columns)] for name, row in rows.items()]
    return table(["layer", "native step", "PyTorch step", "native prediction", "PyTorch prediction"], lines)


def tabulate_versions(rows: dict[str, Result]) -> str:
    """Both versions on each work."""
    lines = [
        [name, show_time(row["other"]), show_time(row["seconds"]), f"{row['ratio']:.2f}", f"{row['spread']:.0%}"]
        for name, row in rows.items()
    ]
    return table(["work", "0.1.0", "this version", "ratio", "spread"], lines)


def tabulate_equality(networks: dict[str, list[Result]]) -> list[str]:
    """Differences on both backends."""
    intro = "Largest difference between Keras's outputs and ours, relative to the largest output; 64 random examples."
    rows = [
        [found[0]["network"], f"{found[0]['parameters']:,}", *(f"{row['difference']:.1e}" for row in found)]
        for found in zip(*networks.values(), strict=True)
    ]
    return [intro, table(["network", "parameters", *(f"Keras on {name}" for name in networks)], rows)]


if __name__ == "__main__":
    main()
