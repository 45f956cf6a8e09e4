#!/usr/bin/python3
"""The checking client: it accepts whole answers and nothing else."""

import socket
import ssl
import tempfile
import threading
import unittest
from pathlib import Path

import client
import tls_files
from client import Answer, IdleClients, WrongAnswer

HEAD = b"HTTP/1.1 200 OK\r\nServer: a\r\ncontent-length: 5\r\n\r\n"


class Server:
    """Sends each connection, in turn, the pieces of one of `answers` per request, and closes it after the last."""

    def __init__(self, *answers):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.answers = answers
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        for answers in self.answers:
            connection, _ = self.listener.accept()
            with connection:
                for pieces in answers:
                    connection.recv(4096)
                    for piece in pieces:
                        connection.sendall(piece)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.thread.join()
        self.listener.close()


class Ask(unittest.TestCase):
    def answer(self, *pieces):
        with Server([pieces]) as server:
            return client.ask(server.port, "/")

    def test_an_answer_in_pieces(self):
        self.assertEqual(self.answer(HEAD[:20], HEAD[20:] + b"he", b"llo"), Answer(200, b"hello", len(HEAD) + 5))

    def test_what_is_no_answer(self):
        for pieces in ((b"SSH-2.0-x\r\n\r\n",), (b"HTTP/1.1 200 OK\r\n\r\n",), (HEAD, b"hel"), ()):
            with self.subTest(pieces=pieces), self.assertRaises(WrongAnswer):
                self.answer(*pieces)

    def test_nobody_listens(self):
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            with self.assertRaisesRegex(WrongAnswer, "cannot connect"):
                client.ask(bound.getsockname()[1], "/")

    def test_a_request_closes_when_it_is_told_to(self):
        self.assertIn(b"\r\nConnection: close\r\n\r\n", client.request("/", close=True))
        self.assertNotIn(b"Connection", client.request("/"))


class Tls(unittest.TestCase):
    """The peer is a thread with OpenSSL, through Python."""

    def ask(self, most=None):
        with tempfile.TemporaryDirectory() as name, socket.create_server(("127.0.0.1", 0)) as listener:
            tls_files.make(folder := Path(name) / "tls")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(folder / "both.pem")
            if most:
                context.maximum_version = most
            thread = threading.Thread(target=self.answer, args=(listener, context))
            thread.start()
            try:
                return client.ask(listener.getsockname()[1], "/", tls=True)
            finally:
                thread.join()

    @staticmethod
    def answer(listener, context):
        accepted, _ = listener.accept()
        with context.wrap_socket(accepted, server_side=True) as connection:
            if connection.recv(4096):
                connection.sendall(HEAD + b"hello")

    def test_another_suite_is_refused(self):
        # Both sides of Python prefer AES-256.
        with self.assertRaisesRegex(WrongAnswer, "it uses TLS_AES_256_GCM_SHA384, not TLS_AES_128_GCM_SHA256"):
            self.ask()
        with self.assertRaisesRegex(WrongAnswer, "it uses ECDHE-ECDSA-AES"):
            self.ask(ssl.TLSVersion.TLSv1_2)


class Idle(unittest.TestCase):
    def test_those_that_the_server_closed_are_not_kept(self):
        good = [HEAD + b"hello"]
        with Server([good], [good]) as server, IdleClients(server.port) as idle:
            idle.grow_to(2)
            self.assertEqual(idle.count_kept(), 0)

    def test_those_that_are_answered_are(self):
        good = [HEAD + b"hello"]
        with Server([good, good]) as server, IdleClients(server.port) as idle:
            idle.grow_to(1)
            self.assertEqual(idle.count_kept(), 1)


if __name__ == "__main__":
    unittest.main()
