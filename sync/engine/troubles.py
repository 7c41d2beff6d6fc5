"""Why there is no way to the hub, as a code that a page has a sentence for.

Codes: `no_broker` nobody answers; `no_tls` it speaks without TLS; `unknown_ca` its certificate is not of the CA we hold;
`wrong_host` its certificate is for another name; `broker_expired` its certificate is over (or our clock is wrong);
`tls_too_old` no common version; `certificate_expired`, `certificate_revoked`, `certificate_refused` what it says of ours;
`no_certificate` ours cannot be read; `sign_in_refused` name and token do not fit. With a broker that is reached: `hub_silent`
nobody answers our HELLO; `hub_ignores` nor does the hub, whose doorbell is heard meanwhile.
"""

import ssl

from sync.engine.tls import NotTlsError

CODES = (
    "no_broker",
    "no_tls",
    "unknown_ca",
    "wrong_host",
    "broker_expired",
    "tls_too_old",
    "certificate_expired",
    "certificate_revoked",
    "certificate_refused",
    "no_certificate",
    "sign_in_refused",
    "hub_silent",
    "hub_ignores",
)

_EXPIRED, _NOT_YET = 10, 9
_WRONG_NAME = (62, 64)
_VERIFY = {_EXPIRED: "broker_expired", _NOT_YET: "broker_expired", **dict.fromkeys(_WRONG_NAME, "wrong_host")}
"""OpenSSL's X509_V_ERR numbers; every other one is a chain that does not lead to our CA."""

_ALERTS = (
    # What the other side says of our certificate (RFC 8446 §6.2); OpenSSL writes the names this way.
    ("ALERT_CERTIFICATE_EXPIRED", "certificate_expired"),
    ("ALERT_CERTIFICATE_REVOKED", "certificate_revoked"),
    ("ALERT_UNKNOWN_CA", "certificate_refused"),
    ("ALERT_BAD_CERTIFICATE", "certificate_refused"),
    ("ALERT_UNSUPPORTED_CERTIFICATE", "certificate_refused"),
    ("ALERT_CERTIFICATE_UNKNOWN", "certificate_refused"),
    ("ALERT_CERTIFICATE_REQUIRED", "certificate_refused"),
    ("ALERT_ACCESS_DENIED", "certificate_refused"),
    ("ALERT_HANDSHAKE_FAILURE", "certificate_refused"),
    ("ALERT_PROTOCOL_VERSION", "tls_too_old"),
    ("UNSUPPORTED_PROTOCOL", "tls_too_old"),
    ("WRONG_VERSION_NUMBER", "no_tls"),
    ("UNEXPECTED_EOF", "no_tls"),
    ("RECORD_LAYER_FAILURE", "no_tls"),
)


def of_error(error: OSError) -> str:
    """Name what went wrong while connecting."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFY.get(error.verify_code, "unknown_ca")
    if isinstance(error, NotTlsError):
        return "no_tls"
    if isinstance(error, ssl.SSLError):
        return of_text(str(error)) or "no_tls"
    return "no_broker"


def of_text(text: str) -> str:
    """Name what a line of the library's log says of the end of a link; empty when it says nothing of TLS.

    With TLS 1.3 a server looks at a client's certificate after the client thinks that all is well: the refusal arrives
    with the first read, where the library only logs it.
    """
    plain = text.upper().replace(" ", "_")
    return next((code for alert, code in _ALERTS if alert in plain), "")
