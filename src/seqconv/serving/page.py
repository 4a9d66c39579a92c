"""The page of a served model: a place to type or paste an example, its answer, and how to ask from elsewhere."""

import json
from html import escape
from importlib.resources import files
from typing import Any

from seqconv.reports.page import build_page, draw_facts, draw_note
from seqconv.tasks.task import Form

SCRIPT = files(__package__).joinpath("page.js").read_text("utf-8")


def build_server_page(about: dict[str, Any], form: Form, example: str = "") -> str:
    """The page of a model.

    Args:
        about: what `requests.describe_model` gives.
        form: of the model's task.
        example: what the box holds at first; empty: nothing.
    """
    name, placeholder = about["name"], escape(form.placeholder(about))
    target, ids = escape((about.get("targets") or [""])[0]), escape(json.dumps(about.get("ids", [])))
    scores = about.get("scores")
    hint = "The example is made up: replace it with your own. " if example else ""
    lead = (
        f"<h1>{escape(name)}</h1>\n{draw_note(scores['verdict']) if scores else ''}\n"
        f'<form data-takes="{about["takes"]}" data-reader="{form.reader}" data-target="{target}" data-ids="{ids}">\n'
        f'<p class="soft"><label for="asked">{form.label}</label></p>\n'
        f'<textarea id="asked" rows="8" spellcheck="false" placeholder="{placeholder}">\n{escape(example)}</textarea>\n'
        f'<p class="soft">{hint}Ctrl+Enter predicts.</p>\n'
        '<button value="predict">Predict</button> <button value="explain">Explain</button>\n</form>\n'
        '<p class="verdict" id="said" aria-live="polite"></p>\n<div id="shown"></div>\n'
        '<details id="raw" hidden><summary>The answer as JSON</summary><pre id="whole" tabindex="0"></pre></details>'
    )
    command = f"curl -H Content-Type:application/json -d '{form.request(about)}' ADDRESS/predict"
    facts = {key.replace("_", " "): fact for key, fact in about.items() if fact is not None and key != "scores"}
    outside = f'<pre id="curl" tabindex="0">{escape(command)}</pre>\n<script>\n{SCRIPT}</script>'
    return build_page(name, lead, [("From a command line", outside), ("Model", draw_facts(facts))])
