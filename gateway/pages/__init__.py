"""What a person sees in a browser: HTML, made whole here, that needs no script to be read."""
