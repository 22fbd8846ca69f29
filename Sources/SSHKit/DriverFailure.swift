/// A failed call of an SSH library, and its scope.
struct DriverFailure: Error {
    enum Kind {
        /// Only this channel or this request; the session continues.
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
