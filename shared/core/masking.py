"""What must not travel from the data and words of others into reports, rows and logs: secrets, and what names a person.

One list for all of it: findings, excerpts, repairs, the words of services, errors and log records.  A secret is known by its own
shape (`ghp_...`), or by the name that it stands behind (`client_secret=...`, `"api-key": "..."`).  The name stays, so that a
reader knows what to look for.

Each pattern is bounded and takes time in proportion to the text (`tests/core/test_masking.py`).
"""

from __future__ import annotations

import re
from typing import Final

#: What stands in the place of a secret, of an address, of a long number.
KEY: Final = "[key]"
MAIL: Final = "[mail]"
NUMBER: Final = "[number]"

#: Secrets that are known by their own shape.
_SHAPES: Final = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY.*"
    # GitHub, GitLab, npm, PyPI, Slack, Hugging Face, OpenAI and Anthropic, Stripe, Google, Databricks, DigitalOcean, Shopify
    r"|(?<![A-Za-z0-9])(?:"
    r"github_pat_\w{12,}|gh[a-z]_\w{12,}|gl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|soat|ffct)-[-\w]{12,}|npm_\w{12,}|pypi-[-\w]{12,}|xox[a-z]-[-\w]{10,}|xapp-[-\w]{10,}"
    r"|hf_\w{12,}|(?:sk|pk|rk)[-_](?=[-_A-Za-z]{0,60}\d)[-\w]{12,}|whsec_[\w+/=]{12,}|dapi[0-9a-f]{30,}|do[opr]_v1_\w{12,}|shp[a-z]{2}_\w{12,}"
    r"|AIza[-\w]{12,}|ya29\.[-\w]{12,}|GOCSPX-[-\w]{12,}|SG\.[-\w]{12,}\.[-\w]{12,}|AGE-SECRET-KEY-\w{12,}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{12,}"  # Amazon
    r"|eyJ[-\w]{5,}(?:\.[-\w]*){0,4}"  # a signed token: header, payload, signature
    r"|[\w~.-]{3}\dQ~[\w~.-]{20,}"  # a client secret of Entra
    r")"
    # A key of an Azure account: 64 bytes, of which the last are marked by ==; newer ones carry a mark inside
    r"|(?<![\w+/])[A-Za-z0-9+/]{86}==|(?<![\w+/])[A-Za-z0-9+/]{20,80}(?:JQQJ99|\+AStA|AzSe|AzCa|AzFu)[A-Za-z0-9+/]{4,60}={0,2}",
    re.DOTALL,
)
#: Each of these shapes has so many such characters in a row: brackets and short words need no search.
_RUN: Final = re.compile(r"[\w+/=~.-]{8}")
#: Names that nothing but a secret stands behind.
_NAMES: Final = (
    r"(?:account|shared[-_ ]?access|api|subscription|functions?|private|secret|access|signing|encryption|storage|host|master)"
    r"[-_ ]?key"
    r"|(?:client|app|consumer|api|shared|webhook)[-_ ]?secret"
    r"|(?:access|refresh|id|auth|api|bearer|session|sas|security|personal[-_ ]?access)[-_ ]?token"
    r"|shared[-_ ]?access[-_ ]?signature|client[-_ ]?assertion"
)
#: Words that prose uses too.
_WORDS: Final = r"password|passwd|pwd|passphrase|secret|credential|token|sig(?:nature)?"
_QUOTE: Final = r"(?:\\{0,4}[\"'])"
_VALUE: Final = r"[^\s\"'\\,;&<>]"
#: Secrets that are known by what stands before them, which stays.
_NAMED: Final = re.compile(
    rf"(?P<kept>(?<![A-Za-z])(?:{_NAMES}|{_WORDS}){_QUOTE}\s{{0,4}}[:=]\s{{0,4}}{_QUOTE}?)[^\"'\\\s]{{3,}}[^\"'\\]*"
    rf"|(?P<kept_a>(?<![A-Za-z])(?:{_NAMES})\s{{0,4}}=\s{{0,4}}{_QUOTE}?){_VALUE}{{3,}}"
    rf"|(?P<kept_b>(?<![A-Za-z])(?:{_WORDS})\s{{0,4}}=\s{{0,4}}{_QUOTE}?){_VALUE}{{6,}}"
    rf"|(?P<kept_c>(?<![A-Za-z])(?:{_NAMES}|{_WORDS})\s{{0,4}}:\s{{0,4}}{_QUOTE}?)"
    rf"(?=[^\s\d]{{0,60}}\d|{_VALUE}{{20}}){_VALUE}{{6,}}"
    rf"|(?P<kept_d>[?&](?:code|key|x-amz-[a-z-]{{1,20}}|x-goog-[a-z-]{{1,20}})=){_VALUE}{{6,}}"
    rf"|(?P<kept_e>\bBearer\s{{1,4}})(?=[^\s\d]{{0,60}}\d|{_VALUE}{{20}}){_VALUE}{{6,}}"
    rf"|(?P<kept_f>\bAuthorization{_QUOTE}?\s{{0,4}}[:=]\s{{0,4}}{_QUOTE}?(?:[a-z]{{1,12}}\s{{1,4}})?){_VALUE}{{3,}}"
    rf"|(?P<kept_g>://[^\s/:@]{{0,64}}:)[^\s/@]{{1,128}}(?=@)",
    re.IGNORECASE,
)
#: Each secret that has a name has one of these, in small letters: most texts need no search.
_HINTS: Final = (
    *("key", "secret", "token", "pass", "pwd", "sig", "credential", "assertion"),
    *("code=", "x-amz", "x-goog", "bearer", "authorization", "://"),
)
_PERSONAL: Final = re.compile(
    r"(?P<mail>[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8})|(?P<number>\+?\d(?:[ ().-]{0,2}\d){7,})"
)


def mask_secrets(text: str) -> str:
    """The text without secrets; for words of services and of ours, in which times and ids have to stay."""
    shaped = _SHAPES.sub(KEY, text) if _RUN.search(text) else text
    small = shaped.lower()
    return _NAMED.sub(_named, shaped) if any(hint in small for hint in _HINTS) else shaped


def mask(text: str) -> str:
    """The text without secrets, mail addresses and long numbers; for what a dataset says."""
    return _PERSONAL.sub(lambda match: MAIL if match["mail"] else NUMBER, mask_secrets(text))


def _named(match: re.Match[str]) -> str:
    kept = next(text for text in match.groups() if text is not None)
    return f"{kept}{KEY}"
