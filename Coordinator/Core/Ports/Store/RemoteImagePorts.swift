public import BuildProtocol
public import ErrorKit

/// Reads what builds made outside their hosts.
public protocol RemoteImageReader: Sendable {
    /// By attempt, in the order in which it made them.
    func remoteImages(ofBuild id: String) async throws -> [RecordedImage]
    /// Those that are to be removed by this time, the longest waiting first.
    func dueRemovals(atMilliseconds: Int64, limit: Int) async throws -> [RecordedImage]
}

/// Throws `StoreError.deposed` once another epoch leads. What builds make, and which of it nobody
/// wants any more, is stored with the changes of the builds.
public protocol RemoteImageWriter: RecordingWriter {
    /// Records how a try to remove it ended; nothing happens if it does not exist.
    func record(_ removal: RecordedImage) async throws
}

/// Removes images from where they are, by whatever the operator says.
public protocol RemoteImageRemover: Sendable {
    /// An image that is not there any more counts as removed.
    /// - Throws: `RemovalFault`
    func remove(_ image: RemoteImage, of build: Build) async throws
}

public typealias RemovalFault = Failure
