"""What an operator sees, and the outside world that is injected; imports nothing of the gateway."""

from gateway.observe.world import Clock, Observer

__all__ = ["Clock", "Observer"]
