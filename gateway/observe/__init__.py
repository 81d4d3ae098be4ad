"""Logs, metrics, traces and the injected clock; imports nothing else of the gateway."""

from gateway.observe.world import Clock, Observer

__all__ = ["Clock", "Observer"]
