"""Principals as App Service authentication writes them."""

import base64
import json


def principal(*claims, **fields):
    """The header of somebody with these claims, each a pair of type and value."""
    value = {
        "auth_typ": "aad",
        "claims": [{"typ": typ, "val": val} for typ, val in claims],
        "name_typ": "name",
        "role_typ": "roles",
    }
    return {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(value | fields).encode()).decode()}
