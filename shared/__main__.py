"""Makes the command line runnable: `python -m shared validate FILE`."""

from shared.commands import main

if __name__ == "__main__":  # other processes import this module too
    main()
