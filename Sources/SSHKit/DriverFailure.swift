/// A failed call into an SSH library, and how far the failure reaches.
struct DriverFailure: Error {
    enum Kind {
        /// Only this channel or this request; the session goes on.
        case channel
        case disconnected
        /// The two ends seem to have no algorithm in common.
        case negotiation
        case notSSH
        /// The private key cannot be read.
        case key
        /// The session itself is broken.
        case session
    }

    var kind: Kind
    var cause: LibraryError
}
