"""What a kit relies on of Compose and Prometheus, as JSON schemas.

Their own schemas need a network. These hold, of the specification of Compose
and of the reference of Prometheus 3, the keys that a kit uses and nothing else,
so that a misspelled key is seen.
"""

_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT, "minItems": 1}
_BOOLEAN = {"type": "boolean"}
_DURATION = {"type": "string", "pattern": r"^(\d+(ms|s|m|h))+$"}
_PORT = {"type": "integer", "minimum": 1, "maximum": 65535}


def _object(properties, required=()):
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _named(value):
    return {
        "type": "object",
        "patternProperties": {r"^[a-zA-Z0-9._-]+$": value},
        "additionalProperties": False,
    }


_VOLUME = _object(
    {
        "type": {"enum": ["bind", "volume", "tmpfs"]},
        "source": _TEXT,
        "target": {"type": "string", "pattern": "^/"},
        "read_only": _BOOLEAN,
    },
    ["type", "source", "target"],
)
_HEALTH = _object(
    {
        # The first word says how the others are run.
        "test": {
            "type": "array",
            "prefixItems": [{"enum": ["CMD", "CMD-SHELL", "NONE"]}],
            "items": _TEXT,
        },
        "interval": _DURATION,
        "timeout": _DURATION,
        "start_period": _DURATION,
        "retries": {"type": "integer", "minimum": 1},
    },
    ["test"],
)
_SERVICE = _object(
    {
        "image": _TEXT,
        "entrypoint": _TEXTS,
        "user": {"type": "string", "pattern": r"^\d+:\d+$"},
        "read_only": _BOOLEAN,
        "tmpfs": _TEXTS,
        "cap_drop": _TEXTS,
        "security_opt": _TEXTS,
        "volumes": {"type": "array", "items": _VOLUME},
        "ports": {
            "type": "array",
            "items": {
                "type": "string",
                "pattern": r"^((\d+\.){3}\d+:)?\d+:\d+$",
            },
        },
        "cpus": {"type": "number", "exclusiveMinimum": 0},
        "mem_limit": {"type": "string", "pattern": "^[1-9][0-9]*[bkmg]$"},
        "healthcheck": _HEALTH,
        "restart": {"enum": ["no", "always", "on-failure", "unless-stopped"]},
        "networks": _named(_object({"aliases": _TEXTS})),
        "profiles": _TEXTS,
        "depends_on": _named(
            _object(
                {
                    "condition": {
                        "enum": [
                            "service_started",
                            "service_healthy",
                            "service_completed_successfully",
                        ]
                    }
                },
                ["condition"],
            )
        ),
    },
    ["image"],
)
COMPOSE = _object(
    {
        "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$"},
        "services": _named(_SERVICE),
    },
    ["services"],
)
PROMETHEUS = _object(
    {
        "scrape_configs": {
            "type": "array",
            "items": _object(
                {
                    "job_name": _TEXT,
                    "metrics_path": {"type": "string", "pattern": "^/"},
                    "scrape_interval": _DURATION,
                    "dns_sd_configs": {
                        "type": "array",
                        "items": _object(
                            {
                                "names": _TEXTS,
                                "type": {
                                    "enum": ["A", "AAAA", "MX", "NS", "SRV"]
                                },
                                "port": _PORT,
                            },
                            ["names"],
                        ),
                    },
                },
                ["job_name"],
            ),
        }
    },
    ["scrape_configs"],
)
