"""What goes upstream, what stays here."""
