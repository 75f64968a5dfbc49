"""What pages may load and use: none may more than it needs."""

from collections.abc import Mapping


def _policy(scripts: str = "'self'") -> str:
    return (
        f"default-src 'none'; style-src 'self'; script-src {scripts}; img-src 'self';"
        " connect-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    )


COMMON: Mapping[str, str] = {
    "content-security-policy": _policy(),
    "x-content-type-options": "nosniff",
    # Nothing leaves this origin; with `no-referrer` a form of ours would not say where it is from.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
# Drawing codes, and reading them from the camera, takes WebAssembly, and nothing else that is made at run time.
DRAWING: Mapping[str, str] = {"content-security-policy": _policy("'self' 'wasm-unsafe-eval'")}
CAMERA: Mapping[str, str] = {
    **DRAWING,
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
}
