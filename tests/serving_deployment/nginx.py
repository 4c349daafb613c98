"""The part of nginx that a kit relies on: its syntax, and where paths go."""

import re
from typing import NamedTuple

_TOKEN = re.compile(r'#[^\n]*|"(?:[^"\\]|\\.)*"|[;{}]|[^\s;{}"]+')
# Directive -> where it may stand, fewest and most arguments, whether it is a
# block; from the reference of nginx 1.28, those that a kit uses.
_DIRECTIVES = {
    "pid": ("main", 1, 1, False),
    "error_log": ("main", 1, 2, False),
    "events": ("main", 0, 0, True),
    "http": ("main", 0, 0, True),
    "access_log": ("http", 1, 5, False),
    "client_body_temp_path": ("http", 1, 4, False),
    "proxy_temp_path": ("http", 1, 4, False),
    "fastcgi_temp_path": ("http", 1, 4, False),
    "uwsgi_temp_path": ("http", 1, 4, False),
    "scgi_temp_path": ("http", 1, 4, False),
    "upstream": ("http", 1, 1, True),
    "split_clients": ("http", 2, 2, True),
    "server": ("http upstream", 0, 9, None),
    "keepalive": ("upstream", 1, 1, False),
    "listen": ("server", 1, 9, False),
    "http2": ("server", 1, 1, False),
    "ssl_certificate": ("server", 1, 1, False),
    "ssl_certificate_key": ("server", 1, 1, False),
    "ssl_protocols": ("server", 1, 6, False),
    "auth_basic": ("server", 1, 1, False),
    "auth_basic_user_file": ("server", 1, 1, False),
    "client_max_body_size": ("server", 1, 1, False),
    "location": ("server", 1, 2, True),
    "rewrite": ("location", 2, 3, False),
    "return": ("location", 1, 2, False),
    "proxy_pass": ("location", 1, 1, False),
    "proxy_http_version": ("location", 1, 1, False),
    "proxy_set_header": ("location", 2, 2, False),
    "proxy_read_timeout": ("location", 1, 1, False),
    "grpc_pass": ("location", 1, 1, False),
    "grpc_set_header": ("location", 2, 2, False),
    "grpc_read_timeout": ("location", 1, 1, False),
}


class Directive(NamedTuple):
    """A directive and what stands in its block, if it has one."""

    name: str
    arguments: list
    block: list | None

    def of(self, name):
        """Returns the directives of a name in the block."""
        return [one for one in self.block if one.name == name]


def parse(text):
    """Returns a configuration as a block; raises `ValueError` if it is none."""
    tokens = [one for one in _TOKEN.findall(text) if not one.startswith("#")]
    block = _block(iter(tokens), is_inner=False)
    _check(block, "main")
    return Directive("main", [], block)


def _block(tokens, is_inner):
    made, words = [], []
    for token in tokens:
        if token == "}":
            if not is_inner or words:
                raise ValueError(f"}} behind {words}")
            return made
        if token not in ";{":
            words.append(token.strip('"'))
            continue
        if not words:
            raise ValueError(f"{token} without a directive")
        inner = _block(tokens, is_inner=True) if token == "{" else None
        made.append(Directive(words[0], words[1:], inner))
        words = []
    if is_inner or words:
        raise ValueError(f"the end comes behind {words}")
    return made


def _check(block, where):
    for one in block:
        if where == "split_clients":  # a share and a value
            if len(one.arguments) != 1 or one.block is not None:
                raise ValueError(f"{one}")
            continue
        contexts, fewest, most, is_block = _DIRECTIVES[one.name]
        if where not in contexts.split():
            raise ValueError(f"{one.name} in {where}")
        if not fewest <= len(one.arguments) <= most:
            raise ValueError(f"{one.name} {one.arguments}")
        if is_block is None:  # of upstream, or a whole server
            is_block = where == "http"
        if is_block != (one.block is not None):
            raise ValueError(f"{one.name} and its block")
        if one.block is not None:
            _check(one.block, one.name)


def route(configuration, path):
    """Returns the location of a path and what it passes on, as nginx does."""
    (http,) = configuration.of("http")
    (server,) = http.of("server")
    location = _location(server, path)
    for one in location.of("rewrite"):
        pattern, replacement, flag = one.arguments
        if flag != "break":
            raise ValueError("another location may follow")
        found = re.search(pattern, path)
        if found:
            # A replacement stands for the whole path.
            path = replacement.replace("$1", found[1])
    for one in http.of("split_clients"):
        shares = {share.name: share.arguments[0] for share in one.block}
        path = path.replace(one.arguments[1], shares["*"])
    return location, path


def _location(server, path):
    """Exact path, else the first pattern, else the longest prefix."""
    prefixes, patterns = [], []
    for one in server.of("location"):
        *kind, where = one.arguments
        if kind == ["="]:
            if path == where:
                return one
        elif kind == ["~"]:
            patterns.append(one)
        elif kind:
            raise ValueError(f"location {kind}")
        elif path.startswith(where):
            prefixes.append(one)
    for one in patterns:
        if re.search(one.arguments[-1], path):
            return one
    return max(prefixes, key=lambda one: len(one.arguments[-1]))
