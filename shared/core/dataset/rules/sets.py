"""Rules about many rows at once: duplicates, leakage, balance, tokens.  Their functions take what was counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from shared.core.dataset.limits import FileFacts
from shared.core.dataset.rulebook import Problem, Scope, Severity, rule

#: Answers of at most this many characters, at most so many different ones, each in several rows, are labels.
LABEL_CHARS_MAX: Final = 60
LABELS_MAX: Final = 50
_LABELLED_ROWS_MIN: Final = 20


@rule(
    "DS007",
    Severity.WARNING,
    "Keep one of each, unless the repetition is on purpose; `on_issue: {DS007: repair}` does it.",
    on=Scope.SEVERAL,
)
def duplicate_row(first_line: int) -> Iterator[Problem]:
    """No example appears twice.

    Rows are compared as what they say: white space between keys, their order and escapes do not matter.  A repeated example
    counts double in training, and half of a pair in the evaluation set would make the score a memory test, so the split keeps
    equal rows on one side.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
        {"messages": [{"content": "Hi", "role": "user"}, {"role": "assistant", "content": "Hello"}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
        {"messages": [{"role": "user", "content": "Bye"}, {"role": "assistant", "content": "Hello"}]}
    """
    yield Problem(None, f"the row repeats line {first_line}")


@rule("DS008", Severity.WARNING, "Remove the row from one of the files.", on=Scope.SEVERAL)
def overlap(file: str, line: int, *, is_trained_on: bool = True) -> Iterator[Problem]:
    """Validation and evaluation rows are not trained on.

    Scores on rows that were trained on prove nothing.  Evaluation rows are looked for in the validation file too (by DS086 and
    DS087 as well): whoever chooses by the one has chosen by the other.

    Bad:
        10 x {"messages": [{"role": "user", "content": "{i} + 1?"}, {"role": "assistant", "content": "{i} and one"}]}
        validation: {"messages": [{"role": "user", "content": "1 + 1?"}, {"role": "assistant", "content": "1 and one"}]}
    Good:
        10 x {"messages": [{"role": "user", "content": "{i} + 1?"}, {"role": "assistant", "content": "{i} and one"}]}
        validation: {"messages": [{"role": "user", "content": "99 + 1?"}, {"role": "assistant", "content": "99 and one"}]}
    """
    proves = "nothing" if is_trained_on else "less"
    yield Problem(None, f"the row is line {line} of {file}, so scores on it prove {proves}")


@rule(
    "DS085",
    Severity.WARNING,
    "Remove one of them, unless the variation is on purpose; the split keeps them together.",
    on=Scope.SEVERAL,
)
def near_duplicate(like_line: int, similarity: float) -> Iterator[Problem]:
    """No two examples are near copies.

    Rows of at least some 25 words are compared by their sequences of three words (system messages and tool definitions
    aside, case and white space aside).  Rows that share 80 % of them are near copies; the share is estimated from a signature
    of 64 values per row, give or take 5 points.  Shorter rows are near copies if they differ in case and white space only.

    What at least ten rows share, and one of twenty, counts as their template and is not compared.  So ten near copies or more of one
    row are not found any more; DS106 says of how many rows too little was left to compare.

    Bad:
        {"messages": [{"role": "user", "content": "Summarise: the trial enrolled forty patients with stage two disease at three sites over two years, and half of them were given the new drug once a day while the others took a placebo of the same colour."}, {"role": "assistant", "content": "A placebo-controlled trial of forty patients."}]}
        {"messages": [{"role": "user", "content": "Summarise: the trial enrolled forty patients with stage two disease at three sites over two years, and half of them were given the new drug once a day while the others took a placebo of the same shape."}, {"role": "assistant", "content": "A placebo-controlled trial of forty patients."}]}
    Good:
        {"messages": [{"role": "user", "content": "Summarise: the trial enrolled forty patients with stage two disease at three sites over two years."}, {"role": "assistant", "content": "A trial of forty patients at three sites."}]}
        {"messages": [{"role": "user", "content": "Summarise: we review what is known about sleep in old age, from laboratory studies and from diaries."}, {"role": "assistant", "content": "A review of sleep in old age."}]}
    """
    yield Problem(None, f"about {similarity:.0%} of the row's word sequences are those of line {like_line}")


@rule(
    "DS106",
    Severity.NOTE,
    "Nothing needs to be done if they are made from a template; look for copies among them if not.",
    on=Scope.SEVERAL,
)
def not_compared(rows: int) -> Iterator[Problem]:
    """Every row is compared with the others for near copies.

    What at least ten rows share, and one of twenty, counts as a template (DS085).  Rows of at least some 25 words that have
    little beside it are compared as a whole only: they may be near copies of each other, and nobody says so.

    Bad:
        12 x {"messages": [{"role": "user", "content": "Summarise: the trial enrolled forty patients with stage two disease at three sites over two years, and half of them were given the new drug once a day while the others took a placebo of colour {i}."}, {"role": "assistant", "content": "A placebo-controlled trial."}]}
    Good:
        12 x {"messages": [{"role": "user", "content": "{i} + 1?"}, {"role": "assistant", "content": "{i} and one"}]}
    """
    if rows:
        what = "share most of what they say with at least nine others"
        yield Problem(None, f"{rows:,} rows {what}, so they were not compared for near copies")


@rule("DS086", Severity.WARNING, "Remove the row from one of the files.", on=Scope.SEVERAL)
def near_overlap(file: str, line: int, similarity: float) -> Iterator[Problem]:
    """No validation or evaluation row is a near copy of a training row.

    As DS085, between files.

    Bad:
        {"messages": [{"role": "user", "content": "Summarise: the trial enrolled forty patients with stage two disease at three sites over two years, and half of them were given the new drug once a day while the others took a placebo of the same colour."}, {"role": "assistant", "content": "A placebo-controlled trial of forty patients."}]}
        evaluation: {"messages": [{"role": "user", "content": "Summarise: the trial enrolled forty patients with stage two disease at three sites over two years, and half of them were given the new drug once a day while the others took a placebo of the same shape."}, {"role": "assistant", "content": "A placebo-controlled trial of forty patients."}]}
    Good:
        {"messages": [{"role": "user", "content": "Summarise: the trial enrolled forty patients with stage two disease at three sites over two years."}, {"role": "assistant", "content": "A trial of forty patients at three sites."}]}
        evaluation: {"messages": [{"role": "user", "content": "Summarise: we review what is known about sleep in old age, from laboratory studies and from diaries."}, {"role": "assistant", "content": "A review of sleep in old age."}]}
    """
    yield Problem(
        None,
        f"about {similarity:.0%} of the row's word sequences are those of line {line} of {file}",
    )


@rule(
    "DS048",
    Severity.NOTE,
    "Remove it, unless the model should write it; `on_issue: {DS048: repair}` does it.",
    on=Scope.FILE,
)
def surrounding_space(file: FileFacts) -> Iterator[Problem]:
    """Texts have no white space around them.

    White space at the ends is rarely meant, costs tokens, and the model learns to write it.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": " Hello"}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    if file.spaced_rows:
        where = f"the first one is line {file.first_spaced_line}"
        yield Problem(None, f"{file.spaced_rows:,} rows have texts with white space around them, {where}")


@rule(
    "DS087",
    Severity.WARNING,
    "Remove the row from one of the files, unless the same question has several good answers.",
    on=Scope.SEVERAL,
)
def prompt_overlap(file: str, line: int, *, is_spelled_alike: bool = True) -> Iterator[Problem]:
    """No validation or evaluation prompt is in the training data with another answer.

    The model has seen the question, so the score tells less about new questions.  For an evaluation file, prompts are compared
    without case, white space and punctuation between words, whatever the answer.

    Bad:
        {"messages": [{"role": "user", "content": "Name a primary colour."}, {"role": "assistant", "content": "Red"}]}
        evaluation: {"messages": [{"role": "user", "content": "Name a primary colour."}, {"role": "assistant", "content": "Blue"}]}
    Good:
        {"messages": [{"role": "user", "content": "Name a primary colour."}, {"role": "assistant", "content": "Red"}]}
        evaluation: {"messages": [{"role": "user", "content": "Name a planet."}, {"role": "assistant", "content": "Mars"}]}
    """
    spelled = "with another answer" if is_spelled_alike else "spelled otherwise"
    yield Problem(None, f"the prompt is that of line {line} of {file}, {spelled}")


@rule("DS088", Severity.NOTE, "Check which answer is right; keep both only if both are.", on=Scope.SEVERAL)
def conflicting_answers(first_line: int) -> Iterator[Problem]:
    """Equal prompts have equal answers.

    Different answers to one prompt teach the model to guess, unless variety is what you want.

    Bad:
        {"messages": [{"role": "user", "content": "Is the sky blue?"}, {"role": "assistant", "content": "Yes"}]}
        {"messages": [{"role": "user", "content": "Is the sky blue?"}, {"role": "assistant", "content": "No"}]}
    Good:
        {"messages": [{"role": "user", "content": "Is the sky blue?"}, {"role": "assistant", "content": "Yes"}]}
        {"messages": [{"role": "user", "content": "Is grass blue?"}, {"role": "assistant", "content": "No"}]}
    """
    yield Problem(None, f"the prompt is that of line {first_line}, the answer is another")


@rule(
    "DS089",
    Severity.WARNING,
    "Add examples of the rare labels, or remove some of the common one.",
    on=Scope.SEVERAL,
)
def label_imbalance(labels: Mapping[str, int], rows: int) -> Iterator[Problem]:
    """No label has almost all of the rows.

    Where at least 20 rows end with one of at most 50 short answers, these are taken for labels.  A label with more than 90 %
    of the rows teaches the model to give that label always; one with fewer than three rows is not learned.

    Bad:
        19 x {"messages": [{"role": "user", "content": "Mail number {i}"}, {"role": "assistant", "content": "spam"}]}
        {"messages": [{"role": "user", "content": "A letter"}, {"role": "assistant", "content": "ham"}]}
    Good:
        10 x {"messages": [{"role": "user", "content": "Mail number {i}"}, {"role": "assistant", "content": "spam"}]}
        10 x {"messages": [{"role": "user", "content": "Letter number {i}"}, {"role": "assistant", "content": "ham"}]}
    """
    if not are_labels(labels, rows):
        return
    label, count = max(labels.items(), key=lambda item: (item[1], item[0]))
    if count > 0.9 * rows:
        yield Problem(None, f"{count} of {rows} rows have the same answer", label)
    rare = sorted(label for label, count in labels.items() if count < 3)
    if rare:
        yield Problem(None, f"{len(rare)} of {len(labels)} labels have fewer than three rows", rare[0])


def are_labels(labels: Mapping[str, int], rows: int) -> bool:
    """Whether short answers repeat so much that they are labels: at least 20 rows, 2 to 50 answers, 5 rows each on average."""
    return rows >= _LABELLED_ROWS_MIN and 2 <= len(labels) <= LABELS_MAX and rows >= 5 * len(labels)


@rule(
    "DS090",
    Severity.NOTE,
    "Split or shorten the longest rows, if they are not what the model is for.",
    on=Scope.SEVERAL,
)
def length_imbalance(rows: int, share: float) -> Iterator[Problem]:
    """The longest rows do not hold most of the tokens.

    Tokens are what is paid for and what is learned: where one row in a hundred holds more than 30 % of them, these rows decide
    what the model learns.  Looked at from 100 rows on.

    Bad:
        100 x {"messages": [{"role": "user", "content": "{i} + 1?"}, {"role": "assistant", "content": "{i} and one"}]}
        words=2000: {"messages": [{"role": "user", "content": "Tell me a story."}, {"role": "assistant", "content": "{words}"}]}
    Good:
        100 x {"messages": [{"role": "user", "content": "{i} + 1?"}, {"role": "assistant", "content": "{i} and one"}]}
    """
    if rows >= 100 and share > 0.3:
        yield Problem(None, f"the longest {rows // 100} of {rows} rows hold {share:.0%} of the tokens")


@rule(
    "DS091",
    Severity.WARNING,
    "Use one system message everywhere, the one that the application will send.",
    on=Scope.SEVERAL,
)
def inconsistent_system(
    majority_line: int, rows: int, majority: int, *, is_missing: bool
) -> Iterator[Problem]:
    """Rows have the same system message.

    Reported for the rows that differ, when at least 90 % of at least 20 rows begin with the same system message (or with none).
    A stray prompt is usually a remnant, and the model learns it as a second way to be addressed.

    Bad:
        30 x {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "{i}?"}, {"role": "assistant", "content": "{i}"}]}
        {"messages": [{"role": "system", "content": "Be long."}, {"role": "user", "content": "0?"}, {"role": "assistant", "content": "0"}]}
    Good:
        30 x {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "{i}?"}, {"role": "assistant", "content": "{i}"}]}
    """
    what = "no system message" if is_missing else "another system message"
    yield Problem(None, f"the row has {what} than {majority} of {rows} rows (see line {majority_line})")


@rule(
    "DS092",
    Severity.ERROR,
    "Correct the rows; the quarantine file has them with their reasons.",
    is_hard=True,
    on=Scope.FILE,
)
def quarantine_too_large(file: FileFacts) -> Iterator[Problem]:
    """No more rows are in quarantine than the pipeline allows.

    `dataset.quarantine_max_share` is the limit, 5 % by default.  A dataset with many bad rows has a cause that should be found
    before anything is paid for.

    Bad (on_issue=quarantine):
        10 x {"messages": [{"role": "user", "content": "{i} + 1?"}, {"role": "assistant", "content": "{i} and one"}]}
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": ""}]}
    Good (on_issue=quarantine):
        30 x {"messages": [{"role": "user", "content": "{i} + 1?"}, {"role": "assistant", "content": "{i} and one"}]}
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": ""}]}
    """
    aside, share = file.quarantined_rows, file.quarantine_max_share
    if aside > share * file.rows:
        yield Problem(None, f"{aside} of {file.rows} rows are in quarantine, at most {share:.1%} may be")


@rule("DS097", Severity.NOTE, "Correct what was found so far, and validate again.", on=Scope.SEVERAL)
def counting_stopped(codes: Sequence[str], most: int) -> Iterator[Problem]:
    """Every finding is counted.

    Findings of a rule are counted up to 100,000 for a dataset; of these the first 50 are shown.  When 100,000 rows of a file have
    errors, the others are not looked at: the dataset is refused in any case.

    Bad (counted=2):
        5 x {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": ""}]}
    Good:
        5 x {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": ""}]}
    """
    if codes:
        yield Problem(None, f"{', '.join(codes)}: only the first {most:,} of each are counted")


@rule(
    "DS094",
    Severity.NOTE,
    "Nothing needs to be done: the row is not trained on, and lies in the quarantine file.",
    on=Scope.SEVERAL,
)
def of_the_frozen_set(file: str, line: int) -> Iterator[Problem]:
    """No training row is one of `evaluation.set`.

    Rows of the training file that equal a row of the set, or nearly (DS085), or ask the same, are put aside, so that every
    candidate meets the set as something new.  They count for `dataset.quarantine_max_share` (DS092).

    Bad (frozen_set=true):
        40 x {"messages": [{"role": "user", "content": "{i} + 1?"}, {"role": "assistant", "content": "{i} and one"}]}
        evaluation: {"messages": [{"role": "user", "content": "1 + 1?"}, {"role": "assistant", "content": "1 and one"}]}
    Good (frozen_set=true):
        40 x {"messages": [{"role": "user", "content": "{i} + 1?"}, {"role": "assistant", "content": "{i} and one"}]}
        evaluation: {"messages": [{"role": "user", "content": "99 + 1?"}, {"role": "assistant", "content": "99 and one"}]}
    """
    yield Problem(
        None, f"the row is line {line} of {file}, or nearly, or asks the same, so it is not trained on"
    )


@rule("DS070", Severity.ERROR, "Shorten or split it; the rest would be cut off.", on=Scope.ROW_OF_FILE)
def example_too_long(count: int, most: int) -> Iterator[Problem]:
    """An example fits into the model's training length.

    Counted in tokens of o200k_base: exactly for OpenAI's models; others may have more (docs/costs.md).  The service cuts off what
    is longer, and the end is where the answer stands.

    Bad (tokens=20):
        {"messages": [{"role": "user", "content": "Count from one to twelve."}, {"role": "assistant", "content": "one two three four five six seven eight nine ten eleven twelve"}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    if count > most:
        yield Problem(None, f"{count:,} tokens, at most {most:,} fit", "")


@rule("DS071", Severity.ERROR, "Train on fewer rows or for fewer epochs.", is_hard=True, on=Scope.SEVERAL)
def job_too_large(tokens: int, epochs: int, most: int) -> Iterator[Problem]:
    """Tokens times epochs are at most 2 billion.

    The service's limit on a job (quotas and limits, 2026-02-17).

    Bad (job_tokens=30):
        10 x {"messages": [{"role": "user", "content": "{i} + 1?"}, {"role": "assistant", "content": "{i} and one"}]}
    Good:
        10 x {"messages": [{"role": "user", "content": "{i} + 1?"}, {"role": "assistant", "content": "{i} and one"}]}
    """
    if tokens * epochs > most:
        yield Problem(
            None, f"{tokens:,} tokens times {epochs} epochs are {tokens * epochs:,}, at most {most:,}"
        )


@rule("DS072", Severity.NOTE, "Expect more tokens on the bill than the estimate says.", on=Scope.FILE)
def images_not_counted(file: FileFacts) -> Iterator[Problem]:
    """Token counts leave images out.

    How many tokens an image takes depends on its size, and images behind links are not fetched.

    Bad:
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}, {"role": "assistant", "content": "A cat"}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    if file.images:
        yield Problem(None, f"{file.images} images are not counted")
