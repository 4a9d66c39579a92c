"""What depends on the kind of data is decided in the kind's folder under tasks/. Run as a script: lists what is not."""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "src" / "seqconv"
NAMES = {
    "text",
    "series",
    "panel",
    "sequence",
    "texts",
    "rows",
    "sequences",
}  # of tasks, and of their requests' keys
RECORDS = {"TEXT", "SERIES", "PANEL", "SEQUENCE"}  # of tasks
TYPES = {
    *("TextFeatures", "SequenceFeatures", "SeriesFeatures"),
    *("Texts", "EncodedTexts", "TextData", "Sequences", "SequenceData", "Series", "SeriesData"),
    *("TextDataConfig", "SequenceDataConfig", "SeriesDataConfig", "TextConfig", "SequenceConfig", "WindowConfig"),
    *("PanelFeatures", "Panel", "PanelData", "PanelDataConfig", "ForecastConfig", "PanelInputs"),
    *("TokenInputs", "WindowInputs"),
}
EXCEPTIONS = {  # how a decision begins -> why it stays; narrowing by an assertion is never excepted
    "recipes/sections.py: {'text': Kind(": "the table of what recipes hold, from which all else about recipes follows",
    "tasks/kinds.py: {'text': 'TEXT'": "the table of tasks",
    "networks/engines/native/network.py: isinstance(inputs, TokenInputs)": "padding is left out of ids, not of values",
    "data/datasets.py: isinstance(part, Texts)": "of the public IMDB data there are copies of ids without words",
}
MOST = 5  # decisions excepted
CHECKS = ("isinstance", "issubclass", "cast")


def is_home(path: Path) -> bool:
    """Whether the file lies in the folder of a kind."""
    parts = path.relative_to(PACKAGE).parts
    return len(parts) > 2 and parts[0] == "tasks"


def names_type(node: ast.AST | None) -> bool:
    """Whether an expression is a type of one kind, or a tuple or union that holds one."""
    found = ast.walk(node) if isinstance(node, ast.Tuple | ast.BinOp) else [node]
    return any(getattr(each, "id", getattr(each, "attr", "")) in TYPES for each in found)


def names_task(node: ast.AST | None) -> bool:
    """Whether an expression is a task's name, or a collection of such names alone."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return bool(node.elts) and all(map(names_task, node.elts))
    if isinstance(node, ast.Attribute):
        return node.attr == "name" and getattr(node.value, "id", "") in RECORDS
    return isinstance(node, ast.Constant) and node.value in NAMES


def decides(node: ast.AST) -> bool:
    """Whether a piece of the syntax tree asks for the kind of something."""
    if isinstance(node, ast.Assert):
        return any(map(decides, ast.walk(node.test)))
    if isinstance(node, ast.Call):
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        return name in CHECKS and any(map(names_type, node.args))
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        return any(names_task(side) or names_type(side) for side in sides)
    if isinstance(node, ast.MatchClass):
        return names_type(node.cls)
    if isinstance(node, ast.MatchValue):
        return names_task(node.value)
    if isinstance(node, ast.Dict):
        return any(map(names_type, node.keys)) or sum(map(names_task, node.keys)) > 1
    return False


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """Every piece of the tree but those within an assertion."""
    yield node
    if not isinstance(node, ast.Assert):
        for child in ast.iter_child_nodes(node):
            yield from walk(child)


def decisions() -> Iterator[tuple[str, int, str]]:
    """Path, line and code of each decision by kind outside the folders of the kinds."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if not is_home(path):
            found = [node for node in walk(ast.parse(path.read_text())) if decides(node)]
            for node in sorted(found, key=lambda node: node.lineno):
                yield str(path.relative_to(PACKAGE)), node.lineno, ast.unparse(node)


def excuses(path: str, code: str) -> list[str]:
    return [each for each in EXCEPTIONS if f"{path}: {code}".startswith(each)]


def test_decisions_by_kind_are_made_in_the_kinds_folders():
    left = [f"{path}:{line}: {code}" for path, line, code in decisions() if not excuses(path, code)]
    assert not left, "\n".join(left)


def test_exceptions_are_few_and_still_needed():
    found = [excuses(path, code) for path, _, code in decisions()]
    assert sum(map(len, found)) <= MOST
    assert set(EXCEPTIONS) == {each for excused in found for each in excused}


def test_every_form_of_decision_is_seen():
    seen = [
        "isinstance(x, TextFeatures)",
        "assert isinstance(x, records.Series)",
        "isinstance(x, (Texts, EncodedTexts))",
        "isinstance(x, Texts | EncodedTexts)",
        "type(x) is TokenInputs",
        "task == 'text'",
        "task in ('text', 'sequence')",
        "task == PANEL.name",
        "cast(SeriesFeatures, x)",
        "{TextFeatures: 1}",
        "{'text': 1, 'series': 2}",
        "match x:\n    case SeriesData(): pass",
        "match x:\n    case 'series': pass",
    ]
    assert all(any(map(decides, ast.walk(ast.parse(code)))) for code in seen)
    plain = ["isinstance(x, Path)", "name == 'words'", "{'text': body}", "match x:\n    case Dense(): pass"]
    assert not any(decides(node) for code in plain for node in ast.walk(ast.parse(code)))


if __name__ == "__main__":
    for path, line, code in decisions():
        print(f"{path}:{line}: {code[:150]}{' (excepted)' if excuses(path, code) else ''}")
