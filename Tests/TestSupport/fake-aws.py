"""Amazon's EC2 on loopback, by moto: fake-aws.py PORT-FILE. Everything is in memory."""
import os
import sys
import threading

from moto.server import ThreadedMotoServer

from fake_server import die_with_parent

port_file = sys.argv[1]
threading.Thread(target=die_with_parent, daemon=True).start()
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
server.start()
with open(port_file + ".part", "w") as file:
    file.write(str(server.get_host_and_port()[1]))
os.rename(port_file + ".part", port_file)
threading.Event().wait()
