"""The Skillhabit OData gateway: a read-only OData service over the Skillhabit Analytics API."""

__version__ = "0.1.0"
