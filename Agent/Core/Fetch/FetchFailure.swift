/// Why a download failed.
public struct FetchFailure: Error, Sendable, Hashable, Codable {
    public enum Kind: String, Sendable, Hashable, Codable {
        /// The server does not have this file, and retrying will not help.
        case missing
        /// The partial file cannot be the beginning of the server's file.
        case notResumable
        /// The file does not fit on the disk.
        case diskFull
        /// This host cannot talk to the server at all (TLS).
        case host
        /// Worth a retry.
        case transient
    }

    public var kind: Kind
    public var message: String

    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }
}
