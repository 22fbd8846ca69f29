import CRabbitMQ
@_exported public import ErrorKit
import Support

/// What a RabbitMQ server refused or could not do. What it or the library reported is the cause: a
/// `LibraryError` with AMQP's reply code or librabbitmq's status.
public typealias AMQPError = CodedError<AMQPErrorCode>

public enum AMQPErrorCode: FailureCode {
    /// The server cannot be reached, or does not speak AMQP there.
    case unreachable
    /// Its certificate is not that of the host, or no trusted authority signed it.
    case untrusted
    /// User or password is wrong.
    case loginRefused
    /// The virtual host does not exist, or the user may not enter it.
    case vhostRefused
    /// The user may not do this.
    case accessRefused
    /// The queue or exchange does not exist.
    case missing
    /// Another consumer has the queue for itself.
    case locked
    /// The server ended a channel because of a rule: a message was not settled in time.
    case preconditionFailed
    /// The connection was lost. Messages that are not settled are delivered again; one that is not
    /// confirmed may have been stored or not.
    case lost
    /// The server did not take a message, or did not say so in time.
    case unconfirmed
    /// No queue is bound to the exchange with the message's routing key.
    case unroutable
    /// The caller ended the session.
    case closed
    case other

    public var isPermanent: Bool {
        switch self {
        case .unreachable, .lost, .unconfirmed, .closed, .preconditionFailed, .locked: false
        default: true
        }
    }
}

extension AMQPError {
    /// What the library reported.
    static func library(
        _ status: Int32, _ what: String, code: AMQPErrorCode = .lost
    ) -> AMQPError {
        let words = amqp_error_string2(status).map { String(cString: $0) } ?? "unknown error"
        return AMQPError(code, what, cause: LibraryError("librabbitmq", code: status, words))
    }

    /// What the server said when it closed a channel or the connection.
    static func server(
        _ reply: Int, _ text: String, _ what: String, during step: AMQPStep
    ) -> AMQPError {
        let code: AMQPErrorCode =
            switch (reply, step) {
            case (403, .login): .loginRefused
            case (_, .login): .vhostRefused
            case (403, _): .accessRefused
            case (404, _): .missing
            case (405, _): .locked
            case (406, _): .preconditionFailed
            case (320, _): .lost
            default: .other
            }
        return AMQPError(code, what, cause: LibraryError("RabbitMQ", code: reply, text))
    }
}

/// During what the server said no.
enum AMQPStep { case login, setup, session }

extension amqp_bytes_t {
    /// At most `limit` bytes, on one line.
    func text(_ limit: Int) -> String {
        let bytes = UnsafeRawBufferPointer(start: self.bytes, count: min(len, limit))
        return String(
            String.UnicodeScalarView(
                String(decoding: bytes, as: UTF8.self).unicodeScalars.map {
                    $0.value < 0x20 || $0.value == 0x7F ? " " : $0
                }))
    }
}

/// Texts of C calls; they live as long as this.
final class AMQPTexts {
    private var copies: [UnsafeMutableRawPointer] = []

    func bytes(_ text: some Collection<UInt8>) -> amqp_bytes_t {
        let copy = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(1, text.count), alignment: 1)
        copy.copyBytes(from: text)
        if let base = copy.baseAddress { copies.append(base) }
        return amqp_bytes_t(len: text.count, bytes: copy.baseAddress)
    }

    func bytes(_ text: String) -> amqp_bytes_t { bytes(text.utf8) }

    deinit { for copy in copies { copy.deallocate() } }
}
