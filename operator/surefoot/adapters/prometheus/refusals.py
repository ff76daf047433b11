"""Why a source could not be asked, in words that say which file or which side to look at."""

import ssl

import aiohttp

from surefoot.adapters.prometheus.credentials import Auth
from surefoot.adapters.prometheus.payload import clean

# OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED, …_HOSTNAME_MISMATCH, …_IP_ADDRESS_MISMATCH.
_EXPIRED, _OTHER_NAME = 10, (62, 64)
_OUR_CERTIFICATE = {
    "CERTIFICATE_REQUIRED": "wants a client certificate",
    "CERTIFICATE_EXPIRED": "says that the client certificate has expired",
    "UNKNOWN_CA": "does not know the authority that signed the client certificate",
    "BAD_CERTIFICATE": "does not accept the client certificate",
    "CERTIFICATE_UNKNOWN": "does not accept the client certificate",
    "CERTIFICATE_REVOKED": "says that the client certificate is revoked",
    "HANDSHAKE_FAILURE": "ends the TLS handshake, most likely for want of a client certificate",
}


def unauthorized(where: str, status: int, auth: Auth) -> str:
    """HTTP 401 or 403."""
    if not auth.shown:
        return (
            f"Prometheus at {where} asks for credentials (HTTP {status}): {auth.advice.credentials}"
        )
    if status == 403:
        return (
            f"Prometheus at {where} knows the credentials but forbids the query (HTTP 403): give them "
            f"the right to read, or change {auth.shown}"
        )
    return f"Prometheus at {where} refuses the credentials (HTTP {status}): look at {auth.shown}"


def unreachable(where: str, error: Exception, auth: Auth, secure: bool = False) -> str:
    """No answer at all; `secure`: over TLS."""
    said = _tls(error, auth)
    if said is None and secure and _broke_off(error):
        # With TLS 1.3 a client learns only after the handshake that it is not let in.
        said = f"closes the connection after the TLS handshake, most likely since it {_hint(auth)}"
    if said is not None:
        return f"Prometheus at {where} {said}"
    text = f"Prometheus at {where} cannot be reached ({_why(error)})"
    return f"{text}: {auth.advice.reach}"


def _tls(error: BaseException | None, auth: Auth) -> str | None:
    """What went wrong with a certificate, on either side; aiohttp wraps the reason."""
    for _ in range(5):
        wrapped = getattr(error, "certificate_error", None) or getattr(error, "os_error", None)
        if wrapped is None and isinstance(error, ssl.SSLCertVerificationError):
            return _theirs(error, auth)
        if wrapped is None and isinstance(error, ssl.SSLError):
            return _ours(error, auth)
        error = wrapped or (error.__cause__ or error.__context__ if error is not None else None)
    return None


def _theirs(error: ssl.SSLCertVerificationError, auth: Auth) -> str:
    if error.verify_code == _EXPIRED:
        return "has a certificate that has expired: renew it there"
    if error.verify_code in _OTHER_NAME:
        return f"has a certificate for another name ({clean(error.verify_message)}): ask it by that name"
    return (
        f"has a certificate that is not trusted ({clean(error.verify_message)}): "
        f"{auth.advice.authority}"
    )


def _ours(error: ssl.SSLError, auth: Auth) -> str:
    reason = error.reason or ""
    for word, said in _OUR_CERTIFICATE.items():
        if word in reason:
            files = f"look at {auth.certificate}" if auth.certificate else auth.advice.certificate
            return f"{said}: {files}"
    return (
        f"fails in TLS ({clean(reason or type(error).__name__)}): check that its address is https"
    )


def _broke_off(error: Exception) -> bool:
    reset = isinstance(error, ConnectionResetError) or isinstance(
        error.__cause__, ConnectionResetError
    )
    return reset or isinstance(error, aiohttp.ServerDisconnectedError)


def _hint(auth: Auth) -> str:
    if auth.certificate:
        return f"does not accept the client certificate: look at {auth.certificate}"
    return f"wants a client certificate: {auth.advice.certificate}"


def _why(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return clean(error.os_error.strerror or "no connection")
    if isinstance(error, aiohttp.ClientPayloadError | aiohttp.ServerDisconnectedError):
        return "the connection broke off"
    return type(error).__name__
