"""Settings. This package imports nothing else of the gateway; invalid settings raise ValueError."""

from gateway.config.relative_paths import FileFolder, with_paths
from gateway.config.setting import ENVIRONMENT_PREFIX, Setting, Share
from gateway.config.settings import (
    Settings,
    file_paths,
    load_settings,
    origins,
    roles_of_workspaces,
)
from gateway.config.table import PROVED, SETTINGS, STATED
from gateway.config.tenancy import DEFAULT_WORKSPACE, Role

__all__ = [
    "DEFAULT_WORKSPACE",
    "ENVIRONMENT_PREFIX",
    "PROVED",
    "SETTINGS",
    "STATED",
    "FileFolder",
    "Role",
    "Setting",
    "Settings",
    "Share",
    "file_paths",
    "load_settings",
    "origins",
    "roles_of_workspaces",
    "with_paths",
]
