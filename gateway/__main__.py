"""`python -m gateway`: the command line, where the script `skillhabit-odata` is not on the path."""

from gateway.cli import main

if __name__ == "__main__":
    main(prog_name="skillhabit-odata")
