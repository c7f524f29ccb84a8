"""A deployed app for the command line: itself on twins, or what it is told to answer; and an `az` that is signed in."""

import base64
import json
from urllib.parse import urlsplit

import cli.app
import cli.azure
from cli.sending import Reply
from shared.core.status import Status
from tests.functions.populated import APPROVER, Asked, who, world_with_runs

URL, CLIENT_ID, STORAGE = "https://app.example", "11111111-2222-3333-4444-555555555555", "stdata"
AT = {status: f"{number:020x}" for number, status in enumerate(Status)}


def token_of(person):
    """A token as Entra makes them, but for its signature."""
    claims = base64.urlsafe_b64encode(json.dumps({"oid": person}).encode()).decode().rstrip("=")
    return f"e30.{claims}.c2ln"


class Deployed:
    """What stands behind the address, and who asks it.

    Attributes:
        answers: what the next requests get, instead of the app's own answers: a `Reply`, or an error to raise.
        sent: method, path with query, and body of each request.
        role: of who asks.
        waits: called before each request; a test moves the world on in it.
    """

    def __init__(self, monkeypatch):
        self.world, _ = world_with_runs()
        self.app = Asked(self.world, monkeypatch)
        self.answers, self.sent, self.tokens = [], [], []
        self.role, self.person = APPROVER, "oid-1"
        self.waits = lambda: None
        self.azure = {}
        monkeypatch.setenv("FUNCTION_APP_URL", URL)
        monkeypatch.setenv("AUTH_CLIENT_ID", CLIENT_ID)
        monkeypatch.setenv("DATA_STORAGE_NAME", STORAGE)
        monkeypatch.setattr(cli.app, "send_by_http", self.send)
        monkeypatch.setattr(cli.app, "_pause", lambda _: None)
        monkeypatch.setattr(cli.app, "_AZURE_LOOK_S", 0.0)
        monkeypatch.setattr(cli.azure, "run", self.az)

    def az(self, program, *arguments):
        """What the programs of Azure write; an error of `azure`, by the first words, is raised."""
        for words, answer in self.azure.items():
            if " ".join((program, *arguments)).startswith(words):
                if isinstance(answer, Exception):
                    raise answer
                return answer
        if (program, *arguments[:2]) == ("az", "account", "get-access-token"):
            self.tokens.append(arguments[3])
            return json.dumps({"accessToken": token_of(self.person), "expires_on": 2**40})
        raise AssertionError(program, arguments)

    def send(self, method, url, headers, body):
        self.waits()
        parts = urlsplit(url)
        asked = f"{parts.path}?{parts.query}" if parts.query else parts.path
        self.sent.append((method, asked, body))
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        assert headers["Authorization"] == f"Bearer {token_of(self.person)}"
        given = {name: value for name, value in headers.items() if name != "Authorization"}
        principal = who(self.role, self.person)
        response = self.app.request(method, asked, headers=principal | given, body=body or b"")
        assert response is not None, asked
        return Reply(response.status_code, response.get_body())
