"""Stub."""

import argparse


def add_to(command: argparse.ArgumentParser) -> None:
    """Add."""
    del command
