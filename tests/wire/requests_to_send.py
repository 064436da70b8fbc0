"""The three kinds of request that the retry policy distinguishes."""

from octaspace import Request

READ = Request("GET", "/nodes")
CHANGE = Request("POST", "/services/mr", body=[{"id": 0, "node_id": 9101}])
REBOOT = Request("GET", "/nodes/1/reboot", repeatable=False)
