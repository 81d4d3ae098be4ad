"""Parts that OData endpoints and pages share: the caller of a request, its URL, media types."""
