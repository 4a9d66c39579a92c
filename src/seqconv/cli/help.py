"""How the commands show help: options in panels, examples below; and what a shell completes."""

from pathlib import Path
from typing import Any

from typer.core import TyperCommand, TyperGroup

DATA, WINDOWS, FORECAST, TRAINING, OTHER, OUTPUT = PANELS = (
    *("Data", "Windows", "Forecast", "Training", "Other", "Output"),
)
ORDER = (
    *("forecast", "inspect", "init", "train", "evaluate", "compare", "backtest"),
    *("predict", "future", "explain", "serve", "shrink", "report"),
)
FORMER = {"interval": "every", "column": "text"}  # options of earlier versions -> their present names


class Command(TyperCommand):
    """A command whose help has a section for each panel of options, its own options first, and examples."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [_trim(piece) for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {name: [] for name in ("Arguments", "Options", *PANELS)}
        for parameter in self.get_params(ctx):
            if (record := parameter.get_help_record(ctx)) is not None:
                sections[_section(parameter)].append((_trim(record[0]).strip("[]"), record[1]))
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        if self.epilog:
            with formatter.section("Examples"):
                for line in self.epilog.splitlines():  # whole, so that it can be copied
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")


def _trim(name: str) -> str:
    """An argument's name without the braces and types that some versions of typer add.

    >>> _trim("{RUN}..."), _trim("[[FILE]]"), _trim("RUN <str>")
    ('RUN...', '[FILE]', 'RUN')
    """
    name = name.partition(" <")[0].replace("[[", "[").replace("]]", "]")
    return name.replace("{", "").replace("}", "")


def _section(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return "Arguments"
    if parameter.name == "help":
        return OUTPUT
    return getattr(parameter, "rich_help_panel", None) or "Options"


class Commands(TyperGroup):
    """Lists the commands in the order in which they are usually needed; those not in `ORDER` come last."""

    def list_commands(self, ctx: Any) -> list[str]:
        names = super().list_commands(ctx)
        return sorted(names, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))


def read_name(name: str) -> str:
    """The present name of an option.

    >>> read_name("interval"), read_name("target")
    ('every', 'target')
    """
    return FORMER.get(name, name)


def complete_source(incomplete: str) -> list[str]:
    """Recipes, and the files next to them; nothing if no recipe fits, so that the shell completes files."""
    recipes = complete_recipe(incomplete)
    return [*recipes, *sorted(map(str, Path().glob(f"{incomplete}*")))] if recipes else []


def complete_recipe(incomplete: str) -> list[str]:
    """Built-in recipes."""
    from seqconv.recipes.recipe import recipe_names

    return [name for name in recipe_names() if name.startswith(incomplete)]


def complete_model(incomplete: str) -> list[str]:
    """What `--model` can be."""
    from seqconv.recipes.sections import KINDS, NETWORK

    names = {NETWORK: None, **{name: None for kind in KINDS.values() for name in kind.baselines}}
    return [name for name in names if name.startswith(incomplete)]


def complete_engine(incomplete: str) -> list[str]:
    """Engines."""
    return [name for name in ("native", "torch") if name.startswith(incomplete)]


def complete_data(incomplete: str) -> list[str]:
    """Public and generated data sets."""
    from seqconv.data.remotes import NAMES

    return [name for name in NAMES if name.startswith(incomplete)]
