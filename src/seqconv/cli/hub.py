"""Commands that write models to the Hugging Face Hub and read them from there."""

from pathlib import Path
from typing import Annotated

import typer

from seqconv.cli import console
from seqconv.cli.console import command, print_json
from seqconv.cli.help import OUTPUT
from seqconv.cli.options import Json, Model, Overwrite

Repository = Annotated[
    str, typer.Argument(metavar="REPOSITORY", help="USER/NAME on the Hugging Face Hub.", show_default=False)
]


@command("seqconv push runs/reviews anna/reviews")
def push(
    model: Model,
    repository: Repository,
    public: Annotated[bool, typer.Option("--public", help="Make a new repository public.")] = False,
    message: Annotated[str, typer.Option(metavar="TEXT", help="Message of the commit.", show_default=False)] = "",
    json: Json = False,
) -> None:
    """Write a model to the Hugging Face Hub, with a card.

    The files of the model alone are written, no data and no reports. The model holds the words or categories that it
    knows, and the path of its training data, or their URL with any key in it. Log in with `hf auth login`, or set
    HF_TOKEN. Requires the extra `hub`.
    """
    from seqconv.models.exchange.hub import push

    with console.interruptible():
        found = push(model, repository, public, message)
    print_json(found.to_dict()) if json else print(found.url)


@command("seqconv pull anna/reviews -o runs/reviews")
def pull(
    repository: Repository,
    out: Annotated[
        Path,
        typer.Option("-o", "--out", metavar="DIR", help="Model folder.", show_default=False, rich_help_panel=OUTPUT),
    ],
    revision: Annotated[str, typer.Option(metavar="NAME", help="Branch, tag or commit.")] = "main",
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Write a model of the Hugging Face Hub to a folder.

    It is checked like every model; nothing in it is executed. Requires the extra `hub`.
    """
    from seqconv.models.exchange.hub import pull

    with console.interruptible():
        found = pull(repository, out, revision, overwrite)
    print_json({"out": str(found)}) if json else print(found)
