"""`python -m gateway`: the command line without the script `skillhabit-odata`."""

from gateway.cli import main

if __name__ == "__main__":
    main(prog_name="skillhabit-odata")
