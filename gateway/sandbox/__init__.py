"""A second, independent implementation of the Analytics API, for demo, tests and load."""

from gateway.sandbox.app import create_sandbox
from gateway.sandbox.dataset import Dataset
from gateway.sandbox.faults import Faults
from gateway.sandbox.generator import generate
from gateway.sandbox.tokens import make_token

__all__ = ["Dataset", "Faults", "create_sandbox", "generate", "make_token"]
