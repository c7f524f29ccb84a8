"""Takes the pictures of the tour anew: `python docs/pictures.py`, in about two minutes.

It starts a local cloud of its own, drops the sample dataset, and does in Chromium what docs/tour.md says.  Data, sizes and
order are fixed; times, ids and scores are those of the day, since nothing is drawn by hand.  A picture is a PNG of 64
colours, at most 100 KB.
"""

from __future__ import annotations

import base64
import struct
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page, sync_playwright

ROOT: Final = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from cli.client import ApiError, Client  # noqa: E402
from local.cloud import Cloud  # noqa: E402
from tests.e2e.dropping import drop  # noqa: E402
from tests.support.browsing import FLAGS, LOOKS, MISSING, find_chromium, sign_in  # noqa: E402

PICTURES: Final = ROOT / "docs" / "pictures"
BYTES_MAX: Final = 100_000
_SAMPLE: Final = ROOT / "samples" / "datasets" / "pubmed-summarization" / "training.jsonl"
_BROKEN: Final = ROOT / "samples" / "datasets" / "broken" / "broken-line.jsonl"
_PIPELINE: Final = "pubmed-summarization"
#: Rows of the second drop, of 300: too few for a model that is better than that of the first.
_FEW: Final = 60
_WAIT_S: Final = 120.0
_SIZE: Final = {"width": 960, "height": 640}
#: The pixels of a picture as indices into its 64 most frequent colours; a rarer one becomes the nearest of these.
_INDEXED: Final = """
async (data) => {
  const image = new Image();
  image.src = "data:image/png;base64," + data;
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height), context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const raw = context.getImageData(0, 0, image.width, image.height).data, counts = new Map();
  for (let at = 0; at < raw.length; at += 4) {
    const colour = raw[at] << 16 | raw[at + 1] << 8 | raw[at + 2];
    counts.set(colour, (counts.get(colour) || 0) + 1);
  }
  const palette = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, 64).map(([colour]) => colour);
  const apart = (a, b) => ((a >> 16) - (b >> 16)) ** 2 + ((a >> 8 & 255) - (b >> 8 & 255)) ** 2 + ((a & 255) - (b & 255)) ** 2;
  const nearest = new Map();
  for (const colour of counts.keys()) {
    let best = 0;
    palette.forEach((known, index) => { if (apart(known, colour) < apart(palette[best], colour)) best = index; });
    nearest.set(colour, best);
  }
  let pixels = "";
  for (let at = 0; at < raw.length; at += 4)
    pixels += String.fromCharCode(nearest.get(raw[at] << 16 | raw[at + 1] << 8 | raw[at + 2]));
  return {width: image.width, height: image.height, palette, pixels: btoa(pixels)};
}
"""


def main() -> None:
    """Take them all; the old ones are removed first."""
    program = find_chromium()
    if program is None:
        sys.exit(MISSING)
    with (
        tempfile.TemporaryDirectory() as folder,
        Cloud(Path(folder)) as cloud,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        for old in PICTURES.glob("*.png"):
            old.unlink()
        _Tour(cloud, browser).walk(Path(folder))
        browser.close()


class _Tour:
    """One way through the product, with a picture where the tour has one."""

    def __init__(self, cloud: Cloud, browser: Any) -> None:
        self._cloud, self._browser = cloud, browser
        self._client = Client(cloud.info.url, lambda: cloud.info.token("reader"))
        self._blank = browser.new_page()

    def walk(self, folder: Path) -> None:
        """From a dropped file to an approved deployment, and a second run that is not better."""
        (invalid,) = drop(self._cloud.info, _PIPELINE, [_BROKEN])
        self._until(invalid, "invalid")
        with self._page("approver") as page:
            page.goto(f"/api/ui/runs/{invalid}")
            self._take(page, "invalid", page.get_by_role("heading", name="Findings"), 190)
            (first,) = drop(self._cloud.info, _PIPELINE, [_SAMPLE])
            self._until(first, "training")
            page.goto(f"/api/ui/runs/{first}")
            self._take(page, "training", None, 470)
            self._until(first, "awaiting_approval")
            page.goto("/api/ui")
            self._take(page, "now", None, 620)
            page.goto(f"/api/ui/runs/{first}")
            self._take(page, "asked", None, 860)
            self._take(page, "evaluation", page.get_by_role("heading", name="Evaluation", exact=True), 430)
            self._take(
                page, "differences", page.get_by_role("heading", name="Differences, group by group"), 460
            )
            self._take(page, "curves", page.get_by_role("heading", name="Training", exact=True), 460)
            self._take(page, "items", page.locator("article.item"), 520)
        with self._page("approver", "phone") as page:
            page.goto(f"/api/ui/runs/{first}")
            self._take(page, "phone", None, 740)
        with self._page("approver", "dark") as page:
            page.goto(f"/api/ui/runs/{first}")
            page.get_by_label("Why").fill(
                "Read the ten worst items. Good enough for drafts that a person edits."
            )
            page.get_by_role("button", name="Approve").click()
            page.get_by_role("status").wait_for()
            self._take(page, "approved-dark", None, 420)
            self._until(first, "deployed")
        few = folder / "few" / "training.jsonl"
        few.parent.mkdir()
        few.write_text("\n".join(_SAMPLE.read_text().splitlines()[:_FEW]) + "\n")
        (second,) = drop(self._cloud.info, _PIPELINE, [few])
        self._until(second, "not_promoted")
        with self._page("approver") as page:
            page.goto(f"/api/ui/runs/{second}")
            self._take(page, "not-promoted", None, 900)
            page.goto(f"/api/ui/pipelines/{_PIPELINE}")
            self._take(page, "pipeline", None, 640)

    def _until(self, run_id: str, status: str) -> None:
        """Wait for a status of a run.

        Raises:
            TimeoutError: if it takes too long.
        """
        stop_at, seen = time.monotonic() + _WAIT_S, "dropped"
        while seen != status:
            if time.monotonic() > stop_at:
                msg = f"run {run_id} is {seen} instead of {status}"
                raise TimeoutError(msg)
            self._cloud.check()
            time.sleep(0.2)
            try:
                seen = self._client.get_run(run_id).status
            except ApiError as error:
                if error.status != 404:
                    raise

    @contextmanager
    def _page(self, name: str, look: str = "light") -> Iterator[Page]:
        """A page of somebody who signed in."""
        context = self._browser.new_context(
            base_url=self._cloud.info.url, **({"viewport": _SIZE} | LOOKS[look])
        )
        page = context.new_page()
        page.goto("/api/ui")
        sign_in(page, name)
        yield page
        context.close()

    def _take(self, page: Page, name: str, start: Any, height: int) -> None:
        """A picture of the page's width, from an element or the top, so many pixels high."""
        top = 0.0 if start is None else start.first.bounding_box()["y"] - 8
        width = page.viewport_size["width"] if page.viewport_size else _SIZE["width"]
        shot = page.screenshot(full_page=True, clip={"x": 0, "y": top, "width": width, "height": height})
        made = _png(self._blank.evaluate(_INDEXED, base64.b64encode(shot).decode()))
        if len(made) > BYTES_MAX:
            msg = f"{name} has {len(made):,} bytes, more than {BYTES_MAX:,}"
            raise ValueError(msg)
        (PICTURES / f"{name}.png").write_bytes(made)
        print(f"{name}.png  {len(made):,} bytes")  # noqa: T201


def _png(picture: dict[str, Any]) -> bytes:
    """A PNG with a palette (PNG, third edition, 4.1): a byte a pixel, compressed as well as zlib can."""
    width, height = picture["width"], picture["height"]
    pixels = base64.b64decode(picture["pixels"])
    lines = b"".join(b"\0" + pixels[at : at + width] for at in range(0, len(pixels), width))
    palette = b"".join(colour.to_bytes(3) for colour in picture["palette"])
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            (b"PLTE", palette),
            (b"IDAT", zlib.compress(lines, 9)),
            (b"IEND", b""),
        )
    )


if __name__ == "__main__":
    main()
