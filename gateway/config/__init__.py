"""Settings. This package imports nothing of the gateway; what is wrong is a `ValueError`."""

from gateway.config.settings import Settings, load_settings
from gateway.config.table import ENVIRONMENT_PREFIX, SETTINGS, Setting

__all__ = ["ENVIRONMENT_PREFIX", "SETTINGS", "Setting", "Settings", "load_settings"]
