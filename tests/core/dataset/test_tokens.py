"""Token counts."""

from shared.core.dataset.format import FORMATS, ROLES
from shared.core.dataset.limits import epochs_of
from shared.core.dataset.rows import tokens
from shared.core.dataset.rows.texts import texts_of_row
from shared.core.spec import MethodType
from tests.core.dataset.rows import CALLING, TOOL, USER, chat, inspect, lines


def test_known_texts_have_their_published_counts():
    # From OpenAI's cookbook "How to count tokens with tiktoken", o200k_base.
    assert tokens.count(
        ["antidisestablishmentarianism", "2 + 2 = 4", "お誕生日おめでとう", "", "<|endoftext|>"]
    ) == [6, 7, 8, 0, 7]


def test_every_role_is_one_token():
    assert tokens.count(ROLES) == [tokens.ROLE_TOKENS] * len(ROLES)


def test_an_example_is_its_texts_and_the_frame_of_the_cookbook():
    content = tokens.count(["What is 2 + 2?", "Ada", "4"])
    row = chat({**USER, "name": "Ada"}, {"role": "assistant", "content": "4"})

    summary, _ = inspect(lines(row))

    assert list(summary.tokens) == [sum(content) + 3 + 2 * (3 + 1) + 1]


def test_tools_and_calls_count_as_compact_json():
    plain, _ = inspect(lines(chat(USER, {"role": "assistant", "content": "x"})))
    tools, _ = inspect(lines(chat(USER, CALLING, tools=[TOOL])))

    extra = tokens.count(
        [
            '[{"id":"call_1","type":"function","function":{"name":"price","arguments":"{\\"symbol\\": \\"MSFT\\"}"}}]',
            '[{"type":"function","function":{"name":"price","parameters":{"type":"object"}}}]',
        ]
    )
    assert tools.used_tokens == plain.used_tokens - tokens.count(["x"])[0] + sum(extra)


def test_automatic_epochs_are_assumed_and_reported():
    assert epochs_of("auto") == epochs_of(None) == (3, True)
    assert epochs_of(5) == (5, False)


def test_preference_pairs_count_both_outputs():
    row = {"input": {"messages": [USER]}, "preferred_output": [{"role": "assistant", "content": "4"}]}
    row |= {"non_preferred_output": [{"role": "assistant", "content": "5"}]}

    assert sorted(texts_of_row(row, FORMATS[MethodType.DPO]).counted) == ["4", "5", "What is 2 + 2?"]
