"""An independent implementation of the Analytics API, for demos, tests and load tests."""

from gateway.sandbox.app import create_sandbox
from gateway.sandbox.dataset import Dataset
from gateway.sandbox.faults import Faults
from gateway.sandbox.generator import generate
from gateway.sandbox.tokens import make_token

__all__ = ["Dataset", "Faults", "create_sandbox", "generate", "make_token"]
