"""The certificate that all servers use: ECDSA on P-256, signed by itself; each run makes its own."""

import subprocess

_DAYS = 30  # a server may warn of one that ends sooner


def make(folder):
    """Writes chain.pem, key.pem, and both.pem with both of them, which HAProxy wants."""
    folder.mkdir(mode=0o755)
    chain, key = folder / "chain.pem", folder / "key.pem"
    # Without openssl.cnf, which may say anything.
    subprocess.run(["/usr/bin/openssl", "req", "-x509", "-config", "/dev/null", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-noenc", "-sha256", "-days", str(_DAYS), "-subj", "/CN=bench",
                    "-addext", "subjectAltName=DNS:bench", "-keyout", key, "-out", chain],
                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True)
    both = folder / "both.pem"
    both.touch(mode=0o600)
    both.write_text(chain.read_text() + key.read_text())
