public import BuildProtocol
import FoundationEssentials

/// What a supervisor tells `aibuild-fetch`, by a file: a URL may hold a password, and a command
/// line is for everybody to read.
public struct FetchRequest: Sendable, Hashable, Codable {
    public var url: String
    /// The file that grows.
    public var part: String
    /// Bytes of it that are there already.
    public var offsetBytes: Int64
    public var limitBytes: Int64
    public var connectSeconds: Int
    public var stallSeconds: Int
    /// The entity tag of what is cached: the server says 304 if its file is still the same.
    public var knownTag: String?

    public init(
        url: String, part: String, offsetBytes: Int64, limitBytes: Int64, connectSeconds: Int,
        stallSeconds: Int, knownTag: String? = nil
    ) {
        self.url = url
        self.part = part
        self.offsetBytes = offsetBytes
        self.limitBytes = limitBytes
        self.connectSeconds = connectSeconds
        self.stallSeconds = stallSeconds
        self.knownTag = knownTag
    }
}

/// What `aibuild-fetch` says, one JSON object a line: how far it is, and in the end one of the
/// others.
public enum FetchWord: Sendable, Hashable, Codable {
    case progress(doneBytes: Int64, totalBytes: Int64?)
    /// All bytes are in the file. `offsetBytes` is where the server began to send: not where it was
    /// asked to, if it cannot resume.
    case done(offsetBytes: Int64, totalBytes: Int64, entityTag: String?)
    /// The server has what `knownTag` names.
    case unchanged
    case failed(FetchFailure)
}

/// Why nothing, or not all, came.
public struct FetchFailure: Error, Sendable, Hashable, Codable {
    public enum Kind: String, Sendable, Hashable, Codable {
        /// The server will not give this file, today or tomorrow.
        case missing
        /// What is there cannot be the beginning of the server's file.
        case notResumable
        /// The file cannot be kept.
        case diskFull
        /// This host cannot talk to the server, whoever asks (TLS).
        case host
        /// Worth another try.
        case transient
    }

    public var kind: Kind
    public var message: String

    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }
}

/// Follows the words of `aibuild-fetch`.
public struct FetchSink: OutputSink, Sendable {
    private var lines = LineFeeder()
    private var err = RawSink()
    /// The last word: progress, or how it ended.
    public private(set) var last: FetchWord?

    public init() {}

    public mutating func take(
        _ bytes: UnsafeRawBufferPointer, of stream: LogRecord.Stream, unixMilliseconds: Int64,
        into records: inout [UInt8]
    ) -> Bool {
        if stream == .err {
            return err.take(
                bytes, of: stream, unixMilliseconds: unixMilliseconds, into: &records)
        }
        var last = last
        lines.push(bytes) { line in
            if let word = try? JSONDecoder().decode(FetchWord.self, from: Data(line)) {
                last = word
            }
        }
        self.last = last
        return true
    }

    public mutating func finish(unixMilliseconds: Int64, into records: inout [UInt8]) {
        err.finish(unixMilliseconds: unixMilliseconds, into: &records)
    }

    /// The words of the progress, for the phase.
    public var progress: String? {
        guard case .progress(let done, let total) = last else { return nil }
        let words = "fetching base image, "
        guard let total, total > 0 else { return words + "\(done >> 20) MiB" }
        return words + "\(done * 100 / total) % (\(done >> 20) of \(total >> 20) MiB)"
    }
}
