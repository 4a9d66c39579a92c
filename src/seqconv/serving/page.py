"""The page of a served model: a place to type or paste an example, its answer, and how to ask from elsewhere."""

import json
from html import escape
from importlib.resources import files
from typing import Any

from seqconv.reports.page import build_page, draw_facts, draw_note
from seqconv.tasks.task import Form

SCRIPT = "".join(files(__package__).joinpath(name).read_text("utf-8") for name in ("page.js", "page_files.js"))


def build_server_page(about: dict[str, Any], form: Form, example: str = "") -> str:
    """The page of a model.

    Args:
        about: what `requests.describe_model` gives.
        form: of the model's task.
        example: what the box holds at first; empty: nothing.
    """
    name, placeholder = about["name"], escape(form.placeholder(about))
    columns = [about["text_column"], *about["columns"]] if "text_column" in about else []
    data = {
        "takes": about["takes"],
        "reader": form.reader,
        "target": (about.get("targets") or [""])[0],
        "ids": json.dumps(about.get("ids", [])),
        "channels": json.dumps(about.get("channels", [])),
        "columns": json.dumps(columns),
        "rows": about.get("rows_needed", 0),
    }
    attributes = " ".join(f'data-{key}="{escape(str(each))}"' for key, each in data.items())
    scores = about.get("scores")
    hint = "The example is made up: replace it with your own. " if example else ""
    typing = '<label><input type="checkbox" id="typing" checked> Explain while I type</label>'
    lead = [
        f"<h1>{escape(name)}</h1>\n{draw_note(scores['verdict']) if scores else ''}",
        f"<form {attributes}>",
        f'<p class="soft"><label for="asked">{form.label}</label></p>',
        f'<textarea id="asked" rows="8" spellcheck="false" placeholder="{placeholder}">\n{escape(example)}</textarea>',
        f'<p class="soft">{hint}Ctrl+Enter predicts.</p>',
        '<button value="predict">Predict</button> <button value="explain">Explain</button>',
        typing if form.typing and not columns else "",
        f'<p class="soft"><label for="file">Or a file, chosen or dropped here: {form.file}</label></p>',
        '<input type="file" id="file" accept=".csv,.tsv,.txt,.json,.jsonl">',
        '<progress id="progress" aria-label="Examples answered" hidden></progress> <a id="download" hidden></a>',
        "</form>",
        '<p class="verdict" id="said" aria-live="polite"></p>\n<div id="shown"></div>',
        '<details id="raw" hidden><summary>The answer as JSON</summary><pre id="whole" tabindex="0"></pre></details>',
    ]
    command = f"curl -H Content-Type:application/json -d '{form.request(about)}' ADDRESS/predict"
    facts = {key.replace("_", " "): fact for key, fact in about.items() if fact is not None and key != "scores"}
    outside = f'<pre id="curl" tabindex="0">{escape(command)}</pre>\n<script>\n{SCRIPT}</script>'
    return build_page(name, "\n".join(lead), [("From a command line", outside), ("Model", draw_facts(facts))])
