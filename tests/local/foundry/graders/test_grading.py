"""graders/validate and graders/run, by the openai client of a project."""

import openai
import pytest

OUTPUT, ANSWER = "{{ sample.output_text }}", "{{item.answer}}"
STRING = {"type": "string_check", "name": "same", "operation": "eq", "input": OUTPUT, "reference": ANSWER}
SIMILAR = {
    "type": "text_similarity",
    "name": "like",
    "evaluation_metric": "rouge_l",
    "input": OUTPUT,
    "reference": ANSWER,
}
PYTHON = {
    "type": "python",
    "name": "code",
    "source": "def grade(sample, item):\n    return len(sample['output_text']) / 10",
}


def code(line):
    return PYTHON | {"source": f"def grade(sample, item):\n    {line}"}


MODEL = {
    "type": "score_model", "name": "judge", "model": "gpt-4.1", "range": [0, 10],
    "input": [{"role": "user", "content": "Grade from 0 to 10.\n\nReference: {{item.answer}}\nResponse: {{sample.output_text}}"}],
}  # fmt: skip
MULTI = {
    "type": "multi", "name": "both", "graders": {"same": STRING, "like": SIMILAR},
    "calculate_output": "0.5 * same + 0.5 * max(like, 0.2)^2",
}  # fmt: skip


@pytest.fixture(scope="module")
def run(client):
    """Grade one sample."""

    def graded(grader, sample="forty two", item=None):
        found = {"answer": "forty two"} if item is None else item
        return client.fine_tuning.alpha.graders.run(grader=grader, model_sample=sample, item=found)

    return graded


def said(error):
    """Errors that a run reports."""
    return {name for name, value in error.model_dump(by_alias=True).items() if value is True}


@pytest.mark.parametrize("grader", [STRING, SIMILAR, PYTHON, MODEL, MULTI], ids=lambda grader: grader["type"])
def test_a_sound_grader_is_echoed(client, grader):
    raw = client.fine_tuning.alpha.graders.with_raw_response.validate(
        grader=grader
    )  # the client's own types mistake multi

    assert raw.http_response.json() == {"grader": grader}


@pytest.mark.parametrize(
    ("grader", "words"),
    [
        ({"type": "magic", "name": "x"}, "'magic'"),
        (STRING | {"operation": "same"}, "operation"),
        (STRING | {"input": "{{ answer }}"}, "neither an item nor a sample variable"),
        (STRING | {"input": "{{ sample.text }}"}, "not a variable of a sample"),
        (SIMILAR | {"evaluation_metric": "cosine"}, "evaluation_metric"),
        (PYTHON | {"source": "def grade(:"}, "does not compile"),
        (PYTHON | {"source": "x = 1"}, "must define grade"),
        (PYTHON | {"source": "#" * 256_001}, "256000 bytes"),
        (MODEL | {"range": [1, 1]}, "range"),
        (MODEL | {"model": "llama"}, "cannot be used as a grader"),
        (MULTI | {"calculate_output": "same + other"}, "unknown names other"),
        (MULTI | {"calculate_output": "same +"}, "not a formula"),
        (MULTI | {"graders": {"inner": MULTI}}, "cannot hold another"),
        ({"type": "endpoint", "name": "x", "url": "https://example.test"}, "private preview"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_wrong_grader_is_refused_and_says_why(client, run, grader, words):
    for call in (run, lambda it: client.fine_tuning.alpha.graders.validate(grader=it)):
        with pytest.raises(openai.BadRequestError) as caught:
            call(grader)
        assert words in caught.value.message


@pytest.mark.parametrize(
    ("grader", "sample", "reward"),
    [
        (STRING, "forty two", 1),
        (STRING, "forty", 0),
        (STRING | {"operation": "ilike"}, "It is Forty Two.", 1),
        (SIMILAR, "forty", 2 / 3),
        (PYTHON, "12345", 0.5),
        (MODEL, "forty two", 10),
        (MODEL, "cheese", 0),
        (MULTI, "forty", 0.5 * (2 / 3) ** 2),
    ],
    ids=str,
)
def test_rewards(run, grader, sample, reward):
    found = run(grader, sample)

    assert found.reward == pytest.approx(reward)
    assert said(found.metadata.errors) == set()
    assert (found.metadata.name, found.metadata.type) == (grader["name"], grader["type"])


def test_the_answer_has_all_keys_of_the_clients_types(run):
    found = run(MULTI, "forty").to_dict()

    assert found["sub_rewards"].keys() == MULTI["graders"].keys()
    assert len(found["metadata"]["errors"]) == 14
    assert found["metadata"]["execution_time"] >= 0
    assert run(MODEL).api_model_grader_token_usage_per_model["gpt-4.1"]["prompt_tokens"] > 20


@pytest.mark.parametrize(
    ("grader", "item", "error"),
    [
        (STRING | {"reference": "{{item.other}}"}, {}, "invalid_variable_error"),
        (STRING | {"input": "{{sample.output_json.x}}"}, None, "sample_parse_error"),
        (MULTI | {"calculate_output": "log(same - 1)"}, None, "formula_parse_error"),
        (code("return item['nothing']"), None, "python_grader_runtime_error"),
        (code("__import__('socket').create_connection(('localhost', 1))"), None, "python_grader_runtime_error"),
        (code("__import__('os').system('true')"), None, "python_grader_runtime_error"),
        (code("open('x', 'w')"), None, "python_grader_runtime_error"),
        (code("return len(bytearray(4 * 1024**3))"), None, "python_grader_runtime_error"),
        (code("return float(__import__('os').environ['HOME'])"), None, "python_grader_runtime_error"),
    ],
    ids=["no field", "no json", "no value", "raises", "network", "process", "file", "memory", "environment"],
)  # fmt: skip
def test_what_cannot_be_graded_is_worth_nothing_and_says_why(run, grader, item, error):
    found = run(grader, item=item)

    assert found.reward == 0
    assert said(found.metadata.errors) == {error}


def test_a_python_grader_uses_numpy_and_sees_the_item(run):
    source = "import numpy as np\ndef grade(sample, item):\n    return float(np.mean(item['numbers']))"

    assert run(PYTHON | {"source": source}, item={"numbers": [1, 2, 6]}).reward == 3
