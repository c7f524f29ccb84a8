"""Texts that rules about texts find, and texts that they do not; fake secrets and invented people only."""

from __future__ import annotations

from shared.core.dataset.rulebook import Rule, Scope
from shared.core.dataset.rules import RULES

BAD = {
    "DS080": ["<|eot_id|>", "x<|python_tag|>y"],
    "DS102": ["<|im_start|>", "x<|endoftext|>y", "<|fim_suffix|>"],
    "DS081": [
        "-----BEGIN RSA PRIVATE KEY-----", "AKIAIOSFODNN7EXAMPLE", "sk-ant-api03-aaaaaaaaaaaaaaaaaaaa",
        "sk-proj-abcdefghijklmno7qrstUv", "ghp_" + "a1" * 18, "github_pat_" + "a" * 40, "xoxb-123456789012-abc",
        "AIza" + "Sy" * 17 + "A", "hf_" + "a" * 30,
        "sk_live_" + "a" * 16, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.c2lnbmF0dXJl", "AccountKey=" + "a" * 40 + "==",
        "https://x.blob.core.windows.net/c?sv=1&sig=" + "a" * 30, "abc8Q~" + "a" * 32,
    ],
    "DS082": [
        "ada.lovelace@contoso.com", "+49 30 1234 5678", "(425) 882-8080", "425-882-8080", "219-09-9999", "4111 1111 1111 1111",
        "GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "+1 (212) 736-5000", "+4915112345678",
    ],
    "DS083": ["Show your reasoning.", "chain-of-thought", "step by step reasoning"],
    "DS084": ["The caf\ufffd", "cafÃ©", "itâ€™s"],
}  # fmt: skip
FINE = [
    "ada@example.com", "ada@mail.example", "version 1.2.3.4", "2026-11-23", "1234 5678", "4111 1111 1111 1112",
    "GB83 WEST 1234 5698 7654 32", "000-12-3456", "a < b | c > d", "sk-short", "the task-force", "AKIA",
    "10.0.0.1:8080", "1,234,567.89",
    "3.14159265358979", "São Paulo", "GET /a?sign=1", "tel 555-0100", "x@y", "£5", "naïve â la carte",
    "2**64 = 18446744073709551616", "0000 0000 0000 0000",
]  # fmt: skip
CASES = [(code, text) for code, texts in BAD.items() for text in texts]
TEXT_RULES: list[Rule] = [rule for rule in RULES.values() if rule.checks[0].on is Scope.TEXT]
NEEDLES = {rule: rule.needles for rule in TEXT_RULES}


def codes_of(text: str) -> set[str]:
    """The rules about texts that find something in a text."""
    return {rule.code for rule in TEXT_RULES for _ in rule(text, "")}
