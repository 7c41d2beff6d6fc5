"""TLS to the broker: 1.2 at least, the broker's chain and name checked, our own certificate where it asks for one."""

import ssl

import msgspec


class TlsFiles(msgspec.Struct, frozen=True, kw_only=True):
    """What TLS needs of the disk, as paths of PEM files. `certificate` and `key` are empty where the broker asks for none.

    They are read anew for each connection, so that a renewed certificate counts from the next one on.
    """

    ca: str
    certificate: str = ""
    key: str = ""


class FilesError(Exception):
    """A certificate, key or CA cannot be read; the message names the file, never what is in it."""


class NotTlsError(OSError):
    """Whoever answered ended the connection in the middle of the handshake: it does not speak TLS, or not with us."""


class TidySocket(ssl.SSLSocket):
    """Closes itself when the handshake fails; paho forgets it then, and it would stay open until the collector comes."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - the library's own signature
        """Shake hands."""
        try:
            super().do_handshake(block)
        except (ConnectionResetError, BrokenPipeError) as error:
            self.close()
            raise NotTlsError(str(error)) from error
        except OSError:
            self.close()
            raise


def context(files: TlsFiles) -> ssl.SSLContext:
    """Make what a connection is checked by: TLS 1.2 at least, the broker's chain and name, our certificate.

    Raises:
        FilesError: a file is missing or damaged.
    """
    try:
        made = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=files.ca)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        made.sslsocket_class = TidySocket
        if files.certificate:
            made.load_cert_chain(files.certificate, files.key or None)
    except (OSError, ValueError) as error:
        named = f"{files.ca}, {files.certificate}, {files.key}"
        raise FilesError(f"one of {named} is missing or damaged") from error
    return made
