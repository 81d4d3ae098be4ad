"""One request from the raw URL to the response: choose the source, get the rows, write them."""
