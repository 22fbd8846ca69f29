import FoundationEssentials
import TextKit

/// Turns messages into lines and lines into messages, within `ProtocolLimits.lineBytes`.
public enum LineCodec {
    /// One line, newline included.
    /// - Throws: `ProtocolError.tooLong` if the message does not fit a line.
    public static func encode(_ message: some Encodable) throws -> [UInt8] {
        var line = try CanonicalJSON.encode(message)
        guard line.count < ProtocolLimits.lineBytes else { throw ProtocolError.tooLong }
        line.append(0x0A)
        return line
    }

    /// - Throws: `ProtocolError` that says what is wrong with the line.
    public static func decode<M: Decodable>(_ type: M.Type, from line: [UInt8]) throws -> M {
        do {
            return try JSONDecoder().decode(type, from: Data(line))
        } catch let unknown as UnknownMessageType {
            throw ProtocolError.unknownType(unknown.type)
        } catch let error as DecodingError {
            throw ProtocolError.malformed(describe(error))
        } catch {
            throw ProtocolError.malformed("not a JSON object: \(error)")
        }
    }

    static func describe(_ error: DecodingError) -> String {
        func place(_ path: [any CodingKey]) -> String {
            path.isEmpty ? "the message" : path.map(\.stringValue).joined(separator: ".")
        }
        switch error {
        case .keyNotFound(let key, let context):
            return "\(place(context.codingPath)): field '\(key.stringValue)' is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context),
            .dataCorrupted(let context):
            return "\(place(context.codingPath)): \(context.debugDescription)"
        @unknown default:
            return "\(error)"
        }
    }
}

/// The errors of a line.
public enum ProtocolError: Error, Sendable, Hashable {
    case tooLong
    case malformed(String)
    case unknownType(String)
}

extension ProtocolError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .tooLong: "a line is longer than \(ProtocolLimits.lineBytes) bytes"
        case .malformed(let what): "malformed message: \(what)"
        case .unknownType(let type): "unknown message type '\(type.prefixOfUTF8(64))'"
        }
    }
}

/// Splits a stream of bytes into lines; buffers at most one incomplete line of bounded length.
public struct LineSplitter: Sendable {
    private var pending: [UInt8] = []
    private var scanned = 0
    private let limitBytes: Int

    public init(limitBytes: Int = ProtocolLimits.lineBytes) { self.limitBytes = limitBytes }

    /// The lines, without newlines, that `bytes` completed.
    /// - Throws: `ProtocolError.tooLong`; the splitter is then unusable, and so is the stream.
    public mutating func push(_ bytes: some Collection<UInt8>) throws -> [[UInt8]] {
        pending.append(contentsOf: bytes)
        var lines: [[UInt8]] = []
        var start = 0
        while let newline = pending[max(scanned, start)...].firstIndex(of: 0x0A) {
            guard newline - start <= limitBytes else { throw ProtocolError.tooLong }
            lines.append(Array(pending[start..<newline]))
            start = newline + 1
        }
        if start > 0 { pending.removeFirst(start) }
        scanned = pending.count
        guard pending.count <= limitBytes else { throw ProtocolError.tooLong }
        return lines
    }

    /// The bytes after the last newline.
    public var rest: [UInt8] { pending }
}
