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
