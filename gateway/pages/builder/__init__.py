"""The query builder: turns a form into a URL and back, and shows the first rows of its response."""
