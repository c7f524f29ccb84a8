"""Asks a deployment of the local cloud one question, with Azure's own clients."""

from __future__ import annotations

import os

from azure.ai.projects import AIProjectClient
from azure.identity import ManagedIdentityCredential

from local.cloud import CloudInfo
from local.stand_in import client_environment


def ask(info: CloudInfo, deployment: str, system: str, question: str) -> str:
    """The answer of a deployment."""
    os.environ |= client_environment(info.identity_endpoint, info.ca_bundle)
    project = AIProjectClient(endpoint=info.project_endpoint, credential=ManagedIdentityCredential())
    with project, project.get_openai_client() as client:
        completion = client.chat.completions.create(
            model=deployment,
            messages=[{"role": "system", "content": system}, {"role": "user", "content": question}],
        )
    return completion.choices[0].message.content or ""
