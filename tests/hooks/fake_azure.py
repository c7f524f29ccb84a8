"""A fake Azure CLI, and a small server in the place of the deployed app."""

import json
import stat
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
HOOKS = YAML(typ="safe").load((ROOT / "azure.yaml").read_text())["hooks"]

#: Looks for the first rule whose words are all in the call; answers with its next answer, the last one for ever.  A shell script,
#: because one Python a call would make these tests three times as slow.
FAKE = r"""#!/bin/sh
read -r n < "$FAKE_HOME/n"; n=$((n + 1)); echo "$n" > "$FAKE_HOME/n"
{ printf '%s\0' "${0##*/}"
  for word in "$@"; do
    case $word in @*) cat "${word#@}"; printf '\0' ;; *) printf '%s\0' "$word" ;; esac
  done; } > "$FAKE_HOME/call-$n"
for rule in "$FAKE_HOME"/rule-*; do
  [ -e "$rule/words" ] || continue
  fits=yes
  while read -r word; do
    case "$*" in *"$word"*) ;; *) fits=no ;; esac
  done < "$rule/words"
  [ $fits = yes ] || continue
  read -r seen < "$rule/seen"; read -r last < "$rule/last"
  [ "$seen" -ge "$last" ] || echo $((seen + 1)) > "$rule/seen"
  read -r answer < "$rule/answer-$seen"
  if [ "$answer" = '"FAIL"' ]; then echo "ERROR: it does not work yet" >&2; exit 1; fi
  printf '%s\n' "$answer"
  exit 0
done
"""


#: Where App Service leads browsers.
SIGN_IN = "https://login.microsoftonline.com/t/oauth2/v2.0/authorize?redirect_uri=https%3A%2F%2Fx%2F.auth%2Flogin%2Faad%2Fcallback"


class App(ThreadingHTTPServer):
    """Answers as App Service does, with statuses that a test may change."""

    def __init__(self):
        self.statuses = {
            "/api/runs/smoke/gates/deployment": [401],
            "/api/runs": [401],
            "/runtime/webhooks/blobs": [401],
        }
        self.statuses |= {"/admin/host/status": [401], "/api/health": [503]}
        self.statuses["/api/ui"] = [401]
        self.browser, self.leads_to = 302, {"client": "/sign-in", "browser": SIGN_IN}
        self.forged, self.forging_browser = 401, 302
        self.anonymous = None
        self.roleless = 403
        self.upload_of = None
        self.health = {
            "ok": False,
            "checks": [{"name": "state tables", "ok": False, "code": "unauthorized", "remedy": "Wait."}],
        }
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        statuses = self.server.statuses[self.path.partition("?")[0]]
        status = statuses[0] if len(statuses) == 1 else statuses.pop(0)
        is_forged = "X-MS-CLIENT-PRINCIPAL" in self.headers
        who = "browser" if "Mozilla" in self.headers["User-Agent"] else "client"
        if who == "browser":
            status = self.server.forging_browser if is_forged else self.server.browser
        elif is_forged:
            status = self.server.forged
        elif "Authorization" not in self.headers and self.path != "/api/health":
            status = self.server.anonymous or status
        if self.headers.get("Authorization") == "Bearer roleless":
            status = self.server.roleless
        body = json.dumps(self.server.health | self.runs()).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 302:
            self.send_header("Location", self.server.leads_to[who])
        self.end_headers()
        self.wfile.write(body)

    def runs(self):
        """One run for each upload that the fake CLI was asked for."""
        calls = self.server.upload_of.calls if self.server.upload_of else []
        return {"runs": [{"dataset": call[call.index("--name") + 1]} for call in calls if "upload" in call]}

    do_GET = do_POST = answer

    def log_message(self, *_):
        """Quiet."""


class Azure:
    """A folder with programs called az and azd, what they answer, and what they were asked."""

    def __init__(self, home):
        self.home, self.script = home, []
        (home / "n").write_text("0\n")
        for name in ("az", "azd"):
            program = home / name
            program.write_text(FAKE)
            program.chmod(program.stat().st_mode | stat.S_IEXEC)
        (home / "python3").symlink_to(sys.executable)

    def answers(self, *words, answer):
        """To a call with all these words: the answers one after the other, the last one for ever."""
        self.script.append([list(words), answer])

    def write(self):
        """Lay the rules out for the fake; those that are there already go on where they are."""
        for number, (words, answers) in enumerate(self.script):
            rule = self.home / f"rule-{number:02}"
            text = "".join(f"{word}\n" for word in words)
            if rule.exists() and (rule / "words").read_text() == text:
                continue
            rule.mkdir(exist_ok=True)
            (rule / "words").write_text(text)
            (rule / "seen").write_text("0\n")
            (rule / "last").write_text(f"{len(answers) - 1}\n")
            for i, answer in enumerate(answers):
                (rule / f"answer-{i}").write_text(json.dumps(answer) + "\n")

    def run(self, event, **environ):
        self.write()
        quick = {"HOOK_PAUSE_SECONDS": "0", "HOOK_WAIT_SECONDS": "20", "PATH": f"{self.home}:/usr/bin:/bin"}
        command = HOOKS[event]["posix"]["run"]
        return subprocess.run(
            ["sh", "-c", command],
            cwd=ROOT,
            env=quick | {"FAKE_HOME": str(self.home)} | environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def calls(self):
        count = int((self.home / "n").read_text())
        texts = ((self.home / f"call-{n}").read_text() for n in range(1, count + 1))
        return [text.removesuffix("\0").split("\0") for text in texts]


def provisioned(app):
    return {
        "AZURE_SUBSCRIPTION_ID": "s-1",
        "AZURE_RESOURCE_GROUP": "rg-x",
        "FUNCTION_APP_NAME": "func-x",
        "FUNCTION_APP_URL": app.url,
        "SYSTEM_TOPIC_NAME": "evgt-x",
        "DATA_STORAGE_NAME": "stdatax",
        "DEAD_LETTER_CONTAINER": "event-dead-letters",
    }
