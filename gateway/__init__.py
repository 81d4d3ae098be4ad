"""The Skillhabit OData gateway: a read-only OData service over the Skillhabit Analytics API."""
