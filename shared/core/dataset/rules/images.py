"""Rules about images: each function takes one message, or a list of them, and the JSON path where it stands."""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from shared.core.dataset.format import Message
from shared.core.dataset.limits import FileFacts
from shared.core.dataset.rulebook import Problem, Scope, Severity, rule
from shared.core.dataset.rules.messages import found, has_parts
from shared.core.models import model_family, takes_images

# Limits of vision fine-tuning (how-to-fine-tuning-vision-content.md).
IMAGES_MAX: Final = 64
IMAGE_BYTES_MAX: Final = 10 * 1024 * 1024

_DATA: Final = re.compile(r"data:image/(jpeg|jpg|png|webp);base64,", re.IGNORECASE)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_URL_CHARS_MAX: Final = 8192
_DETAILS: Final = ("low", "high", "auto")


def images_of(message: Message) -> Iterator[tuple[str, Any]]:
    """The `image_url` objects of a message, each with the path of its part below the message."""
    content = message.get("content")
    for index, part in enumerate(content if isinstance(content, list) else ()):
        if isinstance(part, dict) and part.get("type") == "image_url":
            yield f"content[{index}]", part.get("image_url")


def count_images(messages: list[Message]) -> int:
    """Images of an example."""
    return sum(
        1 for message in messages if isinstance(message.get("content"), list) for _ in images_of(message)
    )


def _urls_of(message: Message, at: str) -> Iterator[tuple[str, str]]:
    for path, image in images_of(message):
        if isinstance(image, dict) and isinstance(image.get("url"), str):
            yield f"{at}.{path}.image_url.url", image["url"]


@rule(
    "DS038",
    Severity.ERROR,
    "Give a public https URL or a JPEG, PNG or WEBP data URL.",
    is_hard=True,
    on=Scope.MESSAGE,
    speaks=has_parts,
)
def invalid_image(message: Message, at: str) -> Iterator[Problem]:
    """Images are HTTPS or data URLs in user messages.

    The service takes no images from assistants, and JPEG, PNG and WEBP only.

    Bad:
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "ftp://example.org/a.png"}}]}, {"role": "assistant", "content": "A cat"}]}
    Good:
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}, {"role": "assistant", "content": "A cat"}]}
    """
    for path, image in images_of(message):
        url = image.get("url") if isinstance(image, dict) else None
        where = f"{at}.{path}"
        if message["role"] != "user":
            yield Problem(where, f"an image in a message of role {message['role']}", "")
        elif not isinstance(url, str):
            yield Problem(f"{where}.image_url", 'expected {"url": ...}, ' + found(image))
        elif not _DATA.match(url) and not _is_https(url):
            yield Problem(f"{where}.image_url.url", "neither an https nor an image data URL", url)
        elif image.get("detail", "auto") not in _DETAILS:
            yield Problem(f"{where}.image_url.detail", "detail is low, high or auto")


def _is_https(url: str) -> bool:
    if (
        not url[:8].lower().startswith("https://")
        or len(url) > _URL_CHARS_MAX
        or any(c.isspace() for c in url)
    ):
        return False
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False


@rule("DS039", Severity.ERROR, "Split the example.", is_hard=True, on=Scope.TALK, speaks=has_parts)
def too_many_images(messages: list[Message], at: str) -> Iterator[Problem]:
    """An example has at most 64 images.

    Bad (images=65):
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}, {"role": "assistant", "content": "A cat"}]}
    Good (images=64):
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}, {"role": "assistant", "content": "A cat"}]}
    """
    count = count_images(messages)
    if count > IMAGES_MAX:
        yield Problem(at, f"{count} images, at most {IMAGES_MAX}", "")


@rule(
    "DS065",
    Severity.ERROR,
    "Make the image smaller; 10 MB is the limit.",
    is_hard=True,
    on=Scope.MESSAGE,
    speaks=has_parts,
)
def image_too_large(message: Message, at: str) -> Iterator[Problem]:
    """An image is at most 10 MB.

    Only data URLs can be measured; what lies behind a link is not fetched.

    Bad (image_bytes=10485761):
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]}, {"role": "assistant", "content": "A cat"}]}
    Good:
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]}, {"role": "assistant", "content": "A cat"}]}
    """
    for where, url in _urls_of(message, at):
        if match := _DATA.match(url):
            size = (len(url) - match.end()) * 3 // 4 - url[-2:].count("=")
            if size > IMAGE_BYTES_MAX:
                yield Problem(where, f"{size:,} bytes, at most {IMAGE_BYTES_MAX:,}", url[:60])


@rule(
    "DS066",
    Severity.ERROR,
    "Give a URL that the service can reach without signing in.",
    on=Scope.MESSAGE,
    speaks=has_parts,
)
def private_image(message: Message, at: str) -> Iterator[Problem]:
    """Image URLs are public and carry no password.

    The service fetches the images, and skips those that it cannot reach.  A job with more than 200 of them was seen to fail (a public
    thread), and an example that is learned without its image teaches the model to guess.  An address of an internal network does not belong in a training file either.

    Bad:
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://10.0.0.8/a.png"}}]}, {"role": "assistant", "content": "A cat"}]}
    Good:
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}, {"role": "assistant", "content": "A cat"}]}
    """
    for where, url in _urls_of(message, at):
        if not _is_https(url):
            continue
        parts = urlsplit(url)
        if parts.username or parts.password:
            yield Problem(where, "the URL carries a user name or password", "")
        elif _is_private(parts.hostname or ""):
            yield Problem(where, f"{(parts.hostname or '')[:60]} is not a public host", url)


def _is_private(host: str) -> bool:
    host = host.removesuffix(".")
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(
            (".local", ".internal", ".localhost", ".lan", ".test", ".invalid")
        )


_MAGIC: Final = {
    "jpeg": b"\xff\xd8\xff",
    "jpg": b"\xff\xd8\xff",
    "png": b"\x89PNG\r\n\x1a\n",
    "webp": b"RIFF",
}


@rule(
    "DS067",
    Severity.ERROR,
    "Encode the image's bytes as base64, and name its real type.",
    is_hard=True,
    on=Scope.MESSAGE,
    speaks=has_parts,
)
def invalid_image_data(message: Message, at: str) -> Iterator[Problem]:
    """An image in a data URL is base64 of the type that it names.

    Looked at: the alphabet, the padding and the first bytes.

    Bad:
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,R0lGODlhAQABAAAAACw="}}]}, {"role": "assistant", "content": "A cat"}]}
    Good:
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]}, {"role": "assistant", "content": "A cat"}]}
    """
    for where, url in _urls_of(message, at):
        if match := _DATA.match(url):
            if not _BASE64.fullmatch(url, match.end()) or (len(url) - match.end()) % 4:
                yield Problem(where, "not base64", url[match.end() :][:40])
            elif not _begins(url[match.end() :][:24], match[1].lower()):
                yield Problem(where, f"the data is not {match[1].upper()}", url[:60])


def _begins(encoded: str, kind: str) -> bool:
    head = base64.b64decode(encoded)  # `_BASE64` and a length of fours leave nothing to refuse
    return head.startswith(_MAGIC[kind]) and (kind != "webp" or head[8:12] == b"WEBP")


@rule("DS103", Severity.ERROR, "Take the images out, or tune a model that takes them.", on=Scope.FILE)
def images_not_taken(file: FileFacts) -> Iterator[Problem]:
    """Rows have images only for models that take them.

    Microsoft's page on vision fine-tuning has two models, gpt-4o and gpt-4.1 ("supported for the following models only", read on
    2026-11-28).  Looked at where a pipeline file names the model.

    Bad (model=gpt-4.1-mini-2025-04-14):
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}, {"role": "assistant", "content": "A cat"}]}
    Good (model=gpt-4.1-2025-04-14):
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}, {"role": "assistant", "content": "A cat"}]}
    """
    if file.images and takes_images(file.model) is False:
        message = (
            f"{file.image_examples:,} rows have images, and {_named(file.model)} is tuned with text only"
        )
        yield Problem(None, f"{message} (Microsoft's page on vision fine-tuning, November 2026)")


def _named(model: str | None) -> str:
    """A model without its date, which would be masked as a number."""
    return model_family(model or "") or str(model)


@rule("DS104", Severity.WARNING, "Check Microsoft's page on vision fine-tuning.", on=Scope.FILE)
def images_not_known(file: FileFacts) -> Iterator[Problem]:
    """Rows have images only for models of which it is known that they take them.

    As DS103, for models that are not in the app's table.

    Bad (model=gpt-9):
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}, {"role": "assistant", "content": "A cat"}]}
    Good (model=gpt-9):
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    if file.images and file.model is not None and takes_images(file.model) is None:
        message = (
            f"{file.image_examples:,} rows have images; whether {_named(file.model)} takes them is not known"
        )
        yield Problem(None, message)


@rule("DS068", Severity.ERROR, "Train on fewer examples with images.", is_hard=True, on=Scope.FILE)
def too_many_image_examples(file: FileFacts) -> Iterator[Problem]:
    """At most 50,000 examples of a file have images.

    Bad (image_examples=1):
        2 x {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/{i}.png"}}]}, {"role": "assistant", "content": "A cat"}]}
    Good:
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}, {"role": "assistant", "content": "A cat"}]}
    """
    if file.image_examples > file.limits.image_examples_max:
        most = file.limits.image_examples_max
        yield Problem(None, f"{file.image_examples:,} examples have images, at most {most:,}")
