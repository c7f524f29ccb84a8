"""Secrets do not travel, ordinary text does."""

import time

import pytest

from shared.core.dataset.rules.texts import SECRETS
from shared.core.masking import mask, mask_secrets

A40 = "A1b2C3d4E5" * 4
#: Made up; each has the shape of its kind.
SHAPES = {
    "GitHub, fine-grained": f"github_pat_11ABCDEFG0{A40}_{A40}",
    "GitHub": f"ghp_{A40}"[:40],
    "GitLab": "glpat-x1Yz2Ab3Cd4Ef5Gh6Ij7",
    "GitLab, deploy": "gldt-x1Yz2Ab3Cd4Ef5Gh6Ij7",
    "npm": f"npm_{A40}"[:40],
    "PyPI": f"pypi-AgEIcHlwaS5vcmc{A40}",
    "Entra client secret": "abc8Q~" + "aB3._~-xyz" * 3 + "q",
    "Azure storage key": "Ab3/" * 21 + "xY==",
    "Azure AI key": "Ab3x" * 13 + "JQQJ99AKACYeBjFXJ3w3AAABACOG" + "Zz9y",
    "OpenAI": f"sk-proj-{A40}",
    "Anthropic": f"sk-ant-api03-{A40}",
    "Stripe": "sk_live_" + "51Habc" * 4,
    "Slack": "xoxb-123456789012-abcdefABCDEF",
    "Hugging Face": f"hf_{A40}"[:37],
    "Google": f"AIza{A40}"[:39],
    "AWS": "AKIAIOSFODNN7EXAMPLE",
    "JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP-mB92K27uhbU",
    "the shortest of all": "eyJabcde",
    "Stripe, of webhooks": "whsec_" + "=" * 12,
    "private key": "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7\nabc\n-----END RSA PRIVATE KEY-----",
}
#: Text before, secret, text after: what stands before and after stays.
NAMED = [
    ("Endpoint=sb://x.net/;SharedAccessKeyName=Root;SharedAccessKey=", "q1w2e3r4t5y6u7i8=", ";EntityPath=h"),
    ("AccountName=a;AccountKey=", "abcdefghijkl==", ";EndpointSuffix=core.windows.net"),
    ("https://a.blob.core.windows.net/c/b?sv=2024-11-04&sig=", "AbC%2B1d2", "&se=2026"),
    ("https://f.azurewebsites.net/api/x?code=", "Zx9_8y7w6v5u==", " failed"),
    ("Authorization: Bearer ", "abcdef.123456", " was refused"),
    ("authorization: Basic ", "dXNlcjpwdw==", ""),
    ("header Bearer ", "0123456789abcdef", " x"),
    ('{"client_secret": "', "hello world", '", "x": 1}'),
    ('{"access_token":"', "abc", '","expires_in":3599}'),
    ('{"api-key": "', "0a1b2c3d", '"}'),
    ("{'api_key': '", "0a1b2c3d", "'}"),
    ('{"body": "{\\"apiKey\\": \\"', "0a1b2c3d", '\\"}"}'),
    ("AZURE_CLIENT_SECRET=", "s3cr3tvalue", " next"),
    ("client_secret=", "s3cr3tvalue", "&grant_type=x"),
    ("access_token=", "ya30xyz", "&x=1"),
    ("refresh_token: ", "0.AXoA1234", ""),
    ("api-key: ", "0a1b2c3d4e5f", " given"),
    ("Ocp-Apim-Subscription-Key: ", "0a1b2c3d4e5f", ""),
    ("x-functions-key=", "0a1b2c3d4e5f", ""),
    ("password=", "hunter22", " x"),
    ('"password": "', "hunter", '"'),
    ("Password: ", "hunter22", ""),
    ("pwd = ", "hunter22", ";"),
    ("postgres://user:", "hunter2", "@db.example:5432/x"),
]
ORDINARY = [
    "",
    "boxes",
    "naïve — 🙂",
    "The bearer token is missing.",
    "Bearer authentication is required",
    "The secret: patience, and time.",
    "password: required",
    "Access token: expired",
    "the key is here: abcdefghijklmnop",
    "max_tokens: 4096, token count=12",
    "?code=404&state=ok",
    "HTTP 400 invalidPayload: expected text, found null",
    "risk-assessment-of-the-task-force, sk-learn, disk-encryption-set-of-the-account",
    "messages[2].content: key 'conten' is not known; did you mean content?",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "run 0f1e2d3c4b5a69788796a5b4c3d2e1f0 of pipeline boxes",
    "job ftjob-0123456789abcdef0123456789abcdef, file-0123456789abcdef",
    "2026-11-28T14:18:00Z, request id 6f9619ff-8b86-d011-b42d-00cf4fc964ff",
    "https://example.net:8080/a@b?x=1#y",
    "gpt-4.1-nano-2025-04-14.ft-0123456789abcdef0123456789abcdef",
    "the glue-factory-of-the-town, npm_config, gh_pages, xoxo",
    "[key] [mail] [number]",
]


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("around", ["{}", "use {} now", '"{}"', "x={};", "key '{}' is not known"])
def test_a_secret_of_a_known_shape_is_masked_wherever_it_stands(kind, around):
    shown = mask_secrets(around.format(SHAPES[kind]))

    assert "[key]" in shown
    assert not any(SHAPES[kind][at : at + 8] in shown for at in range(len(SHAPES[kind]) - 8))
    assert shown.startswith(around.partition("{")[0])


@pytest.mark.parametrize(("before", "secret", "after"), NAMED)
def test_a_secret_behind_its_name_is_masked_and_nothing_else(before, secret, after):
    assert mask_secrets(f"{before}{secret}{after}") == f"{before}[key]{after}"


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays(text):
    assert mask_secrets(text) == text


@pytest.mark.parametrize("text", [*SHAPES.values(), *("".join(parts) for parts in NAMED), *ORDINARY])
def test_masking_twice_is_masking_once(text):
    assert mask(mask(text)) == mask(text)


def test_what_names_a_person_is_masked_in_what_a_dataset_says_only():
    text = "write to jane.doe@example.com or call +49 (30) 1234 5678"

    assert mask(text) == "write to [mail] or call [number]"
    assert mask_secrets(text) == text


def test_each_kind_of_secret_that_the_rule_finds_is_masked():
    """Nothing that DS081 takes for a secret is shown by another rule that quotes the same text."""
    for kind, (_, pattern) in SECRETS.items():
        matches = [match[0] for text in SHAPES.values() if (match := pattern.search(text))]
        matches += [match[0] for parts in NAMED if (match := pattern.search("".join(parts)))]
        assert all("[key]" in mask_secrets(match) for match in matches), kind


HOSTILE = [
    *(
        "a",
        "=",
        "[",
        "eyJ",
        "eyJa.",
        "sk-",
        "a@",
        "1 ",
        "a.a@a.",
        "://a:",
        "Bearer ",
        "password=",
        "password:",
        "-----BEGIN ",
    ),
    *("Q~", '\\"', "token\\\\", "AAAA", "secret  ", "sig", "?code=", "A-_ "),
]


@pytest.mark.parametrize("part", HOSTILE)
def test_time_is_in_proportion_to_the_text(part):
    def seconds(length):
        text = (part * length)[:length]
        start = time.process_time()
        mask(text)
        return time.process_time() - start

    seconds(1000)
    assert min(seconds(40_000) for _ in range(2)) < 1.0
