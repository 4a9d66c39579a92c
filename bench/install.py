"""What an installation takes: python bench/install.py [NAME ...]. Needs a package index, a compiler and 10 GB of disk.

Each name of `INSTALLS` (all without arguments) is installed by pip into an environment of its own, which is removed
afterwards. The files are downloaded first, so that the seconds are those of unpacking, building and compiling alone,
whatever the network. Results are kept in `bench/results/install.json`, from which `docs/install.md` is written.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULT, PAGE = ROOT / "bench" / "results" / "install.json", ROOT / "docs" / "install.md"
DIST = ROOT / "build" / "install"
ROUNDS = 3  # installations, of which the median counts
LARGEST = 8  # packages that the page lists
TORCH = "torch==2.13.0"  # as in the Makefile: a release of which the index has a processor-only build
BUILT = ("scikit-build-core", "nanobind", "cmake", "ninja")  # what a build of the source needs
OWN = {"pip", "setuptools"}  # packages of an empty environment


@dataclass(frozen=True)
class Install:
    """What is installed together.

    Args:
        needs: requirements; {wheel} and {source} are the files built from this checkout.
        builds: what pip needs besides to build one of them, where there is no wheel.
    """

    needs: tuple[str, ...]
    builds: tuple[str, ...] = ()


INSTALLS = {
    "seqconv, wheel": Install(("{wheel}",)),
    "seqconv, source": Install(("{source}",), BUILT),
    "seqconv[serve]": Install(("{wheel}[serve]",)),
    "seqconv[holidays]": Install(("{wheel}[holidays]",)),
    "seqconv[torch]": Install(("{wheel}[torch]", TORCH)),
    "fastText": Install(("fasttext==0.9.3",), ("setuptools", "wheel", "pybind11")),
    "scikit-learn": Install(("scikit-learn",)),
    "LightGBM + mlforecast": Install(("lightgbm", "mlforecast")),
    "neuralforecast": Install(("neuralforecast", TORCH)),
    "aeon": Install(("aeon",)),
    "Keras + TensorFlow": Install(("keras", "tensorflow-cpu")),
}


@dataclass(frozen=True)
class Cost:
    """What one of them takes.

    Args:
        version: of the first package.
        downloaded, disk: megabytes of 10^6 bytes; what builds need is not counted.
        packages: how many.
        largest: megabytes on disk of the largest packages.
    """

    version: str
    seconds: float
    downloaded: float
    disk: float
    packages: int
    largest: dict[str, float]


def run(*words: object, **options: object) -> str:
    """Standard output of a command that must succeed."""
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True, **options).stdout


def create_environment(folder: Path) -> Path:
    """The Python of a new, empty environment."""
    run(sys.executable, "-m", "venv", folder)
    return folder / "bin" / "python"


def build() -> dict[str, str]:
    """A wheel and a source distribution of this checkout, by the names that `Install.needs` has for them.

    Those in `build/install` are taken as they are where a part of the table is measured again.
    """
    if not (sys.argv[1:] and DIST.is_dir()):
        shutil.rmtree(DIST, ignore_errors=True)
        with tempfile.TemporaryDirectory() as folder:
            python = create_environment(Path(folder))
            run(python, "-m", "pip", "install", "build")
            run(python, "-m", "build", "--outdir", DIST, ROOT)
    (wheel,), (source,) = (DIST.glob(ending) for ending in ("*.whl", "*.tar.gz"))
    return {"wheel": str(wheel), "source": str(source)}


def measure(install: Install, built: dict[str, str], folder: Path) -> Cost:
    """Download, then install several times."""
    needs, files = [each.format(**built) for each in install.needs], folder / "files"
    python = create_environment(folder / "download")
    run(python, "-m", "pip", "download", "--dest", files, *needs)
    downloaded = measure_size(files)
    if install.builds:
        run(python, "-m", "pip", "download", "--dest", files, *install.builds)
    seconds = []
    for number in range(ROUNDS):
        python = create_environment(folder / f"{number}")
        empty = measure_size(folder / f"{number}")
        started = time.perf_counter()
        run(python, "-m", "pip", "install", "--no-index", "--find-links", files, "--no-cache-dir", *needs)
        seconds.append(time.perf_counter() - started)
    disk = measure_size(folder / f"{number}") - empty
    found = [each for each in list_packages(python) if each[0] not in OWN]
    named = install.needs[0].strip("{}").partition("=")[0]
    version = next(each[1] for each in found if each[0] in (named, "seqconv"))
    largest = dict(sorted(((name, size) for name, _, size in found), key=lambda each: -each[1])[:LARGEST])
    return Cost(version, statistics.median(seconds), downloaded, disk, len(found), largest)


def list_packages(python: Path) -> list[tuple[str, str, float]]:
    """Name, version and megabytes of each package of an environment; libraries that lie next to it are counted too."""
    code = """
import json
from importlib.metadata import distributions
found = []
for each in distributions():
    paths = [file.locate() for file in each.files or []]
    size = sum(path.stat().st_size for path in paths if path.is_file())
    found.append((each.name.lower(), each.version, size / 1e6))
print(json.dumps(found))
"""
    return [tuple(each) for each in json.loads(run(python, "-c", code))]


def measure_size(folder: Path) -> float:
    """Megabytes of all files in a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


HEAD = """# Installing seqconv, measured

Written by `bench/install.py`: pip of Python {python} on two cores of Linux, {date}. Each row is one environment that
held nothing before. Downloads are the files that pip fetches, disk is what the environment holds afterwards, compiled
Python files included. Seconds are those of an installation{rounds} from files that were downloaded before, so that they
do not depend on the network; for source they include the compiler.{loaded}

| | version | seconds | downloads | disk | packages |
|---|---|---|---|---|---|
"""
TAIL = """
fastText has no wheel on the index and is built from source too. PyTorch, also that of neuralforecast, is the build for
processors alone; with its default, for graphics cards, it is several gigabytes. TensorFlow is `tensorflow-cpu`.

## Where the megabytes are

Of `pip install seqconv`, the largest packages on disk:

| package | MB | needed for |
|---|---|---|
{rows}

What stays and why is in [decision 25](decisions/0025-what-an-install-holds.md).

## The container

`docker build -t seqconv .` makes an image that serves a model ([serving](serving.md)). Its layers are a slim Python and
`seqconv[serve]` as above; it was not built where this page was written, which has no container daemon, so its size is
not known.
"""
REASONS = {
    "polars": "reading tables",
    "polars-runtime-32": "reading tables",
    "scipy": "scikit-learn",
    "scikit-learn": "baselines, the estimators",
    "numpy": "everything",
    "matplotlib": "plots of reports",
    "fonttools": "matplotlib",
    "pillow": "matplotlib",
    "contourpy": "matplotlib",
    "kiwisolver": "matplotlib",
    "pygments": "rich",
    "rich": "tables and progress in the terminal",
    "typer": "the command line",
    "seqconv": "itself",
    "pydantic-core": "typer",
}


def write_page(found: dict[str, dict[str, object]], about: dict[str, object]) -> None:
    """docs/install.md."""
    load = float(about["load"])
    loaded = f" The machine was busy with other work (load {load:.0f}): seconds are rough." if load > 1 else ""
    head = HEAD.format(**about, rounds=f", the median of {ROUNDS}," if ROUNDS > 1 else "", loaded=loaded)
    lines = [
        f"| {name} | {cost['version']} | {cost['seconds']:.0f} | {cost['downloaded']:,.0f} MB | {cost['disk']:,.0f} MB "
        f"| {cost['packages']} |"
        for name, cost in ((name, found[name]) for name in INSTALLS if name in found)
    ]
    own = found.get("seqconv, wheel", {}).get("largest", {})
    rows = "\n".join(f"| {name} | {size:,.0f} | {REASONS.get(name, '')} |" for name, size in own.items())
    PAGE.write_text(head + "\n".join(lines) + "\n" + TAIL.format(rows=rows), "utf-8")


def main() -> None:
    """Measure, keep and write."""
    known = json.loads(RESULT.read_text()) if RESULT.is_file() else {"installs": {}}
    load = max(os.getloadavg()[0], known.get("about", {}).get("load", 0) if sys.argv[1:] else 0)
    about = {"python": sys.version.split()[0], "date": f"{datetime.now(UTC):%Y-%m-%d}", "load": round(load, 1)}
    names = sys.argv[1:] or list(INSTALLS)
    built = build() if any("{" in need for name in names for need in INSTALLS[name].needs) else {}
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            cost = measure(INSTALLS[name], built, Path(folder))
        known["installs"][name] = asdict(cost)
        print(
            f"{name:<24}{cost.seconds:8.1f} s{cost.downloaded:9,.0f} MB{cost.disk:9,.0f} MB{cost.packages:5}",
            flush=True,
        )
        known["about"] = about
        RESULT.write_text(json.dumps(known, indent=1) + "\n", "utf-8")
    write_page(known["installs"], known["about"])


if __name__ == "__main__":
    main()
