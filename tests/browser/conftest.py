"""Pages in a real browser: the app's functions on twins, behind the sign-in of the local host."""

from tests.support.browsing import chromium, signed_in, signed_in_at, site

__all__ = ["chromium", "signed_in", "signed_in_at", "site"]
