"""What has drifted: the tables of commands and pages, and the page of monitoring."""

from collections.abc import Sequence

from seqconv.reports.page import build_lead, build_page, draw_bars, draw_details, draw_facts, draw_note, draw_table
from seqconv.reports.tables import NAMES, Table, show_number
from seqconv.tasks.drift import DRIFTED, SAME, MonitorResults, VariableChange

MOST_BINS = 12  # of categories that are drawn: those that changed most
CAPTIONS = {
    "inputs": "Inputs next to those of training",
    "labels": "Labels next to those of training",
    "answers": "Answers next to those for the test set",
}
EXPLAINED = (
    "PSI is the population stability index: up to 0.1 nothing has changed, above 0.25 much has, as long as it is above "
    "what stretches of as many training rows show by chance."
)


def change_tables(variables: Sequence[VariableChange]) -> dict[str, Table]:
    """The tables of inputs, labels and answers, by these names: those that have rows."""
    tables = {of: variable_rows(variables, of) for of in CAPTIONS}
    return {of: table for of, table in tables.items() if table[1]}


def variable_rows(variables: Sequence[VariableChange], of: str) -> Table:
    """A row for each variable of `inputs`, `labels` or `answers`, the most changed first; none where there are none."""
    head, rows = [of, "state", "PSI", "by chance", "mean before", "now"], []
    shown = [one for one in variables if one.of == of]
    holes = any(one.bins[-1].before or one.bins[-1].now for one in shown)
    head += ["missing before", "now"] * holes
    for each in shown:
        means = ["" if value is None else show_number(value) for value in (each.before, each.now)]
        missing = [f"{value:.1%}" for value in (each.bins[-1].before, each.bins[-1].now)] * holes
        rows.append([each.name, each.state, f"{each.index:.3f}", f"{each.chance:.3f}", *means, *missing])
    return head, rows


def rate_rows(results: MonitorResults) -> Table:
    """A row for each rate: on the test set of training, and now."""
    head = ["errors", "state", "on the test set", "now", "examples"]
    named = {each: NAMES.get(each, each.replace("_", " ")) for each in (one.name for one in results.rates)}
    return head, [
        [
            named[each.name],
            "same" if each.state == SAME else "worse",
            *map(show_number, (each.before, each.now)),
            f"{each.n:,}",
        ]
        for each in results.rates
    ]


def build_monitor_page(results: MonitorResults) -> str:
    """The page."""
    tone = "bad" if results.drifted else "good"
    lead = build_lead(results.model, results.verdict, f"Data: {results.source}, {results.n:,} examples", tone)
    tables = change_tables(results.variables)
    sections = [(of.capitalize(), draw_table(*table, CAPTIONS[of])) for of, table in tables.items()]
    if results.rates:
        sections.append(("Errors", draw_table(*rate_rows(results), "Errors next to those on the test set")))
    sections.append(("Distributions", draw_variables(results.variables)))
    if results.notes:
        sections.append(("Data", draw_facts({"notes": results.notes})))
    return build_page(f"{results.model}: monitor", lead, sections)


def draw_variables(variables: Sequence[VariableChange]) -> str:
    """The distribution of each variable, and what the index of it means."""
    return draw_note(EXPLAINED) + "".join(map(_draw_variable, variables))


def _draw_variable(found: VariableChange) -> str:
    """A bar for each bin as it is now, in words next to it what it was; open if it has drifted."""
    bins = [each for each in found.bins if each.before or each.now]
    if len(bins) > MOST_BINS:
        bins = sorted(bins, key=lambda each: -abs(each.now - each.before))[:MOST_BINS]
    bars = draw_bars([(each.name, each.now, f"{each.now:.1%}, in training {each.before:.1%}") for each in bins])
    drawn = draw_details(f"{found.name}: {found.state}, PSI {found.index:.3f}", bars)
    return drawn.replace("<details>", "<details open>", 1) if found.state == DRIFTED else drawn
