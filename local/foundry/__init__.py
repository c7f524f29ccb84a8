"""A Foundry stand-in: the HTTP paths, shapes and states of fine-tuning, deployment and chat, on this machine."""
