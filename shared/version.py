"""The version of the app: a dated heading in CHANGELOG.md."""

from typing import Final

VERSION: Final = "0.2.0"
