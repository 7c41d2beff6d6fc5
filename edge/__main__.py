"""`python -m edge` is `zhanggui-edge`."""

from edge.cli import main

if __name__ == "__main__":
    main()
