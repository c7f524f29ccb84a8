"""Makes the command line runnable: `python -m cli validate FILE`."""

from cli.main import main

if __name__ == "__main__":  # other processes import this module too
    main()
