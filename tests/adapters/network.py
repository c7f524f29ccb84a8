"""Connection strings of Azurite with a fault server in front of one of its services."""

from urllib.parse import urlsplit

from tests.adapters.fault_server import fault_server, forward


def no_credential():
    raise AssertionError("a connection string needs no credential")


def port_of(connection_string, service):
    """Port of `Blob` or `Table`."""
    parts = dict(part.split("=", 1) for part in connection_string.strip(";").split(";"))
    return urlsplit(parts[f"{service}Endpoint"]).port


def in_front_of(connection_string, service):
    """A fault server that forwards to a service."""
    return fault_server(forward(port_of(connection_string, service)))


def through(connection_string, service, network):
    """The connection string with the network in front of a service."""
    port = port_of(connection_string, service)
    return connection_string.replace(f"127.0.0.1:{port}", network.url.removeprefix("http://"))
