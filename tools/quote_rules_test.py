#!/usr/bin/env python3
"""Pages quote the source as it is (quote_rules.py), and the check finds a quote that is not."""

import tempfile
import unittest
from pathlib import Path

import layout_rules
import quote_rules

# Bazel's runfiles are links into the source tree; BUILD.bazel says why this test may leave its sandbox.
ROOT = Path(__file__).resolve().parent.parent

SOURCE = "int One() {\n  return 1;\n}\n"


def page(text, path="a.cc"):
    return f"It is short:\n\n<!-- from {path} -->\n```cpp\n{text}```\n\nBehind it.\n"


class Quotes(unittest.TestCase):
    def findings(self, text):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "a.cc").write_text(SOURCE)
            return list(quote_rules.findings_in(folder, "README.md", text))

    def test_the_source_or_a_part_of_it_may_be_quoted(self):
        for text in (SOURCE, "  return 1;\n"):
            self.assertEqual(self.findings(page(text)), [])

    def test_another_text_is_found_and_its_line_named(self):
        found = self.findings(page("  return 2;\n"))
        self.assertEqual([finding.where for finding in found], ["README.md:3"])

    def test_a_missing_file_is_found(self):
        self.assertEqual(len(self.findings(page(SOURCE, "gone.cc"))), 1)

    def test_a_mark_without_a_block_is_found(self):
        self.assertEqual(len(self.findings("<!-- from a.cc -->\n\nreturn 1\n")), 1)

    def test_this_tree_quotes_what_there_is(self):
        findings = quote_rules.check_tree(ROOT)
        if findings:
            self.fail("\n" + "\n".join(map(str, findings)))

    def test_this_tree_has_quotes(self):
        self.assertGreater(sum(len(quote_rules.quotes_in(page.text)) for page in layout_rules.read_pages(ROOT).values()), 5)


if __name__ == "__main__":
    unittest.main()
