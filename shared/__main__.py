"""Makes the command line runnable: `python -m shared validate FILE`."""

from shared.commands import main

main()
