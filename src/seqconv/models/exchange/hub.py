"""Models on the Hugging Face Hub: pushed with a model card, and pulled as they were."""

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqconv.data.documents import read_document
from seqconv.data.urls import name_file
from seqconv.errors import BundleError, DataError, need, shorten
from seqconv.metrics.records import Record
from seqconv.models.folders import HEADER, RESULTS, check_replaceable, replace_folder
from seqconv.models.format import find_model, read_bundle
from seqconv.models.remote import fetch_rest
from seqconv.models.results import read_results
from seqconv.recipes.sections import KINDS
from seqconv.tasks.bundle import AnyBundle

CARD = "README.md"
ABOUT = {CARD, ".gitattributes", "LICENSE"}  # files of a repository that holds nothing yet
CURE = "Check the name, and log in with `hf auth login`"


@dataclass(frozen=True)
class PushResults(Record):
    """What was pushed.

    Args:
        url: of the commit.
        files: names.
    """

    repository: str
    url: str
    files: list[str]


def push(model: str | Path, repository: str, public: bool = False, message: str = "") -> PushResults:
    """Write a model to a repository of the Hugging Face Hub, with a card.

    Nothing but the files of the model is written: no data, predictions or reports. Note that a model holds the words or
    categories that it knows, and the path of its training data, or their URL with any key in it.

    Args:
        model: a run or model folder.
        repository: `user/name`; made, private, if there is none.
        public: make it public; one that exists stays what it is.
        message: of the commit.

    Raises:
        BundleError: no model, or the repository holds something else or cannot be written.
        MissingExtra: huggingface_hub is not installed.
    """
    hub, folder = need("huggingface_hub", "hub"), find_model(Path(model))
    card = build_card(read_bundle(folder), repository, folder)
    names = [HEADER, *read_document(folder / HEADER)["files"]]
    contents: list[tuple[str, Any]] = [*((name, str(folder / name)) for name in names), (CARD, card.encode())]
    try:
        api = hub.HfApi()
        api.create_repo(repository, private=not public, exist_ok=True)
        _check_own(repository, set(api.list_repo_files(repository)))
        operations = [hub.CommitOperationAdd(name, content) for name, content in contents]
        found = api.create_commit(repository, operations, commit_message=message or "A model of seqconv")
    except BundleError:
        raise
    except Exception as error:  # of the connection, the name, the token, the server
        must = "must be a repository that can be written"
        raise BundleError(f"{repository}: {must}; {_say(error)}. {CURE}") from error
    return PushResults(repository, str(found.commit_url), [name for name, _ in contents])


def _say(error: Exception) -> str:
    return shorten(error, 200).rstrip(". ")


def _check_own(repository: str, names: set[str]) -> None:
    """Check that a repository holds a model of seqconv, or nothing.

    Raises:
        BundleError: it does not.
    """
    if HEADER not in names and (others := sorted(names - ABOUT)):
        got = f"it holds {others[0]!r}"
        raise BundleError(f"{repository}: must be empty, or hold a model of seqconv; {got}. Choose another name")


def pull(repository: str, out: str | Path, revision: str = "main", overwrite: bool = False) -> Path:
    """Write the model of a repository of the Hugging Face Hub to a folder, as it was pushed.

    Args:
        repository: `user/name`.
        out: the new model folder.
        revision: branch, tag or commit.
        overwrite: replace a model in `out`.

    Raises:
        BundleError: no such repository, or no whole model in it.
        ConfigError: `out` must not be overwritten.
        MissingExtra: huggingface_hub is not installed.
    """
    hub, out = need("huggingface_hub", "hub"), Path(out)
    check_replaceable(out, HEADER, overwrite)

    def fetch(name: str, target: Path) -> None:
        try:
            copy = hub.hf_hub_download(repository, name, revision=revision)
        except Exception as error:  # of the connection, the name, the token, the server
            raise DataError(f"{name}: {_say(error)}. {CURE}") from error
        shutil.copyfile(copy, target)

    try:
        with replace_folder(out, HEADER, overwrite) as fresh:
            fetch(HEADER, fresh / HEADER)
            fetch_rest(fetch, fresh, repository)
            read_bundle(fresh)
            with contextlib.suppress(DataError):  # what was uploaded otherwise may have none
                fetch(CARD, fresh / CARD)
    except (BundleError, DataError) as error:
        raise BundleError(f"{repository}: must hold a whole model of seqconv; {shorten(error, 300)}") from error
    return out


def build_card(bundle: AnyBundle, repository: str, folder: Path) -> str:
    """The model card: what the model is, its test scores where its run is there, and how to use it."""
    recipe, target = bundle.recipe, bundle.features.target
    title, name = KINDS[recipe.task].title, name_file(recipe.data.source)
    answers = "; ".join(f"{what}: {', '.join(names[:20])}" for what, names in target.describe().items())
    tags = "".join(f"- {tag}\n" for tag in ("seqconv", title.lower().replace(" ", "-")))
    lines = [
        f"---\nlibrary_name: seqconv\ntags:\n{tags}---",
        f"# {repository.partition('/')[2] or repository}",
        f"A model of seqconv for {title}: {recipe.training.model}, trained on "
        f"`{name}`, {sum(array.size for array in bundle.weights.values()):,} parameters.",
        f"- {answers}",
        *_list_scores(folder),
        f"```sh\npip install 'seqconv[hub]'\nseqconv pull {repository} -o model\nseqconv predict model FILE\n```",
    ]
    return "\n\n".join(lines) + "\n"


def _list_scores(folder: Path) -> list[str]:
    """The scores on the test set of the run of a model, and whether it beats its baselines; none of another folder."""
    run = folder.resolve().parent
    if folder.resolve().name != "model" or not (run / RESULTS).is_file():
        return []
    results = read_results(run)
    rows = "".join(f"| {name.replace('_', ' ')} | {value:.4g} |\n" for name, value in results.test.items())
    return [f"| test set | |\n|---|---|\n{rows}", results.verdict]
