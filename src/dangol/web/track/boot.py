"""What browser SDKs ask for when they start: where to send events, and that there is nothing else."""

from typing import Any


def analytics_settings(key: str, host: str, scheme: str) -> dict[str, Any]:
    """The settings document of analytics.js: events go to `host` under `key`, and only there."""
    return {
        "integrations": {
            "Segment.io": {
                "apiKey": key,
                "apiHost": f"{host}/v1",
                "protocol": scheme,
                "addBundledMetadata": True,
                "unbundledIntegrations": [],
                "maybeBundledConfigIds": {},
            }
        },
        "plan": {"track": {"__default": {"enabled": True}}},
        "metrics": {"sampleRate": 0},
        "remotePlugins": [],
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "legacyVideoPluginsEnabled": False,
    }


def source_config(key: str, sender_id: str) -> dict[str, Any]:
    """The source document of the RudderStack browser SDK: no destinations, no statistics."""
    off = {"enabled": False}
    return {
        "source": {
            "id": sender_id,
            "name": sender_id,
            "enabled": True,
            "writeKey": key,
            "workspaceId": "dangol",
            "destinations": [],
            "config": {"statsCollection": {"errors": off, "metrics": off}},
            "dataplanes": {},
        }
    }
