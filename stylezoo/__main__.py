"""`python -m stylezoo` is the command `stylezoo`."""

from stylezoo.cli.main import main

if __name__ == "__main__":
    main()
