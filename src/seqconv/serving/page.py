"""The page of a served model: a place to type or paste an example, its answer, and how to ask from elsewhere."""

from html import escape
from typing import Any

from seqconv.reports.page import build_page, draw_facts
from seqconv.tasks.task import Form

# what is typed reaches the page as text alone, never as HTML
SCRIPT = r"""<script>
const form = document.querySelector("form"), { takes, reader } = form.dataset;
const [asked, said, whole, curl] = ["asked", "said", "whole", "curl"].map((id) => document.getElementById(id));
const cells = (text) => text.split(/\r?\n/).filter((line) => line.trim()).map((line) =>
  line.split(/[,;\t]/).map((cell) => cell.trim().replace(/^"(.*)"$/, "$1")));
const value = (cell) => cell && isFinite(cell) ? Number(cell) : cell || null;
const read = {
  text: (text) => [text],
  steps: (text) => [cells(text).map((step) => step.map(value))],
  rows: (text) => {
    const [names, ...rows] = cells(text);
    return rows.map((row) => Object.fromEntries(row.map((cell, i) => [names[i] ?? `column ${i + 1}`, value(cell)])));
  },
};
const round = (number) => number === null ? "no number" : Number(number.toPrecision(5));
const tell = (one) => one.target ? `${one.target} in ${one.lead}: ${round(one.prediction)}`
  + ("low" in one ? ` (${round(one.low)} to ${round(one.high)})` : "")
  : [one.prediction].flat().join(", ") || "none of the classes";
const place = (one) => one.span ?? `${one.input}, ${one.from} to ${one.to}`;
const part = (one) => String(round(one.contribution)).padEnd(12) + place(one);
const list = (one) => [one.class ?? one.output, ...one.parts.slice(0, 12).map(part)].join("\n");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  said.textContent = whole.textContent = "";
  try {
    const body = JSON.stringify({ [takes]: read[reader](asked.value) });
    const headers = { "Content-Type": "application/json" };
    const answer = await (await fetch(event.submitter.value, { method: "POST", headers, body })).json();
    if (answer.error) said.textContent = answer.error;
    else if (answer.predictions) {
      said.textContent = answer.predictions.slice(0, 4).map(tell).join("; ");
      whole.textContent = JSON.stringify(answer, null, 1);
    } else whole.textContent = (answer.labels ?? [answer]).map(list).join("\n\n");
  } catch (error) { said.textContent = String(error); }
});
curl.textContent = curl.textContent.replace("ADDRESS/", location.href);
</script>"""


def build_server_page(about: dict[str, Any], form: Form) -> str:
    """The page of a model.

    Args:
        about: what `requests.describe_model` gives.
        form: of the model's task.
    """
    name, placeholder = about["name"], escape(form.placeholder(about))
    lead = (
        f'<h1>{escape(name)}</h1>\n<form data-takes="{about["takes"]}" data-reader="{form.reader}">\n'
        f'<p class="soft"><label for="asked">{form.label}</label></p>\n'
        f'<textarea id="asked" rows="8" spellcheck="false" placeholder="{placeholder}"></textarea>\n'
        '<button value="predict">Predict</button> <button value="explain">Explain</button>\n</form>\n'
        '<p class="verdict" id="said" aria-live="polite"></p>\n<pre id="whole"></pre>'
    )
    command = f"curl -H Content-Type:application/json -d '{form.request(about)}' ADDRESS/predict"
    facts = {key.replace("_", " "): fact for key, fact in about.items() if fact is not None}
    outside = f'<pre id="curl">{escape(command)}</pre>\n{SCRIPT}'
    return build_page(name, lead, [("From a command line", outside), ("Model", draw_facts(facts))])
