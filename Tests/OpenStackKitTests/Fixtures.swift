import Dispatch
import Glibc
import HTTPClientKit
import OpenStackKit
import ProcessKit
import Support
import Synchronization
import TestSupport
import Testing

extension CloudLogin {
    static func releaser(_ stack: OpenStack, region: String = "RegionOne") -> CloudLogin {
        var login = CloudLogin(
            authURL: stack.keystoneURL, username: "releaser", password: "releaser-secret",
            project: "release")
        login.region = region
        return login
    }

    static func customer(_ stack: OpenStack) -> CloudLogin {
        var login = CloudLogin(
            authURL: stack.keystoneURL, username: "customer", password: "customer-secret",
            project: "consumer")
        login.region = "RegionOne"
        return login
    }
}

extension GlanceClient {
    /// Waits longer than a person would: other tests keep the machine busy.
    init(_ login: CloudLogin) {
        var limits = OpenStackLimits()
        limits.call.stallSeconds = 240
        limits.call.totalSeconds = 300
        self.init(CloudSession(login, limits: limits))
    }

    /// A new image, with a name that no other test uses.
    func fresh(_ format: String = "raw") async throws -> GlanceImage {
        var image = NewGlanceImage(
            name: "test-\(UInt64.random(in: 0 ... .max))", diskFormat: format)
        image.visibility = "shared"
        return try await create(image)
    }
}

/// As many bytes as requested, which differ by position; at one position it may wait.
final class PatternReader: ByteReader {
    private let sizeBytes: Int
    private let gate: Gate?
    private var position = 0

    init(sizeBytes: Int, gate: Gate? = nil) {
        self.sizeBytes = sizeBytes
        self.gate = gate
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        if let gate, position >= gate.offset { gate.wait() }
        let count = min(buffer.count, sizeBytes - position, 64 << 10)
        for index in 0..<count { buffer[index] = UInt8(truncatingIfNeeded: (position + index) / 7) }
        position += count
        return count
    }

    static func body(sizeBytes: Int, gate: Gate? = nil) -> UploadBody {
        UploadBody(sizeBytes: Int64(sizeBytes)) { PatternReader(sizeBytes: sizeBytes, gate: gate) }
    }
}

/// Where an upload waits until the test lets it continue.
final class Gate: Sendable {
    let offset: Int
    private let isReached = Mutex(false)
    private let semaphore = DispatchSemaphore(value: 0)

    init(at offset: Int) { self.offset = offset }

    func open() { semaphore.signal() }

    /// On the transfer's thread.
    fileprivate func wait() {
        isReached.withLock { $0 = true }
        semaphore.wait()
        semaphore.signal()
    }

    func reached() async throws {
        try await eventually("the upload is in its middle", seconds: 90) {
            isReached.withLock { $0 }
        }
    }
}

/// Keeps a download in memory.
final class MemorySink: DownloadSink {
    private let state = Mutex<[UInt8]>([])
    var bytes: [UInt8] { state.withLock { $0 } }
    func begin(offset: Int64, totalBytes: Int64?) {}
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) {
        state.withLock { $0.append(contentsOf: bytes) }
    }
}

/// Runs a program, which must succeed.
func run(_ arguments: String...) async throws {
    let output = try await Command(arguments, environment: Command.minimalEnvironment)
        .run(timeoutSeconds: 300)
    #expect(output.status.isSuccess, "\(arguments): \(output.stderrText)")
}

/// The error of `work`, which must fail.
func cloudError(_ work: () async throws -> Void) async throws -> CloudError {
    do { try await work() } catch let error as CloudError { return error }
    throw Failure("it went well, and should not have")
}

/// The last value that a thread reported.
final class Progress: Sendable {
    private let state = Mutex<Int64>(0)
    var value: Int64 { state.withLock { $0 } }
    func set(_ value: Int64) { state.withLock { $0 = value } }
}
