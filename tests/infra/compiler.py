"""The Bicep compiler, where there is one: in BICEP, on the path, or in ../shared/tools."""

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
#: Made up; they are in every snapshot.
SUBSCRIPTION, TENANT = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"
MISSING = "no Bicep compiler: set BICEP, or have it on the path or in ../shared/tools"


@cache
def find() -> str | None:
    """The compiler; what BICEP names has to be there."""
    beside = ROOT.parent / "shared/tools/bicep"
    return (
        os.environ.get("BICEP")
        or shutil.which("bicep")
        or shutil.which("bicep", path=Path.home() / ".azure/bin")
        or (str(beside) if beside.is_file() else None)
    )


class Bicep:
    """One process of the compiler, which answers by JSON-RPC: it loads its types once."""

    def __init__(self, **environ: str) -> None:
        compiler = find()
        assert compiler, MISSING
        self._process = subprocess.Popen(
            [compiler, "jsonrpc", "--stdio"],
            env=os.environ | environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def _ask(self, method: str, **parameters: Any) -> Any:
        request = {"jsonrpc": "2.0", "id": 1, "method": f"bicep/{method}", "params": parameters}
        body = json.dumps(request).encode()
        sent, received = self._process.stdin, self._process.stdout
        assert sent
        assert received
        sent.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        sent.flush()
        length = 0
        while header := received.readline().strip():
            name, _, value = header.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        answer = json.loads(received.read(length))
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def version(self) -> str:
        return str(self._ask("version")["version"]).partition("+")[0]

    def compile(self, file: Path) -> tuple[list[str], Any]:
        """What it complains of (file, line, code, words), and the template; of a parameter file, the template it is for."""
        is_parameters = file.suffix == ".bicepparam"
        method, extra = ("compileParams", {"parameterOverrides": {}}) if is_parameters else ("compile", {})
        answer = self._ask(method, path=str(file), **extra)
        found = [
            f"{Path(d['source']).name}:{d['range']['start']['line'] + 1}: {d['code']} {d['message']}"
            for d in answer["diagnostics"]
        ]
        contents = answer.get("template" if is_parameters else "contents")
        return found, json.loads(contents) if contents else None

    def formatted(self, file: Path) -> str:
        return str(self._ask("format", path=str(file))["contents"])

    def snapshot(self, file: Path) -> dict[str, Any]:
        """What a deployment with this parameter file would send."""
        where = {"subscriptionId": SUBSCRIPTION, "tenantId": TENANT, "location": "swedencentral"}
        if "main.bicep" not in file.read_text(encoding="utf-8").partition("\n")[0]:
            where["resourceGroup"] = "rg-dev"
        return dict(json.loads(self._ask("getSnapshot", path=str(file), metadata=where)["snapshot"]))
