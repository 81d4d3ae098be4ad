"""What the vendor or the owner says about the API before the first probe: claims, to be tested."""
