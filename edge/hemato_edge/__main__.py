"""`python -m hemato_edge`."""

from hemato_edge.cli.entry import main

if __name__ == "__main__":
    main()
