"""What the fake servers of this folder have in common: a free port of loopback, told in a file, and an
end with the process that started them.
"""
import http.server, os, random, threading, time

parent = os.getppid()


def die_with_parent():
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


def serve(handler, port_file):
    threading.Thread(target=die_with_parent, daemon=True).start()
    while True:
        try:
            server = http.server.ThreadingHTTPServer(
                ("127.0.0.1", random.randrange(12000, 32000)), handler)
            break
        except OSError:
            pass
    with open(port_file + ".part", "w") as file:
        file.write(str(server.server_port))
    os.rename(port_file + ".part", port_file)
    server.serve_forever()
