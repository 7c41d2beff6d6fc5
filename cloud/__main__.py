"""`python -m cloud` is `zhanggui-hub`."""

from cloud.cli import main

if __name__ == "__main__":
    main(prog_name="zhanggui-hub")
