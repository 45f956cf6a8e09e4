#!/usr/bin/env python3
"""The tree does not use words that were given up (word_rules.py), and the check finds them."""

import unittest
from pathlib import Path

import word_rules

# Bazel's runfiles are links into the source tree; BUILD.bazel says why this test may leave its sandbox.
ROOT = Path(__file__).resolve().parent.parent

FOUND = ("the worker died", "void OnDeath();", "dead_workers", "A Post-Mortem of it", "kBriskness = 3", "bequeaths",
         "is started anew.", "`heirs`", "kPatience", "two were held up")
NOT_FOUND = ("deadline", "deadlock", "PR_SET_PDEATHSIG", "audience", "studies", "theirs", "inherited by exec",
             "untrusted", "a newer one", "Diet", "impatience")


class Words(unittest.TestCase):
    def test_each_form_is_found(self):
        for text in FOUND:
            with self.subTest(text=text):
                self.assertEqual(len(list(word_rules.findings_in("a.cc", text))), 1)

    def test_no_other_word_is_taken_for_one(self):
        for text in NOT_FOUND:
            with self.subTest(text=text):
                self.assertEqual(list(word_rules.findings_in("a.cc", text)), [])

    def test_the_line_is_named(self):
        self.assertEqual(next(word_rules.findings_in("a.cc", "one\ntwo died\n")).where, "a.cc:2")

    def test_this_tree_uses_none(self):
        findings = word_rules.check_tree(ROOT)
        if findings:
            self.fail("\n" + "\n".join(map(str, findings)))

    def test_this_tree_is_read(self):
        self.assertGreater(len(list(word_rules.files_of(ROOT))), 500)


if __name__ == "__main__":
    unittest.main()
