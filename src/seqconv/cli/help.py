"""How the commands are listed and show help: options in panels, examples below; and what a shell completes."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from typer.core import TyperCommand, TyperGroup
from typer.main import Typer, get_command

DATA, WINDOWS, FORECAST, TRAINING, OTHER, OUTPUT = PANELS = (
    *("Data", "Windows", "Forecast", "Training", "Other", "Output"),
)
COMMANDS = {  # in the order in which they are usually needed -> the module of each, and the start of its docstring
    "forecast": ("forecasting", "Forecast every series of a table."),
    "inspect": ("inspection", "Check a data file: columns, gaps, duplicates, leaks."),
    "init": ("training", "Print the recipe that train would use, for editing."),
    "train": ("training", "Train on a recipe or on your own file."),
    "update": ("updating", "Bring a model up to date with newer rows."),
    "evaluate": ("evaluation", "Evaluate a model on labelled data."),
    "monitor": ("monitoring", "Compare new data, and the answers to them, with training."),
    "compare": ("evaluation", "Compare finished runs on the same test rows."),
    "backtest": ("evaluation", "Refit on each fold and evaluate next to the baselines."),
    "tune": ("tuning", "Search for better settings, within a time budget."),
    "predict": ("prediction", "Predict every row of a file."),
    "future": ("prediction", "Write a form for what is known of the rows to forecast."),
    "explain": ("explanation", "Explain a prediction by its words, or by its inputs and times."),
    "serve": ("serving", "Serve models over HTTP."),
    "shrink": ("prediction", "Write a smaller copy of a model."),
    "export": ("exchange", "Write a model for other libraries."),
    "push": ("hub", "Write a model to the Hugging Face Hub, with a card."),
    "pull": ("hub", "Write a model of the Hugging Face Hub to a folder."),
    "report": ("prediction", "Write the report of a run anew and print its path."),
    "recipes": ("training", "List the built-in recipes."),
    "summary": ("training", "Show the layers of a recipe, their shapes and cost."),
    "data": ("training", "Download a public data set, or write it as a table."),
    "settings": ("settings", "List every setting of recipes and layers."),
    "doctor": ("health", "Show what is installed and how fast this machine is."),
    "help": ("settings", "Show the help of a command."),
}
IMPORTED: dict[str, Typer] = {}  # by name: an application of a single command, for each whose module was imported
FORMER = {"interval": "every", "column": "text"}  # options of earlier versions -> their present names


class Command(TyperCommand):
    """A command whose help has a section for each panel of options, its own options first, and examples."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [_trim(piece) for piece in super().collect_usage_pieces(ctx)]

    def list_options(self, ctx: Any) -> dict[str, list[tuple[str, str]]]:
        """Arguments and options with their meanings, by the panels that hold any."""
        sections: dict[str, list[tuple[str, str]]] = {name: [] for name in ("Arguments", "Options", *PANELS)}
        for parameter in self.get_params(ctx):
            if (record := parameter.get_help_record(ctx)) is not None:
                sections[_section(parameter)].append((_trim(record[0]).strip("[]"), record[1]))
        return {title: records for title, records in sections.items() if records}

    def format_options(self, ctx: Any, formatter: Any) -> None:
        for title, records in self.list_options(ctx).items():
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


class _ByName(Mapping[str, Any]):
    """Commands by name; the module of one is imported when it is looked up."""

    def __getitem__(self, name: str) -> Any:
        import_module(f"seqconv.cli.{COMMANDS[name][0]}")
        return get_command(IMPORTED[name])

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class Commands(TyperGroup):
    """All commands, which are listed without importing them."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = _ByName()  # type: ignore[assignment]

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


def write_markdown() -> str:
    """The page `docs/commands.md`."""
    lines = ["# Commands", "", *INTRODUCTION]
    for name, command in _ByName().items():
        context = command.context_class(command, info_name=f"seqconv {name}")
        lines += ["", f"## {name}", "", command.help.strip(), "", "```text"]
        lines += [*(command.epilog or f"seqconv {name}").splitlines(), "```"]
        for title, records in command.list_options(context).items():
            rows = [f"| `{_escape(flag)}` | {_escape(meaning)} |" for flag, meaning in records if flag not in HELP]
            lines += ["", f"| {title} | |", "|---|---|", *rows] if rows else []
    return "\n".join([*lines, ""])


INTRODUCTION = (
    "Every command, with its arguments and options; `seqconv help COMMAND` shows the same. Written by",
    "`bench/commands_page.py`. Every command also takes `--help`.",
)
HELP = ("--help", "-h, --help")


def _escape(text: str) -> str:
    """A cell of a table in Markdown."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


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
    from seqconv.recipes.sections import KINDS

    names = {name: None for kind in KINDS.values() for name in kind.models}
    return [name for name in names if name.startswith(incomplete)]


def complete_engine(incomplete: str) -> list[str]:
    """Engines."""
    return [name for name in ("native", "torch") if name.startswith(incomplete)]


def complete_data(incomplete: str) -> list[str]:
    """Public and generated data sets."""
    from seqconv.data.remotes import NAMES

    return [name for name in NAMES if name.startswith(incomplete)]
