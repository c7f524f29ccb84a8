"""Answers about a dataset, and what can be known before money is spent."""

from __future__ import annotations

from shared.core.costs import PriceKind
from shared.core.dataset.rulebook import Severity
from shared.core.served.base import Answer


class Dataset(Answer, frozen=True, kw_only=True):
    """The version of a training blob that a run is about.

    Attributes:
        container: Name of the container that the blob lies in.
        name: Name of the blob, with its folder.
        etag: ETag of the version that the run is about.
        size_bytes: Size of the blob in bytes.
        uploaded_by: Object id of whoever uploaded it, from the blob's metadata `uploaded_by`; null if that is not set.
        companions: Names of the validation and evaluation blobs beside it; none is an empty list.
        prepared_sha256: SHA-256 of each prepared file in hexadecimal, by its role (`training`, `validation`, `evaluation`); empty
            before validation.
    """

    container: str
    name: str
    etag: str
    size_bytes: int
    uploaded_by: str | None
    companions: tuple[str, ...]
    prepared_sha256: dict[str, str]


class Report(Answer, frozen=True, kw_only=True):
    """What validation found, in numbers.

    Attributes:
        examples: Number of training rows after the split.
        validation_examples: Number of rows of the validation file or split.
        evaluation_examples: Number of rows that are held out.
        tokens: Number of tokens of the training rows.
        billable_tokens: Number of tokens times epochs; 0 where nothing is billed by the token.
        errors: Number of findings that refuse the dataset.
        warnings: Number of findings that do not.
        fingerprint: SHA-256 of the work: the same content and job have the same.
        estimated_usd: estimated cost of training in US dollars; null if no price is known.
        estimate_basis: How the cost was reckoned, in words.
        price: Whose price it was reckoned with; null in what 0.1.0 and 0.2.0 stored.
    """

    examples: int
    validation_examples: int
    evaluation_examples: int
    tokens: int
    billable_tokens: int
    errors: int
    warnings: int
    fingerprint: str
    estimated_usd: float | None
    estimate_basis: str
    price: PriceKind | None


class Finding(Answer, frozen=True, kw_only=True):
    """What is wrong with a dataset, and where.

    Attributes:
        code: Code of the rule, as docs/rules.md explains it.
        severity: Severity of the rule, as the pipeline file has it: `error` refuses the dataset.
        file: Name of the file.
        line: Line in the file, from 1; null if the whole file is meant.
        path: JSON path in the row; null if the whole row is meant.
        message: What was expected and what was found.
        remedy: What to do about it.
        excerpt: the beginning of the text that is meant, for the role that sees rows; else null.
    """

    code: str
    severity: Severity
    file: str
    line: int | None
    path: str | None
    message: str
    remedy: str
    excerpt: str | None


class Obstacle(Answer, frozen=True, kw_only=True):
    """What stands in the way of a verdict, or of a deployment without a person.

    Attributes:
        where: Pipeline file and line.
        path: Key of the pipeline file.
        message: What cannot be had, with its numbers.
        remedy: What to write or to add.
    """

    where: str
    path: str
    message: str
    remedy: str


class Outlook(Answer, frozen=True, kw_only=True):
    """What the comparison will be able to show, as things were when the dataset was validated.

    Attributes:
        examples: Number of held-out examples.
        groups: Number of independent groups among these.
        compared_groups: Number of these without groups that a model was trained on.
        can_be_better: whether any answers could lead to `better` or `as_good`.
        smallest_gain: The gain that is shown with a chance of 90 %, about; null if none is likely to be.
        confidence: Confidence with which a gain is shown, from 0 to 1.
        look: number of the coming comparison since the last promotion; null unless `approval.mode` is `automatic`.
        spread: Standard deviation of the differences that this is reckoned with.
        is_spread_assumed: whether it is assumed, because the pipeline has no comparison yet.
        grader: name of the one that decides; empty if none does.
        has_passed: Whether that grader passed its self-test.
        chance: what guessing scores by it, on average; null if that is not known.
        missing: baselines that could not be measured then, each with the reason.
        not_known: baselines of which that is not known, each with the reason.
        obstacles: What cannot be had so, with what to write.
        sentences: all of this for people, the most important first.
    """

    examples: int
    groups: int
    compared_groups: int
    can_be_better: bool
    smallest_gain: float | None
    confidence: float
    look: int | None
    spread: float
    is_spread_assumed: bool
    grader: str
    has_passed: bool
    chance: float | None
    missing: tuple[str, ...]
    not_known: tuple[str, ...]
    obstacles: tuple[Obstacle, ...]
    sentences: tuple[str, ...]
