"""Makes one self-contained page of a template, and C++ of the page.

    embed_page.py TEMPLATE HEADER NAME FILE... >page.cc

`{{file}}` in the template is replaced by the FILE of that name. HEADER declares, in namespace preforkd, kNAMEHtml,
kNAMEPolicy and kNAMETag: the page, its Content-Security-Policy, and its entity tag. The Content-Security-Policy allows exactly the styles and the scripts that are in the page,
by their hashes, and asking the server that it came from; nothing else, from nowhere.
"""

import base64
import hashlib
import re
import sys
from pathlib import Path

# Longer literals are not portable; the compiler joins adjacent ones.
PIECE = 8000


def assemble(template, files):
    def content(match):
        if match[1] not in files:
            raise SystemExit(f"embed_page: the template asks for {match[1]}, which is not among the files")
        return files.pop(match[1])

    page = re.sub(r"\{\{([\w.]+)\}\}", content, template)
    if files:
        raise SystemExit(f"embed_page: the template does not ask for {' '.join(files)}")
    for forbidden in (r"\ssrc=", r"@import", r"\son\w+=\"", r"\sstyle=\"", r"https?://(?!www\.w3\.org/2000/svg)"):
        found = re.search(forbidden, page)
        if found:
            raise SystemExit(f"embed_page: {found[0].strip()} has no place in a self-contained page")
    return page


def digest(text):
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def policy(page):
    def sources(tag):
        contents = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        return " ".join(f"'sha256-{digest(content)}'" for content in contents) or "'none'"

    return "; ".join((
        "default-src 'none'", f"script-src {sources('script')}", f"style-src {sources('style')}", "connect-src 'self'",
        "img-src data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"))


def literal(text):
    pieces = [text[i:i + PIECE] for i in range(0, len(text), PIECE)]
    assert ')page"' not in text
    return "\n".join(f'R"page({piece})page"' for piece in pieces)


def main():
    template, header, name, *files = sys.argv[1:]
    page = assemble(Path(template).read_text(), {Path(file).name: Path(file).read_text() for file in files})
    print(f'#include "{header}"\n\nnamespace preforkd {{\n')
    print(f"const std::string_view k{name}Html =\n{literal(page)};\n")
    print(f"const std::string_view k{name}Policy =\n{literal(policy(page))};\n")
    print(f'const std::string_view k{name}Tag = "\\"{hashlib.sha256(page.encode()).hexdigest()[:16]}\\"";\n')
    print("}  // namespace preforkd")


main()
