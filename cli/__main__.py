"""Makes the command line runnable from a checkout: `python -m cli validate FILE`."""

from cli.main import main

if __name__ == "__main__":
    main()
