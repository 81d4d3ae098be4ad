"""One call to the Analytics API: the request, the response, and its rows as typed columns."""
