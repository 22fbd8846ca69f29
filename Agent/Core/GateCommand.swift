public import BuildProtocol
import TextKit

/// The commands that the coordinator's SSH key may run. Nothing else can be run with that key.
public enum GateCommand: Sendable, Hashable {
    /// Connects stdio to the daemon's socket.
    case attach
    /// Sends bytes of an artifact. On the wire its name is in hexadecimal, since it may contain
    /// anything that a login shell would interpret.
    case send(attempt: AttemptToken, name: String, offset: Int64, length: Int64)
    /// Receives a template archive.
    case receive(sha256: String, sizeBytes: Int64)
    /// Reads a `start` of so many bytes, and says whether this host's Packer takes its template.
    case check(sizeBytes: Int)

    public struct Refused: Error, Sendable, Hashable, CustomStringConvertible {
        public var description: String
    }

    /// - Parameter arguments: as the client sent them, with or without a leading
    ///   `aibuild-agent gate`.
    public init(_ arguments: [String]) throws(Refused) {
        var arguments = arguments
        if arguments.count >= 2, arguments[0].pathSegments.last == "aibuild-agent",
            arguments[1] == "gate"
        {
            arguments.removeFirst(2)
        }
        switch arguments.first {
        case "attach" where arguments.count == 1: self = .attach
        case "send" where arguments.count == 5: self = try Self.send(arguments)
        case "receive" where arguments.count == 3: self = try Self.receive(arguments)
        case "check" where arguments.count == 2: self = try Self.check(arguments)
        case "attach", "send", "receive", "check":
            throw Refused(
                description: "wrong number of arguments; use: attach · "
                    + "send TOKEN HEXNAME OFFSET LENGTH · receive SHA256 SIZE · check SIZE")
        case nil:
            throw Refused(
                description: "this key opens no shell; it is for the aibuild coordinator only")
        case let other?:
            throw Refused(
                description: "the gate does not run \(Names.quoted(other)); this key is for the "
                    + "aibuild coordinator only")
        }
    }

    private static func send(_ arguments: [String]) throws(Refused) -> GateCommand {
        guard let token = AttemptToken(arguments[1]) else {
            throw Refused(description: "\(Names.quoted(arguments[1])) is not an attempt token")
        }
        guard let name = fromHex(arguments[2]), Names.isFileName(name) else {
            throw Refused(
                description: "\(Names.quoted(arguments[2])) is not a plain file name in hexadecimal"
            )
        }
        guard let offset = Int64(arguments[3]), let length = Int64(arguments[4]), offset >= 0,
            length >= 0
        else { throw Refused(description: "offset and length must be numbers of bytes") }
        return .send(attempt: token, name: name, offset: offset, length: length)
    }

    private static func receive(_ arguments: [String]) throws(Refused) -> GateCommand {
        guard Names.isSHA256(arguments[1]) else {
            throw Refused(description: "\(Names.quoted(arguments[1])) is not a SHA-256 digest")
        }
        guard let size = Int64(arguments[2]), size >= 0 else {
            throw Refused(description: "the size must be a number of bytes")
        }
        guard size <= ProtocolLimits.templateBytes else {
            throw Refused(
                description: "a template archive of \(size) bytes is too large, at most "
                    + "\(ProtocolLimits.templateBytes); put large files into the base image")
        }
        return .receive(sha256: arguments[1], sizeBytes: size)
    }

    private static func check(_ arguments: [String]) throws(Refused) -> GateCommand {
        guard let size = Int(arguments[1]), (1..<ProtocolLimits.lineBytes).contains(size) else {
            throw Refused(
                description: "the size must be a number of bytes below \(ProtocolLimits.lineBytes)")
        }
        return .check(sizeBytes: size)
    }

    private static func fromHex(_ text: String) -> String? {
        let digits = Array(text.utf8)
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            let pair = String(decoding: digits[index...index + 1], as: UTF8.self)
            guard let byte = UInt8(pair, radix: 16), pair.first != "+" else { return nil }
            bytes.append(byte)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
