"""How much work a JSON schema is, and that ordinary ones are judged as the library judges them."""

import json

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core import json_schema
from shared.core.json_schema import VISITS_MAX, Schemas
from shared.core.schema_places import PLACES_MAX, REFERENCES_MAX, Places, TooLarge
from shared.core.schema_visits import Visits
from tests.core.dataset.worst import chain, fan, unevaluated


def judged(schema, value):
    """What is said of a value, and what was not done."""
    schemas = Schemas()
    made = schemas.of(schema)
    return made.violation(value, json.dumps(value)), schemas.work


def visits(schema, value, most=VISITS_MAX):
    return Visits(Places(schema, lambda _: 1)).of(value, most)[0]


def test_a_schema_that_is_visited_too_often_is_not_run():
    """Each of six levels asks eight times for the next: 1.6 KB that filled the memory."""
    said, work = judged(fan(8, 7), {"a": "x"})

    assert (said, work.passed_over) == (None, 1)
    assert judged(fan(8, 200), {"a": "x"})[1].passed_over == 1


def test_below_the_bound_the_library_decides_and_words_are_short():
    said, work = judged(fan(8, 6), {"a": "x"})

    assert (said, work.passed_over) == ("the value does not fit its JSON schema", 0)
    assert judged(fan(8, 6), {"a": 1})[0] is None
    assert "is not valid under any of the schemas" in judged(fan(8, 2), {"a": "x"})[0]


@pytest.mark.parametrize("levels", range(1, 6))
def test_visits_are_counted_as_often_as_they_would_be_made(levels):
    assert visits(fan(8, levels), {"a": "x"}) == 1 + sum(2 * 8**i for i in range(levels + 1))
    assert visits(fan(8, 100), {"a": "x"}) == VISITS_MAX + 1  # counting itself is short


def test_what_contains_itself_is_counted_by_the_value():
    tree = {"type": "object", "properties": {"next": {"$ref": "#"}, "name": {"type": "string"}}}
    value = {"name": "a"}
    for _ in range(50):
        value = {"name": "a", "next": value}

    assert visits(tree, value) == 51 * 2 + 50
    assert judged(tree, value)[0] is None
    assert judged(tree, {"next": {"next": {"name": 1}}})[0] == '1 is not of type "string"'


@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [{"$ref": "#"}]},
        {"$defs": {"a": {"$anchor": "q", "type": "integer"}}, "$ref": "#q"},
        {"$defs": {"a": {"$id": "http://x/y", "$defs": {"b": {}}, "$ref": "#/$defs/b"}}, "$ref": "#/$defs/a"},
        unevaluated(25),
        chain(REFERENCES_MAX + 1),
        {"anyOf": [{"type": "integer"}] * PLACES_MAX},
        {"description": "x" * json_schema.SCHEMA_BYTES_MAX},
    ],
    ids=["circle", "anchor", "renamed", "unevaluated", "references", "places", "bytes"],
)
def test_what_cannot_be_bounded_is_not_run_and_is_no_fault(schema):
    schemas = Schemas()
    made = schemas.of(schema)

    assert made.violation({"z": 1}, '{"z": 1}') is None
    assert made.fault is None
    assert schemas.work.passed_over == 1


@pytest.mark.slow
def test_the_work_of_a_file_has_an_end_and_grows_with_the_file():
    schemas = Schemas()
    made = schemas.of(fan(8, 6))
    said = [made.violation({"a": "x"}, '{"a": "x"}') for _ in range(300)]
    passed = schemas.work.passed_over

    assert 0 < passed < 300
    assert said == ["the value does not fit its JSON schema"] * (300 - passed) + [None] * passed
    schemas.work.begin(2, 1_000_000)
    assert made.violation({"a": "x"}, '{"a": "x"}') is not None


@pytest.mark.parametrize(
    ("schema", "fitting", "other"),
    [
        ({"properties": {"a": {"pattern": "^(?=x)x+$"}, "b": {"type": "integer"}}}, {"a": "y", "b": 1}, {"b": "z"}),
        ({"properties": {"a": {"not": {"pattern": "(a)\\1"}}, "b": {"type": "integer"}}}, {"a": "y"}, {"b": "z"}),
        ({"oneOf": [{"properties": {"a": {"pattern": "(?=x)"}}}, {"required": ["b"]}]}, {"a": "y", "b": 1}, None),
        ({"patternProperties": {"^(?!y)": {"type": "integer"}}, "additionalProperties": False}, {"a": 1, "y": 1}, None),
        ({"if": {"properties": {"a": {"pattern": "(?=x)"}}}, "then": {"required": ["b"]}}, {"a": "y"}, None),
        ({"not": {"$ref": "#/$defs/p"}, "$defs": {"p": {"properties": {"a": {"pattern": "(?=x)"}}}}}, {"a": "y"}, None),
        ({"properties": {"a": {"pattern": "(?:\\p{L}{100}){100}"}}}, {"a": "y"}, None),
    ],
)  # fmt: skip
def test_a_pattern_that_the_engine_does_not_take_is_not_checked_and_the_rest_is(schema, fitting, other):
    schemas = Schemas()
    made = schemas.of(schema)

    assert made.fault is None or "{100}" in json.dumps(schema)
    assert made.violation(fitting, json.dumps(fitting)) is None
    assert other is None or made.violation(other, json.dumps(other)) == '"z" is not of type "integer"'
    assert made.fault or len(schemas.work.unchecked) == 1


def test_a_pattern_that_is_none_is_still_a_fault():
    assert Schemas().of({"properties": {"a": {"pattern": "("}}}).fault == (
        ".properties.a.pattern",
        '"(" is not a "regex"',
    )
    assert Schemas().of({"$ref": "#/$defs/none"}).fault is not None
    assert Schemas().of({"type": "dict"}).fault is not None


values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "ab", "2026-11-28", "é"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
schemas_of_kinds = st.recursive(
    st.sampled_from(
        [
            *(
                {},
                True,
                False,
                {"type": "string"},
                {"type": "integer"},
                {"enum": ["a", 1]},
                {"const": {"a": 1}},
            ),
            *(
                {"pattern": "^a"},
                {"pattern": "[0-9]{4}"},
                {"minLength": 1},
                {"required": ["a"]},
                {"uniqueItems": True},
            ),
        ]
    ),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=3)}),
        st.fixed_dictionaries({"additionalProperties": inner}),
        st.fixed_dictionaries({"items": inner}),
        st.fixed_dictionaries({"not": inner}),
        *(
            st.fixed_dictionaries({key: st.lists(inner, min_size=1, max_size=3)})
            for key in ("anyOf", "oneOf", "allOf")
        ),
        st.fixed_dictionaries({"patternProperties": st.fixed_dictionaries({"^[ab]": inner})}),
        st.fixed_dictionaries({"if": inner, "then": inner, "else": inner}),
        st.fixed_dictionaries(
            {"properties": st.just({"a": {"$ref": "#"}}), "anyOf": st.lists(inner, min_size=1)}
        ),
    ),
    max_leaves=12,
)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(schemas_of_kinds.filter(lambda schema: isinstance(schema, dict)), values)
def test_ordinary_schemas_are_judged_as_the_library_judges_them(schema, value):
    said, work = judged(schema, value)

    assert (said is None) == jsonschema_rs.validator_for(schema).is_valid(value)
    assert (work.passed_over, work.unchecked) == (0, {})


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(schemas_of_kinds.filter(lambda schema: isinstance(schema, dict)), values)
def test_no_value_takes_more_visits_than_the_bound_without_the_value_says(schema, value):
    counter = Visits(Places(schema, lambda _: 3))
    bounds = counter.bounds()
    text = json.dumps(value)

    if bounds is not None:
        found = 1 + text.count(",") + text.count("[") + text.count("{")
        assert counter.of(value, 10**9)[0] <= bounds[0] + bounds[1] * found + bounds[2] * len(text)


def test_a_schema_that_is_too_large_says_so():
    with pytest.raises(TooLarge):
        Places(chain(REFERENCES_MAX + 1), lambda _: 1)
