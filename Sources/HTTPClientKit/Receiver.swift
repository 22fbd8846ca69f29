import HTTPTypes

/// Status line and headers of an answer; of the last one where redirects were followed.
struct ResponseHead: Sendable {
    /// 0 for a `file:` URL.
    var status = 0
    var headers: HTTPHeaders = [:]
}

/// Takes an answer on the transfer's thread. A class of its own thread: made there, used there.
protocol Receiver: AnyObject {
    /// Whether an answer of this status (400 and more) is to be received like others; else it
    /// becomes the transfer's error.
    func takes(errorStatus: Int) -> Bool
    /// Once, before the first byte of the body, or at the end of an empty one.
    func begin(_ head: ResponseHead) throws
    func receive(_ bytes: UnsafeRawBufferPointer) throws
}

/// Holds the whole body.
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
