"""The description of a server's routes for programs (OpenAPI), and the same as a page."""

import json
from collections.abc import Iterator
from html import escape
from importlib import metadata
from typing import Any

from seqconv.metrics.records import Json
from seqconv.reports.page import build_page, draw_note, draw_table
from seqconv.serving.models import Models, Served
from seqconv.tasks.kinds import find_task

TEXT = {"type": "string"}
ERROR = {"type": "object", "properties": {"error": TEXT}, "required": ["error"]}
# options of explanations -> what they may be
CHOICES = {"class": "classes", "target": "targets", "lead": "leads"}
REFUSALS = {
    "400": "not strict JSON",
    "401": "no token, or another",
    "408": "the request came too slowly",
    "413": "the request is too large",
    "415": "the Content-Type is not application/json, or the body is packed",
    "421": "the server is not called by its name",
    "422": "the model cannot process the request; the error says what must hold",
    "503": "too many requests wait; Retry-After says when to ask again",
}


def build_document(models: Models, token: bool) -> Json:
    """The OpenAPI document.

    Args:
        token: requests must show one.

    Reference: OpenAPI Specification 3.1.0.
    """
    paths: Json = {
        "/health": _get("Whether the server runs", open_=True),
        "/ready": _get("Whether it takes requests", open_=True),
        "/metrics": _get("Numbers for Prometheus", "text/plain"),
        "/models": _get("The models that are served"),
        "/openapi.json": _get("This document"),
    }
    for prefix, served in _list_places(models):
        paths |= _describe(prefix, served)
    secured: Json = {"security": [{"bearer": []}]} if token else {}
    schemes: Json = {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}} if token else {}
    return {
        "openapi": "3.1.0",
        "info": {"title": "seqconv", "version": metadata.version("seqconv")},
        "paths": paths,
        "components": {"schemas": {"Error": ERROR}, **schemes},
        **secured,
    }


def _list_places(models: Models) -> Iterator[tuple[str, Served]]:
    yield "", models.first
    for each in models:
        yield f"/models/{each.name}", each


def _get(summary: str, media: str = "application/json", open_: bool = False) -> Json:
    found: Json = {"summary": summary, "responses": {"200": {"description": "OK", "content": {media: {}}}}}
    return {"get": found | ({"security": []} if open_ else {})}


def _describe(prefix: str, served: Served) -> Json:
    """The routes of one model."""
    about, bundle = served.now.about, served.now.predictor.bundle
    task = find_task(bundle.recipe)
    example = task.form.request(about)
    asked: Json = {
        "type": "object",
        "properties": {task.key: {"type": "array", "items": task.form.item(about), "minItems": 1}},
        "required": [task.key],
        "additionalProperties": False,
    }
    top = {"top": {"type": "integer", "minimum": 1}} if "classes" in about else {}
    options = {name: {"enum": about[CHOICES[name]]} if CHOICES.get(name) in about else TEXT for name in task.options}
    one = {task.key: asked["properties"][task.key] | ({"maxItems": 1} if task.piece else {})}
    answers = {"type": "object", "properties": {"predictions": {"type": "array", "items": {"type": "object"}}}}
    name = f"{served.name}: " if prefix else ""
    return {
        prefix or "/model": _get(f"{name}What the model reads and answers"),
        f"{prefix}/predict": {
            "post": _post(f"{name}Predictions", _with(asked, top), answers | {"required": ["predictions"]}, example)
        },
        f"{prefix}/explain": {
            "post": _post(
                f"{name}An explanation of one answer", _with(asked, one | options), {"type": "object"}, example
            )
        },
    }


def _with(schema: Json, options: Json) -> Json:
    return schema | {"properties": schema["properties"] | options}


def _post(summary: str, asked: Json, answer: Json, example: str) -> Json:
    error = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}
    return {
        "summary": summary,
        "requestBody": {
            "required": True,
            "description": f"such as {example}",
            "content": {"application/json": {"schema": asked}},
        },
        "responses": {
            "200": {"description": "OK", "content": {"application/json": {"schema": answer}}},
            **{status: {"description": why, **error} for status, why in REFUSALS.items()},
        },
    }


def build_document_page(document: Json) -> str:
    """The document for people: each route and what it takes, and what is refused."""
    lead = f"<h1>Routes</h1>\n{draw_note('For programs: GET /openapi.json')}"
    sections = []
    for path, methods in document["paths"].items():
        for method, found in methods.items():
            sections.append((f"{method.upper()} {path}", _draw(found)))
    refusals = draw_table(["status", "why"], [[*each] for each in REFUSALS.items()], "What a POST is refused for")
    sections.append(("Refusals", refusals))
    return build_page("seqconv: routes", lead, sections)


def _draw(found: Json) -> str:
    parts = [draw_note(found["summary"])]
    body: Any = found.get("requestBody")
    if body:
        schema = json.dumps(body["content"]["application/json"]["schema"], indent=1)
        parts.append(draw_note(f"Takes JSON, {body['description']}"))
        parts.append(f'<details><summary>Its schema</summary><pre tabindex="0">{escape(schema)}</pre></details>')
    return "\n".join(parts)
