"""How a server is believed over TLS, and how this side shows who it is; the options of URLs that say so.

?ssl_cert_reqs=required    or optional, none (or Celery's CERT_REQUIRED ...)
?ssl_ca_certs=FILE         the authorities to trust; the system's without it
?ssl_certfile=FILE         our certificate, &ssl_keyfile=FILE its key
?ssl_check_hostname=true   whether the certificate must be the one of the host in the URL
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from .exceptions import ImproperlyConfigured

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})
_REQUIREMENTS: Final = {
    "required": ssl.CERT_REQUIRED, "cert_required": ssl.CERT_REQUIRED,
    "optional": ssl.CERT_OPTIONAL, "cert_optional": ssl.CERT_OPTIONAL,
    "none": ssl.CERT_NONE, "cert_none": ssl.CERT_NONE,
}  # fmt: skip


class Tls(msgspec.Struct, frozen=True):
    """How a server is believed, and how this side shows who it is.

    Attributes:
        requirement: whether the server must show a certificate that is trusted.
        authorities: file of the authorities to trust; None means the system's.
        certificate: file of our certificate, None when the server does not ask for one.
        key: file of its key, None when it stands in the same file.
        hostname: whether the certificate must be the one of this host.
    """

    requirement: ssl.VerifyMode = ssl.CERT_REQUIRED
    authorities: str | None = None
    certificate: str | None = None
    key: str | None = None
    hostname: bool = True

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Tls:
        """What options say, under the names of a URL (see the module) or of Python's ``ssl`` (``ca_certs``, ...).

        Raises:
            ImproperlyConfigured: one of them cannot be read.

        Example:
            >>> Tls.of({"ssl_ca_certs": "ca.pem"}).authorities
            'ca.pem'
        """
        own = {name.removeprefix("ssl_"): value for name, value in given.items()}
        return cls(
            requirement=_requirement(own.get("cert_reqs", ssl.CERT_REQUIRED)),
            authorities=own.get("ca_certs") or None,
            certificate=own.get("certfile") or None,
            key=own.get("keyfile") or None,
            hostname=_flag("ssl_check_hostname", own.get("check_hostname", True)),
        )

    def context(self) -> ssl.SSLContext:
        """What wraps a socket.

        Raises:
            ImproperlyConfigured: one of the files cannot be used.
        """
        try:
            context = ssl.create_default_context(cafile=self.authorities)
            context.check_hostname = self.hostname and self.requirement == ssl.CERT_REQUIRED
            context.verify_mode = self.requirement
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            raise ImproperlyConfigured(
                f"The TLS files of the URL cannot be used ({error}); check ssl_ca_certs, ssl_certfile and ssl_keyfile."
            ) from error
        return context


def _requirement(value: Any) -> ssl.VerifyMode:
    if isinstance(value, int):
        return ssl.VerifyMode(value)
    found = _REQUIREMENTS.get(str(value).lower())
    if found is None:
        raise ImproperlyConfigured(f"ssl_cert_reqs is {value!r}; write required, optional or none.")
    return found


def _flag(name: str, value: Any) -> bool:
    text = str(value).lower()
    if text not in _TRUE | _FALSE:
        raise ImproperlyConfigured(f"{name} is {value!r}; write true or false.")
    return text in _TRUE
