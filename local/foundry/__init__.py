"""A stand-in for Microsoft Foundry: fine-tuning, deployment and answers over HTTP, on this machine."""
