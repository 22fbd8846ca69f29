import Glibc
import ProcessKit
import Support
import TestSupport
import Testing

/// The kernel's counters of another process.
@Suite struct CounterTests {
    /// A child and its output.
    private struct Running: ~Copyable {
        let child: ChildProcess
        let out: Pipe
    }

    private func python(_ script: String) throws -> Running {
        var out = try Pipe()
        let child = try ChildProcess(
            Command(["python3", "-uc", script], environment: Command.minimalEnvironment),
            streams: .init(output: out.writeDescriptor, error: 2))
        out.closeWriteEnd()
        return Running(child: child, out: out)
    }

    private func line(_ pipe: borrowing Pipe) throws -> String {
        var text: [UInt8] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 1)
        defer { buffer.deallocate() }
        while text.last != 0x0A {
            _ = try Wait.readable([pipe.readEnd.raw], timeoutMilliseconds: 60_000)
            guard case .bytes(let count) = try pipe.read(into: buffer) else {
                throw Failure("the child ended: \(String(decoding: text, as: UTF8.self))")
            }
            text += buffer[..<count]
        }
        return String(decoding: text.dropLast(), as: UTF8.self)
    }

    @Test("Bytes of each TCP connection are counted")
    func tcpBytesAreCounted() throws {
        let running = try python(
            """
            import socket, time
            a = socket.create_server(('127.0.0.1', 0))
            b = socket.create_connection(a.getsockname())
            c, _ = a.accept()
            c.sendall(b'x' * 1000)
            while len(b.recv(1000, socket.MSG_PEEK)) < 1000: pass
            print(a.getsockname()[1])
            time.sleep(1000)
            """)
        defer { running.child.signalGroup(SIGKILL) }
        let port = try #require(Int(try line(running.out)))
        let channels = try #require(ProcessCounters.network(running.child.pid))
        // Both ends; the listener itself transfers nothing and does not count.
        #expect(channels.count == 2)
        // The kernel counts the SYN as a byte.
        #expect(channels.allSatisfy { (1000...1001).contains($0.bytes) }, "\(channels)")
        #expect(channels.count { $0.localPort == port } == 1)
        #expect(Set(channels.map(\.id)).count == 2)
    }

    @Test("CPU time is counted, and unknown processes give nil")
    func cpuTimeIsCounted() throws {
        let running = try python(
            """
            import time
            while time.process_time() < 0.3: pass
            print('burnt')
            time.sleep(1000)
            """)
        defer { running.child.signalGroup(SIGKILL) }
        #expect(try line(running.out) == "burnt")
        let used = try #require(ProcessCounters.cpuMilliseconds(running.child.pid))
        #expect(used >= 250)
        #expect(ProcessCounters.cpuMilliseconds(-1) == nil)
        #expect(ProcessCounters.network(-1) == nil)
    }

    /// Needs root to make a device.
    @Test("Bytes sent into a tap device are counted")
    func tapBytesAreCounted() throws {
        if getuid() != 0 { return }
        let running = try python(
            """
            import fcntl, os, struct, time
            tap = os.open('/dev/net/tun', os.O_RDWR)
            name = fcntl.ioctl(tap, 0x400454ca, struct.pack('16sH22x', b'', 0x1002))[:16]
            name = name.rstrip(b'\\0').decode()
            os.system('ip link set ' + name + ' up')
            os.write(tap, b'\\xff' * 12 + b'\\x88\\xb5' + b'x' * 500)
            print(name)
            time.sleep(1000)
            """)
        defer { running.child.signalGroup(SIGKILL) }
        let name = try line(running.out)
        let channels = try #require(ProcessCounters.network(running.child.pid))
        #expect(channels.map(\.id) == ["tap \(name)"])
        #expect(channels.first?.bytes ?? 0 >= 500)
        #expect(channels.first?.localPort == nil)
    }
}
