"""A receiver of OTLP over HTTP with JSON: otlp-receiver.py PORT-FILE FOLDER. What it is sent is
parsed by OpenTelemetry's published protobuf schema; each span is a line of FOLDER/spans. While
FOLDER/away exists, it answers 503.
"""
import http.server, json, os, sys

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from fake_server import serve

port_file, folder = sys.argv[1:3]


def encode_ids(value):
    """OTLP writes IDs in hexadecimal digits, where the mapping of protobuf has base64."""
    import base64
    if isinstance(value, list):
        return [encode_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    out = {}
    for key, item in value.items():
        if key in ("traceId", "spanId", "parentSpanId"):
            bytes_ = bytes.fromhex(item)
            assert len(bytes_) == (16 if key == "traceId" else 8) and any(bytes_), key
            out[key] = base64.b64encode(bytes_).decode()
        else:
            out[key] = encode_ids(item)
    return out


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if os.path.exists(folder + "/away"):
            return self.answer(503)
        if self.path != "/v1/traces" or self.headers["Content-Type"] != "application/json":
            return self.answer(404)
        try:
            # Unknown fields are refused.
            request = json_format.ParseDict(
                encode_ids(json.loads(body)), ExportTraceServiceRequest())
        except Exception as error:
            print("refused:", error, flush=True)
            return self.answer(400)
        with open(folder + "/spans", "a") as file:
            for resource in request.resource_spans:
                names = {a.key: a.value.string_value for a in resource.resource.attributes}
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        file.write(json.dumps({
                            "service": names["service.name"], "trace": span.trace_id.hex(),
                            "span": span.span_id.hex(), "parent": span.parent_span_id.hex(),
                            "name": span.name, "kind": span.kind,
                            "nanoseconds": span.end_time_unix_nano - span.start_time_unix_nano,
                            "links": [link.trace_id.hex() for link in span.links],
                            "status": span.status.code, "message": span.status.message,
                            "attributes": {a.key: a.value.string_value for a in span.attributes},
                        }) + "\n")
        self.answer(200)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *words):
        pass


serve(Handler, port_file)
