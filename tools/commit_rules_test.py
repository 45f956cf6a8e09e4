#!/usr/bin/env python3
"""The check of commit messages accepts the form and finds each fault."""

import unittest

from commit_rules import problems_of

BODY = "\n\nSomething was wrong. This mends it because.\n"

GOOD = ("upgrade: restore the log before the listeners" + BODY,
        "tests/process: wait for the event, not the text" + BODY,
        "http, config: refuse a body without a length" + BODY,
        "log: " + "x" * 67 + BODY)

BAD = (("Restore the log" + BODY, "not 'area"),
       ("upgrade:restore the log" + BODY, "not 'area"),
       ("log: " + "x" * 68 + BODY, "73 characters"),
       ("log: write less." + BODY, "full stop"),
       ("log: wip" + BODY, "work in progress"),
       ("fixup! log: write less" + BODY, "work in progress"),
       ("log: write less\nmore at once\n", "no blank line"),
       ("log: write less", "no body"),
       ("log: write less\n\n \n", "no body"),
       ("log: write less\n\n" + "y" * 101, "line 3 has 101"))


class CommitRules(unittest.TestCase):
    def test_the_form_is_accepted(self):
        for message in GOOD:
            with self.subTest(message=message):
                self.assertEqual(problems_of(message), [])

    def test_each_fault_is_found(self):
        for message, problem in BAD:
            with self.subTest(message=message):
                self.assertTrue(any(problem in found for found in problems_of(message)), problems_of(message))


if __name__ == "__main__":
    unittest.main()
