"""Signing in at a stand-in as the app does."""

from local.stand_in import client_environment


def sign_in(patch, ready):
    """Set the environment in which azure-identity and the clients find a stand-in and trust it."""
    for name, value in client_environment(ready["identity_endpoint"], ready["ca_bundle"]).items():
        patch.setenv(name, value)
