import HTTPTypes

/// Status line and headers of a response; of the last one if redirects were followed.
struct ResponseHead: Sendable {
    /// 0 for a `file:` URL.
    var status = 0
    var headers: HTTPHeaders = [:]
}

/// Receives a response on the transfer's thread. Created and used on that thread only.
protocol Receiver: AnyObject {
    /// Whether a response with this status (400 and more) is received like others; otherwise it
    /// becomes the transfer's error.
    func takes(errorStatus: Int) -> Bool
    /// Called once, before the first byte of the body, or at the end of an empty one.
    func begin(_ head: ResponseHead) throws
    func receive(_ bytes: UnsafeRawBufferPointer) throws
}

/// Collects the whole body.
final class CollectingReceiver: Receiver {
    private(set) var head = ResponseHead()
    private(set) var body: [UInt8] = []
    private let limitBytes: Int

    init(limitBytes: Int) { self.limitBytes = limitBytes }

    func takes(errorStatus: Int) -> Bool { true }

    func begin(_ head: ResponseHead) throws { self.head = head }

    func receive(_ bytes: UnsafeRawBufferPointer) throws {
        guard body.count + bytes.count <= limitBytes else {
            throw HTTPClientError(
                .tooLarge, "the answer is larger than the \(limitBytes) bytes that are allowed")
        }
        body.append(contentsOf: bytes)
    }
}

/// Passes the body on.
final class PassingReceiver: Receiver {
    private let onBytes: (UnsafeRawBufferPointer) throws -> Void

    init(onBytes: @escaping (UnsafeRawBufferPointer) throws -> Void) { self.onBytes = onBytes }

    func takes(errorStatus: Int) -> Bool { false }
    func begin(_ head: ResponseHead) throws {}
    func receive(_ bytes: UnsafeRawBufferPointer) throws { try onBytes(bytes) }
}
