#!/usr/bin/python3
"""CPU time and processes of a tree, read from texts like those of /proc, and from real processes that start and end."""

import os
import subprocess
import sys
import time
import unittest

import process_tree
from process_tree import (TICK, cpu_seconds, descendants, identity, members_of_session, parse_pss, parse_schedstat,
                          parse_stat)

STAT = ("42 (a) b (c)) S 1 42 42 0 -1 4194560 164 0 0 0 7 8 30 20 20 0 1 0 123456 2551808 377 18446744073709551615 "
        "1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0\n")

# Prints a line when it is ready for each of two steps: before, and after two children have used CPU time and ended. A
# third child uses as much and keeps running.
PARENT = """
import os, sys, time
def burn():
    while time.process_time() < 0.3: pass
def child(lives):
    pid = os.fork()
    if pid: return pid
    burn()
    os.write(1, b"d")
    if lives: time.sleep(60)
    os._exit(0)
sys.stdout.write("r"); sys.stdout.flush()
sys.stdin.readline()
ended = [child(False), child(False)]
child(True)
for pid in ended: os.waitpid(pid, 0)
os.write(1, b"w")
time.sleep(60)
"""


class Parsing(unittest.TestCase):
    def test_schedstat_is_in_nanoseconds(self):
        self.assertEqual(parse_schedstat("1500000000 96218 2\n"), 1.5)

    def test_a_name_with_parentheses_does_not_move_the_fields(self):
        self.assertEqual(parse_stat(STAT), ("S", 123456, 50 * TICK))

    def test_pss_is_that_of_the_whole_process(self):
        self.assertEqual(parse_pss("Rss:  900 kB\nPss:      700 kB\nPss_Dirty:   600 kB\nPss_Anon: 1 kB\n"), 700 * 1024)
        self.assertEqual(parse_pss(""), 0)


class RealProcesses(unittest.TestCase):
    def setUp(self):
        self.parent = subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       start_new_session=True)
        self.addCleanup(self.end)
        self.assertEqual(os.read(self.parent.stdout.fileno(), 1), b"r")

    def end(self):
        for pid in members_of_session(self.parent.pid):
            os.kill(pid, 9)
        self.parent.communicate()

    def test_ended_processes_are_counted_too(self):
        before = cpu_seconds(self.parent.pid)
        self.parent.stdin.write(b"\n")
        self.parent.stdin.flush()
        said = b""
        while sorted(said) != sorted(b"dddw"):
            said += os.read(self.parent.stdout.fileno(), 1)
        used = cpu_seconds(self.parent.pid) - before
        # Three times 0.3 s, plus the cost of starting and ending. For ended processes, up to one tick of 10 ms each
        # is lost.
        self.assertGreater(used, 0.87)
        self.assertLess(used, 1.5)
        self.assertEqual(len(descendants(self.parent.pid)), 2)

    def test_a_killed_process_has_no_identity(self):
        first = identity(self.parent.pid)
        self.assertEqual(first[0], self.parent.pid)
        self.parent.kill()
        deadline = time.monotonic() + 10
        while identity(self.parent.pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertIsNone(identity(self.parent.pid))  # a zombie
        self.parent.wait()
        self.assertIsNone(identity(self.parent.pid))
        self.assertEqual(descendants(self.parent.pid), [self.parent.pid])

    def test_orphans_are_found_by_their_session(self):
        self.parent.stdin.write(b"\n")
        self.parent.stdin.flush()
        while os.read(self.parent.stdout.fileno(), 1) != b"w":
            pass
        child = descendants(self.parent.pid)[1]
        self.parent.kill()
        self.parent.wait()
        self.assertEqual(members_of_session(self.parent.pid), [child])

    def test_memory_of_a_tree_is_above_that_of_nothing(self):
        self.assertGreater(process_tree.pss_bytes(self.parent.pid), 100_000)


if __name__ == "__main__":
    unittest.main()
