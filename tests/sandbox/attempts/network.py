"""Reaching a network, or anything else that listens."""

import contextlib
import ctypes
import socket
import urllib.request


def connect_to_a_port(host):
    socket.create_connection(("127.0.0.1", host["tcp"]), timeout=1).close()


def connect_by_name(host):
    socket.create_connection(("localhost", host["tcp"]), timeout=1).close()


def fetch_a_page(host):
    with contextlib.suppress(ConnectionError, TimeoutError):
        urllib.request.urlopen(f"http://127.0.0.1:{host['tcp']}/", timeout=0.2)


def send_a_datagram(host):
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"secret", ("127.0.0.1", host["udp"]))


def connect_to_a_socket_file(host):
    socket.socket(socket.AF_UNIX).connect(host["unix"])


def connect_to_an_abstract_socket(host):
    socket.socket(socket.AF_UNIX).connect("\0" + host["abstract"])


def listen_on_a_port(host):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return True


def ask_the_kernel_for_interfaces(host):
    return len(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).getsockname()) > 0


def make_a_raw_socket(host):
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).fileno() > 0


def make_a_socket_by_c_library(host):
    return ctypes.CDLL(None).socket(2, 1, 0) >= 0


def make_a_socket_to_the_machine_below(host):
    return socket.socket(40, socket.SOCK_STREAM).fileno() > 0  # AF_VSOCK, which knows no network namespace
