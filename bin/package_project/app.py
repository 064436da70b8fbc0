"""A Flask app that rents machines: what a project outside of the repository could be."""

from __future__ import annotations

from typing import Any

from flask import Flask

import octaspace
from flask_octaspace import OctaSpace

octa = OctaSpace()


def create_app(**config: Any) -> Flask:
    app = Flask(__name__)
    app.config.update(config)
    octa.init_app(app)
    octa.init_error_handlers(app)

    @app.get("/nodes")
    def nodes() -> list[int]:
        return [node["id"] for node in octa.client.nodes.list().data]

    @app.post("/machines/<int:node_id>")
    def rent(node_id: int) -> tuple[dict[str, Any], int]:
        try:
            made = octa.client.services.mr.create(node_id=node_id, disk_size=10, image="ubuntu:24.04")
        except octaspace.ProvisionRejectedError as error:
            return {"rejected": [rejection["reason"] for rejection in error.rejections]}, 409
        return {"uuid": made.data[0]["uuid"]}, 201

    return app
