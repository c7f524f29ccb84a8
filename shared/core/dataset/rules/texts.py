"""Rules about what texts contain.  Each function takes one text and the JSON path where it stands.

Each rule gives `needles`, expressions of Hyperscan: a row is looked at only if one pass over all texts of a block found one.
They are wider than the rule's own patterns, so that nothing is missed (a test compares them): no boundaries, no long counts.
Texts are looked at as JSON, in which quotation marks, backslashes and control characters are written otherwise: no needle
has one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from shared.core.dataset.rulebook import Problem, Scope, Severity, rule
from shared.core.masking import mask
from shared.core.spec import MethodType
from shared.core.tokenizers import OPENAI, Tokenizer

#: Whatever may be a special token of some tokenizer.
_TOKEN: Final = re.compile(
    r"<\|[A-Za-z][A-Za-z0-9_-]{1,30}\|>|</?s>|<unk>|<tts_[a-z_]{3,20}>|\[/?[A-Z_]{4,20}\]"
)


#: So much before and after a match is masked; 30 characters of it are shown.
_MASKED: Final = 300


class Kind(NamedTuple):
    """A kind of secret: its pattern, and literals.  Each match has one of these, so most texts need no search."""

    literals: tuple[str, ...]
    pattern: re.Pattern[str]


SECRETS: Final = {
    "a private key": Kind(("-----BEGIN ",), re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----")),
    "an AWS access key": Kind(("AKIA", "ASIA"), re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    "an Anthropic key": Kind(("sk-ant-",), re.compile(r"\bsk-ant-[A-Za-z0-9_-]{20,}")),
    "an OpenAI key": Kind(
        ("sk-",),
        re.compile(
            r"\bsk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,}"
            r"|\bsk-(?!ant-)(?=[A-Za-z_-]{0,60}+[0-9])(?=[a-z0-9_-]{0,60}+[A-Z])[A-Za-z0-9_-]{20,}"
        ),
    ),
    "a GitHub token": Kind(
        ("gh", "github_pat_"), re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40,})")
    ),
    "a Slack token": Kind(("xox",), re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}")),
    "a Google API key": Kind(("AIza",), re.compile(r"\bAIza[A-Za-z0-9_-]{35}")),
    "a Hugging Face token": Kind(("hf_",), re.compile(r"\bhf_[A-Za-z0-9]{30,}")),
    "a Stripe key": Kind(("k_live_",), re.compile(r"\b[sr]k_live_[A-Za-z0-9]{16,}")),
    "a signed token (JWT)": Kind(
        (".eyJ",),
        # Only the first `eyJ` of a run of such characters is tried: whether a dot follows the run is the same for all of them.
        re.compile(
            r"(?<![A-Za-z0-9_-])(?>(?:[A-Za-z0-9_-]*?-)?\beyJ)[A-Za-z0-9_-]{10,}+"
            r"\.eyJ[A-Za-z0-9_-]{10,}+\.[A-Za-z0-9_-]{10,}"
        ),
    ),
    "an Azure storage key": Kind(
        ("AccountKey=", "AccessKey="),
        re.compile(r"\b(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{40,}={0,2}"),
    ),
    "a shared access signature": Kind(("sig=",), re.compile(r"[?&;]sig=[A-Za-z0-9%+/]{30,}")),
    "an Entra client secret": Kind(("Q~",), re.compile(r"\b[A-Za-z0-9_~.-]{3}[78]Q~[A-Za-z0-9_~.-]{31,34}")),
}

#: Every number that is looked for has one of these; apart they are found in half of the time.
_DIGITS: Final = (re.compile(r"[0-9][0-9 ().-]{5,}[0-9]"), re.compile(r"[A-Z][A-Z][0-9][0-9]"))
#: A number begins at most so many characters before its digits: there the slow search starts.
_NUMBER_BEGINS: Final = 2
#: An address from its sign on, since signs are rare and found fast, and what stands before the sign.
_MAIL: Final = re.compile(
    r"@(?<=[\w.+-]@)(?:[A-Za-z0-9][A-Za-z0-9-]{0,62}\.){1,5}[A-Za-z]{2,24}\b(?!:[\w/~])"
)
_MAIL_BEGINS: Final = 64
_NO_NAME: Final = re.compile(r"[^\w.+-]")
_NAME_BEGINS: Final = re.compile(r"\b[\w.+-]")
_PHONE: Final = re.compile(
    r"(?<![\w.+-])(?:\+[1-9][0-9]{0,2}[ .-]?(?:\(?[0-9]{1,4}\)?[ .-]?){1,4}[0-9]{2,4}"
    r"|(?:\([0-9]{3}\) ?|[0-9]{3}[ .-])[0-9]{3}[ .-][0-9]{4})(?![\w-])"
)
_SSN: Final = re.compile(r"(?<![\w-])(?!000|666|9[0-9]{2})[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![\w-])")
_CARD: Final = re.compile(r"(?<![\w.+-])[3-6][0-9]{3}(?:[ -]?[0-9]){9,15}(?![\w.-])")
_IBAN: Final = re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
#: Domains that nobody has (RFC 2606), so addresses in them are nobody's.
_NOBODY: Final = re.compile(
    r"@(?:[\w-]+\.)*(?:example\.(?:com|org|net)|[\w-]+\.(?:example|test|invalid)|localhost)$", re.IGNORECASE
)

#: Texts of so many characters are looked at with one expression first; in longer ones each literal is found faster by itself.
_SHORT: Final = 256
_LITERALS: Final = re.compile(
    "|".join(re.escape(literal) for literals, _ in SECRETS.values() for literal in literals)
)
#: Texts are searched in pieces of so many characters, since no other thread runs while one is searched.  What begins in a piece
#: may reach so far into the next one: further than any shape but that of a token, and tokens are sent in headers of 8 KiB.
_PIECE: Final = 64 * 1024
_REACH: Final = 8 * 1024

#: Requests for hidden reasoning, which the service's check of reinforcement data was seen to refuse.
_REFUSED: Final = re.compile(
    r"\b(?:chain[- ]of[- ]thought|step[- ]by[- ]step reasoning|internal (?:monologue|reasoning)"
    r"|(?:show|reveal|expose|print|output|include) (?:me )?(?:your|all(?: of)? your|the) (?:hidden |internal |raw |full )?"
    r"(?:reasoning|thinking|thoughts)|reasoning (?:trace|process|tokens)|hidden reasoning)\b",
    re.IGNORECASE | re.ASCII,  # as the prefilter reads it
)


@rule(
    "DS102",
    Severity.ERROR,
    "Take it out, or write it otherwise, such as with a space in it.",
    is_hard=True,
    on=Scope.TEXT,
    needles=(rb"<\|[a-z]", rb"<tts_"),
)
def reserved_token(text: str, at: str, *, tokenizer: Tokenizer = OPENAI) -> Iterator[Problem]:
    """Texts hold no special tokens of the model.

    The service refuses files with them: "contains an invalid token: <|fim_suffix|>" (johny-b/llmcomp#59).  For OpenAI's models, and
    for those that are not known, these are `<|endoftext|>`, `<|endofprompt|>`, `<|fim_prefix|>`, `<|fim_middle|>`,
    `<|fim_suffix|>`, `<|im_start|>` and `<|im_end|>`; for others the special tokens of their own tokenizer, where it was found
    (`shared/core/tokenizers.py` has the sources).  That the service refuses those too is assumed.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello<|im_end|>"}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    if match := next((found for found in _TOKEN.finditer(text) if found[0] in tokenizer.special), None):
        yield Problem(at, f"the text contains {match[0]}, a special token of the model", _around(text, match))


@rule(
    "DS080",
    Severity.WARNING,
    "Remove it, unless the model should write it.",
    on=Scope.TEXT,
    needles=(rb"<\|[A-Za-z]", rb"</?s>", rb"<unk>", rb"\[/?[A-Z]{3}"),
)
def special_token(text: str, at: str, *, tokenizer: Tokenizer = OPENAI) -> Iterator[Problem]:
    """Texts hold no special tokens of other models.

    `<|eot_id|>`, `<|begin_of_text|>` and their kin come from the template of another model.  For this one they are ordinary text,
    so it learns to write them.  Where the tokenizer of the model was not found (Ministral-3B, Muse, MAI), its own may be among
    them: of Ministral also `<s>`, `[INST]` and the other control tokens of the larger model of its release.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello<|eot_id|>"}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    for match in _TOKEN.finditer(text):
        found = match[0]
        if found in tokenizer.likely or (found.startswith("<|") and found not in tokenizer.special):
            yield Problem(at, f"the text contains {found}", _around(text, match))
            return


@rule(
    "DS081",
    Severity.ERROR,
    "Remove it from the data and revoke it: it has been copied.",
    on=Scope.TEXT,
    needles=(
        rb"-----BEGIN ",
        rb"(?:AKIA|ASIA)[0-9A-Z]{4}",
        rb"sk-[A-Za-z0-9_-]{8}",
        rb"gh[pousr]_[A-Za-z0-9]{4}",
        rb"github_pat_",
        rb"xox[abprs]-",
        rb"AIza[A-Za-z0-9_-]{4}",
        rb"hf_[A-Za-z0-9]{8}",
        rb"[sr]k_live_",
        rb"\.eyJ[A-Za-z0-9_-]{4}",
        rb"(?:Account|Access)Key=",
        rb"[?&;]sig=",
        rb"[78]Q~",
    ),
)
def secret(text: str, at: str) -> Iterator[Problem]:
    """Texts hold no secrets.

    A tuned model can repeat what it was trained on to anyone who asks.  Known shapes of keys and tokens are looked for, not
    random text.

    Bad:
        {"messages": [{"role": "user", "content": "Use AKIAIOSFODNN7EXAMPLE"}, {"role": "assistant", "content": "Done"}]}
    Good:
        {"messages": [{"role": "user", "content": "Use the key from the vault"}, {"role": "assistant", "content": "Done"}]}
    """
    if len(text) <= _SHORT and not _LITERALS.search(text):
        return
    for what, (literals, pattern) in SECRETS.items():
        if any(map(text.__contains__, literals)) and (match := _first(pattern, text)):
            yield Problem(at, f"the text contains {what}", f"{_before(text, match)}[secret]")


@rule(
    "DS082",
    Severity.WARNING,
    "Replace it with an invented one, or remove the row.",
    on=Scope.TEXT,
    needles=(
        rb"[A-Za-z0-9_.+\x80-\xff-]@[A-Za-z0-9]",
        rb"\+[1-9][0-9]?[0-9]?[ .-]?\(?[0-9]",
        rb"[0-9]{3}\)? ?[ .-]?[0-9]{3}[ .-][0-9]{4}",
        rb"[0-9]{3}-[0-9]{2}-[0-9]{4}",
        rb"[3-6][0-9]{3}(?:[ -]?[0-9]){8}",
        rb"[A-Z]{2}[0-9]{2} ?[A-Z0-9]{4} ?[A-Z0-9]{4}",
    ),
)
def personal_data(text: str, at: str) -> Iterator[Problem]:
    """Texts hold no personal data.

    Looked for: e-mail addresses, telephone numbers, US social security numbers, payment cards (with a valid check digit) and
    IBANs (with valid check digits).  A tuned model can repeat them, and data full of them was seen to fail the safety check of
    the tuned model.

    Bad:
        {"messages": [{"role": "user", "content": "Write to ada.lovelace@contoso.com"}, {"role": "assistant", "content": "Done"}]}
    Good:
        {"messages": [{"role": "user", "content": "Write to ada@example.com"}, {"role": "assistant", "content": "Done"}]}
    """
    numbers = [match.start() for digits in _DIGITS if (match := _first(digits, text))]
    if not numbers and "@" not in text:
        return
    first = min(numbers, default=len(text))
    begins = [("an e-mail address", _somebodys_mail(text))]
    for what, pattern, is_real in _NUMBERS if numbers else ():
        matches = _found(pattern, text, max(0, first - _NUMBER_BEGINS))
        found = (match.start() for match in matches if is_real(match[0]))
        begins.append((what, next(found, None)))
    for what, begin in begins:
        if begin is not None:
            yield Problem(at, f"the text contains {what}", f"{text[max(0, begin - 30) : begin]}[{what}]")


@rule(
    "DS083",
    Severity.WARNING,
    "Ask for the answer, not for the thoughts behind it.",
    on=Scope.TEXT,
    methods=[MethodType.REINFORCEMENT],
    needles=(
        rb"(?i)chain.of.thought|step.by.step reasoning|internal (?:monologue|reasoning)",
        rb"(?i)reasoning|thinking|thoughts|scratchpad",
    ),
)
def refused_phrase(text: str, at: str) -> Iterator[Problem]:
    """Reinforcement prompts do not ask for hidden reasoning.

    Phrases such as "chain of thought" in prompts for reasoning models were seen to be refused by the service's check of the
    data, after the upload and before the job.

    Bad (method=reinforcement):
        {"messages": [{"role": "user", "content": "2 + 2? Show your reasoning."}], "answer": "4"}
    Good (method=reinforcement):
        {"messages": [{"role": "user", "content": "2 + 2? Answer with a number."}], "answer": "4"}
    """
    if match := _REFUSED.search(text):
        yield Problem(at, f"the text asks for hidden reasoning: {match[0][:60]!r}", _around(text, match))


@rule(
    "DS084",
    Severity.WARNING,
    "Export the text again, as UTF-8; the lost character cannot be recovered here.",
    on=Scope.TEXT,
    needles=(rb"\xef\xbf\xbd", rb"\xc3[\x82\x83\xa2\xb0][\xc2\xc5\xc6\xcb\xe2]"),
)
def replacement_character(text: str, at: str) -> Iterator[Problem]:
    r"""Texts hold no replacement characters and no garbled UTF-8.

    U+FFFD stands where a character was lost; sequences such as `Ã©` are UTF-8 that was read as another encoding.

    Bad:
        {"messages": [{"role": "user", "content": "The caf\ufffd"}, {"role": "assistant", "content": "Where?"}]}
        {"messages": [{"role": "user", "content": "The cafÃ©"}, {"role": "assistant", "content": "Where?"}]}
    Good:
        {"messages": [{"role": "user", "content": "The café"}, {"role": "assistant", "content": "Where?"}]}
    """
    if match := _GARBLED.search(text):
        what = "the replacement character U+FFFD" if match[0] == "\ufffd" else f"garbled text: {match[0]!r}"
        yield Problem(at, f"the text contains {what}", _around(text, match))


#: Two-byte and three-byte UTF-8 read as Windows-1252 or Latin-1.
_CONTINUATION: Final = (
    "[\u0080-\u00bf" + "".join(bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0)) + "]"
)
_GARBLED: Final = re.compile(f"\ufffd|[ÃÂ]{_CONTINUATION}|â{_CONTINUATION}{{2}}|ð{_CONTINUATION}{{3}}")


def _around(text: str, match: re.Match[str]) -> str:
    """A match with what stands beside it, masked before it is cut: the rest of a secret is not known by its shape any more."""
    return f"{_before(text, match)}{match[0]}{mask(text[match.end() : match.end() + _MASKED])[:30]}"


def _before(text: str, match: re.Match[str]) -> str:
    return mask(text[max(0, match.start() - _MASKED) : match.start()])[-30:]


def _somebodys_mail(text: str) -> int | None:
    """Where the first address of somebody begins."""
    end = 0
    for match in _found(_MAIL, text, 0):
        sign = match.start()
        backwards = text[max(end, sign - _MAIL_BEGINS) : sign][::-1]
        stop = _NO_NAME.search(backwards)
        begin = sign - (stop.start() if stop else len(backwards))
        if found := _NAME_BEGINS.search(text, begin, sign):
            end = match.end()
            if not _NOBODY.search(match[0]):
                return found.start()
    return None


def _is_phone(number: str) -> bool:
    digits = [c for c in number if c.isdigit()]
    return 9 <= len(digits) <= 15 and "555" not in number[:8] and len(set(digits)) > 2


def _first(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """What `search` finds; most texts are short, and searched at once."""
    return pattern.search(text) if len(text) <= _PIECE else next(_found(pattern, text, 0), None)


def _found(pattern: re.Pattern[str], text: str, begin: int) -> Iterator[re.Match[str]]:
    """What `finditer` finds from a place on."""
    while begin < len(text):
        end = min(begin + _PIECE, len(text))
        reached = end
        for match in pattern.finditer(text, begin, min(end + _REACH, len(text))):
            if match.start() >= end:
                break
            yield match
            reached = max(end, match.end())
        begin = reached


#: The sum of the digits of twice a digit.
_DOUBLED: Final = {str(digit): digit * 2 - 9 * (digit > 4) for digit in range(10)}


def _passes_luhn(number: str) -> bool:
    digits = number.replace(" ", "").replace("-", "")
    if not 13 <= len(digits) <= 19 or digits == digits[0] * len(digits):
        return False
    return (sum(map(int, digits[::-2])) + sum(map(_DOUBLED.__getitem__, digits[-2::-2]))) % 10 == 0


def _passes_mod97(iban: str) -> bool:
    plain = iban.replace(" ", "")
    if not 15 <= len(plain) <= 34:
        return False
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def _always(_: str) -> bool:
    return True


_NUMBERS: Final = (
    ("a telephone number", _PHONE, _is_phone),
    ("a social security number", _SSN, _always),
    ("a payment card number", _CARD, _passes_luhn),
    ("an IBAN", _IBAN, _passes_mod97),
)
