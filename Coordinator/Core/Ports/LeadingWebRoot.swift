public import BuildProtocol

/// The web root in the hands of one leader: as with the store, a leader that was deposed without
/// noticing changes nothing once the next one has changed something.
///
/// The epoch is compared before each step, not during it. What is left to a process that is
/// suspended in between is a single step on files of an attempt, which its successor repeats.
public struct LeadingWebRoot: WebRoot {
    private let base: any WebRoot
    private let epoch: LeaseEpoch

    public init(_ base: any WebRoot, _ epoch: LeaseEpoch) {
        self.base = base
        self.epoch = epoch
    }

    fileprivate func leading<T>(_ body: () async throws -> T) async throws -> T {
        try await base.lead(epoch)
        return try await body()
    }

    public func lead(_ epoch: LeaseEpoch) async throws { try await base.lead(epoch) }

    public func freeBytes() async throws -> Int64 { try await base.freeBytes() }

    public func makeFolder(ofGuestOS name: String) async throws {
        try await leading { try await base.makeFolder(ofGuestOS: name) }
    }

    public func incoming(
        _ artifact: Artifact, of attempt: AttemptToken
    ) async throws -> any IncomingFile {
        try await leading {
            LeadingFile(base: try await base.incoming(artifact, of: attempt), root: self)
        }
    }

    public func publish(_ publication: Publication) async throws -> PublishedImage {
        try await leading { try await base.publish(publication) }
    }

    public func promote(_ publication: Publication) async throws -> PublishedImage {
        try await leading { try await base.promote(publication) }
    }

    public func url(ofPath path: String) -> String { base.url(ofPath: path) }

    public func withdraw(_ attempt: AttemptToken, of build: Build) async throws {
        try await leading { try await base.withdraw(attempt, of: build) }
    }

    public func file(of image: PublishedImage) async throws -> String {
        try await base.file(of: image)
    }

    public func remove(_ build: Build) async throws {
        try await leading { try await base.remove(build) }
    }

    public func sweep(keeping living: Set<AttemptToken>) async throws {
        try await leading { try await base.sweep(keeping: living) }
    }
}

private struct LeadingFile: IncomingFile {
    let base: any IncomingFile
    let root: LeadingWebRoot

    func missingRanges() async throws -> [Range<Int64>] { try await base.missingRanges() }

    /// Not compared for each piece: a late one has the bytes that belong there, or goes to a file
    /// that the next leader has removed.
    func write(_ bytes: [UInt8], at offset: Int64) async throws {
        try await base.write(bytes, at: offset)
    }

    /// Removes the file if it does not match.
    func verify() async throws -> Bool { try await root.leading { try await base.verify() } }
}
