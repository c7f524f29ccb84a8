"""Addresses in Foundry's portal."""

from __future__ import annotations

import base64
import re
from typing import Final
from urllib.parse import quote, urlsplit

import msgspec

_IS_GUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Portal(msgspec.Struct, frozen=True, kw_only=True):
    """Where this app's Foundry project is.

    Attributes:
        subscription_id: of the account.
        resource_group: of the account.
        account: its name.
        endpoint: of the project.
    """

    subscription_id: str
    resource_group: str
    account: str
    endpoint: str

    def job(self, job_id: str) -> str:
        """The page of a job; empty where the project is not in Azure.

        The form is what azd's own extension for fine-tuning prints (Azure/azure-dev, `azure.ai.finetune`, read 2026-11): the
        subscription as 22 characters, its 16 bytes in base64 for URLs.
        """
        parts = urlsplit(self.endpoint)
        project = parts.path.removeprefix("/api/projects/").strip("/")
        is_azure = (parts.hostname or "").endswith(".services.ai.azure.com")
        is_known = _IS_GUID.fullmatch(self.subscription_id) and project and "/" not in project
        if not (is_azure and is_known):
            return ""
        raw = bytes.fromhex(self.subscription_id.replace("-", ""))
        subscription = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        place = ",".join(
            quote(part, safe="") for part in (subscription, self.resource_group, "", self.account, project)
        )
        return f"https://ai.azure.com/nextgen/r/{place}/build/fine-tune/{quote(job_id, safe='')}/details"
