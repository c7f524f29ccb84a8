"""Templates of a reinforcement grader, held against the schema of the answers before anything is sent."""

import json
from pathlib import Path

import pytest

from shared.core.pipeline.file import PipelineFileError, parse_pipeline

AT = "method.reinforcement"
WITH_A = {"type": "object", "properties": {"a": {"type": "string"}}}
COUNTDOWN = Path(__file__).parents[4] / "shared" / "data" / "rft-countdown"
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "expression": {"type": "string"},
        "parts": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
        "either": {"anyOf": [{"type": "string"}, {"type": "object"}]},
        "maybe": {"type": ["object", "null"], "properties": {"x": {}}, "additionalProperties": False},
        "open": {"type": "object", "properties": {"name": {"type": "string"}}},
        "any": {},
        "never": True,
    },
}


def parsed(input_, response_format=None, **grader):
    """Problems and notes of a pipeline with such a grader, as (path, message)."""
    block = {
        "grader": {
            "type": "string_check",
            "name": "g",
            "operation": "eq",
            "input": input_,
            "reference": "{{sample.output_text}}",
        }
        | grader
    }
    if response_format is not None:
        block["response_format"] = response_format
    text = json.dumps(
        {"model": "o4-mini-2025-04-16", "method": {"type": "reinforcement", "reinforcement": block}}
    )
    try:
        return [], [(note.path, note.message) for note in parse_pipeline(text, name="p").notes]
    except PipelineFileError as error:
        return [(problem.path, problem.message) for problem in error.problems], []


def following(schema):
    return {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": schema}}


@pytest.mark.parametrize(
    "template",
    [
        "{{sample.output_text}}",
        "{{ sample.output_json }}",
        "{{sample.output_json.expression}}",
        "{{sample.output_json.parts}} of {{item.numbers}}",
        "{{sample.output_json.either.x}}",
        "{{sample.output_json.maybe.x}}",
        "{{sample.output_json.any.x.y}}",
        "{{sample.output_json.never.x}}",
        "{{sample.output_tools}}",
    ],
)
def test_what_an_answer_can_have_is_accepted(template):
    assert parsed(template, following(SCHEMA)) == ([], [])


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{sample.output_json.expresion}}", "no 'expresion'; did you mean expression?"),
        ("{{sample.output_json.result}}", "no 'result'"),
        ("{{sample.output_json.expression.x}}", "'x' is read from objects, but there the schema has string"),
        ("{{sample.output_json.maybe.y}}", "no 'y'"),
        ("{{sample.output_txt}}", "no 'output_txt'; did you mean output_text?"),
        ("{{answer}}", "neither {{item.FIELD}} nor"),
        ("{{samples.output_text}}", "neither {{item.FIELD}} nor"),
        ("{{sample.output_json.parts.name}}", "'name' is read from objects, but there the schema has array"),
    ],
)
def test_what_no_answer_can_have_is_refused_with_its_place(template, words):
    ((path, message),), notes = parsed(template, following(SCHEMA))

    assert path == f"{AT}.grader.input"
    assert words in message
    assert notes == []


@pytest.mark.parametrize(
    ("template", "response_format", "words"),
    [
        ("{{sample.output_json.parts[0].name}}", following(SCHEMA), "has an index"),
        ("{{item.numbers[0]}}", None, "has an index"),
        ("{{sample.output_json.open.id}}", following(SCHEMA), "no 'id'"),
        ("{{sample.output_json.x}}", None, "no response_format asks for it"),
        ("{{sample.output_text", None, "never closed"),
    ],
)
def test_what_is_unusual_is_a_note(template, response_format, words):
    problems, ((path, message),) = parsed(template, response_format)

    assert problems == []
    assert path == f"{AT}.grader.input"
    assert words in message


def test_an_index_into_no_list_is_refused():
    problems, _ = parsed("{{sample.output_json.maybe[0]}}", following(SCHEMA))

    assert [message.partition(": ")[2] for _, message in problems] == [
        "0 is read from arrays, but there the schema has object or null"
    ]


@pytest.mark.parametrize(
    ("response_format", "path", "words"),
    [
        ({"type": "json_schema"}, AT + ".response_format", "the schema is missing"),
        (
            {"type": "json_schema", "json_schema": 1},
            AT + ".response_format.json_schema",
            "expected a mapping, found number 1",
        ),
        (
            {"type": "json_schema", "json_schema": WITH_A},
            AT + ".response_format.json_schema",
            "the schema itself stands here",
        ),
        (
            {"type": "json_schema", "json_schema": {"name": "x"}},
            AT + ".response_format.json_schema",
            "the schema is missing",
        ),
        (
            {"type": "json_schema", "json_schema": {"name": "x", "schema": "{}"}},
            AT + ".response_format.json_schema.schema",
            "expected a mapping, found text '{}'",
        ),
        (
            {"type": "json_schema", "json_schema": {"schema": WITH_A}},
            AT + ".response_format.json_schema",
            "name is missing",
        ),
        (
            {"type": "json_schema", "json_schema": {"name": "an answer", "schema": WITH_A}},
            AT + ".response_format.json_schema.name",
            "is not allowed here",
        ),
        (
            {"type": "json_schema", "json_schema": {"name": "x", "strict": "yes", "schema": WITH_A}},
            AT + ".response_format.json_schema.strict",
            "expected true or false",
        ),
        ({"type": "json_schema", "schema": WITH_A}, AT + ".response_format", "name is missing"),
        ({}, AT + ".response_format", "type is missing"),
        ({"format": {"type": "text"}}, AT + ".response_format", "type is missing"),
        (WITH_A, AT + ".response_format.type", "a JSON schema stands where its format is expected"),
        ({"type": "JSON_SCHEMA"}, AT + ".response_format.type", "did you mean json_schema?"),
        (
            following({"type": "object", "properties": {"a": {"type": "dict"}}}),
            AT + ".response_format.json_schema",
            "at schema.properties.a.type",
        ),
    ],
)
def test_a_schema_that_is_none_is_refused(response_format, path, words):
    ((at, message),), _ = parsed("{{sample.output_json.a}}", response_format)

    assert at == path
    assert words in message


@pytest.mark.parametrize(
    ("response_format", "words"),
    [
        ({"type": "xml"}, "type 'xml' is not known"),
        ({"type": "json_object"}, "JSON without a schema"),
        ({"type": "text"}, "no response_format asks for it"),
    ],
)
def test_another_kind_of_format_is_a_note(response_format, words):
    problems, notes = parsed("{{sample.output_json.a}}", response_format)

    assert problems == []
    assert words in notes[0][1]


def test_answers_that_are_texts_have_nothing_to_report():
    assert parsed("{{sample.output_text}}", {"type": "text"}) == ([], [])


def test_a_flat_schema_is_taken_and_sent_as_a_job_has_it():
    flat = {"type": "json_schema", "name": "puzzle", "strict": True, "schema": SCHEMA}
    block = {
        "grader": {"type": "python", "name": "g", "source": "def grade(sample, item): return 1"},
        "response_format": flat,
    }
    text = json.dumps({"model": "o4-mini", "method": {"type": "reinforcement", "reinforcement": block}})
    found = parse_pipeline(text, name="p")

    assert found.spec.method.response_format == {
        "type": "json_schema",
        "json_schema": {"name": "puzzle", "strict": True, "schema": SCHEMA},
    }
    assert [note.path for note in found.notes] == [f"{AT}.response_format.schema"]
    assert (
        "'expresion'; did you mean expression?" in parsed("{{sample.output_json.expresion}}", flat)[0][0][1]
    )


def test_the_code_of_a_grader_and_what_is_there_twice_are_not_looked_at():
    assert parsed("{{sample.output_text}}", source="x = '{{nothing'") == ([], [])
    assert len(parsed("{{a}} {{a}}")[0]) == 1


def test_the_schema_is_looked_at_without_a_grader_too():
    block = {"response_format": {"type": "json_schema"}}
    text = json.dumps({"model": "o4-mini", "method": {"type": "reinforcement", "reinforcement": block}})
    with pytest.raises(PipelineFileError) as caught:
        parse_pipeline(text, name="p")

    assert [problem.path for problem in caught.value.problems] == [AT, f"{AT}.response_format"]


@pytest.mark.skipif(
    not COUNTDOWN.is_dir(), reason="the public datasets are not beside the repository (../shared)"
)
def test_a_public_grader_and_its_schema_have_nothing_to_report():
    grader = json.loads((COUNTDOWN / "grader.json").read_bytes())
    response_format = json.loads((COUNTDOWN / "response_schema.json").read_bytes())

    assert parsed("{{sample.output_json.expression}}", response_format, **grader) == ([], [])
