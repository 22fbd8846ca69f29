import BuildProtocol
import CoordinatorCore
import Support
import Synchronization

/// The disk of the web root; it outlives the coordinators.
final class WebDisk: Sendable {
    struct Image {
        var path: String
        var attempt: AttemptToken
        var artifact: Artifact
        var bytes: [UInt8]
    }

    private struct State {
        var incoming: [AttemptToken: [String: [UInt8]]] = [:]
        /// By build.
        var images: [String: Image] = [:]
        var epoch: Int64 = 0
    }

    private let state = Mutex(State())
    private let ledger: Ledger

    init(ledger: Ledger) { self.ledger = ledger }

    static func path(_ build: Build, isTested: Bool) -> String {
        "images/\(isTested ? "release" : "build")/\(build.guestOS)/\(build.imageName).qcow2"
    }

    func lead(_ epoch: LeaseEpoch) throws {
        try state.withLock { state in
            guard epoch.number >= state.epoch else {
                throw StoreError.deposed(webRootEpoch: state.epoch)
            }
            state.epoch = epoch.number
        }
    }

    // MARK: What comes in

    func size(_ artifact: Artifact, _ attempt: AttemptToken) -> Int64 {
        state.withLock { Int64($0.incoming[attempt]?[artifact.name]?.count ?? 0) }
    }

    func write(_ new: [UInt8], at offset: Int64, _ artifact: Artifact, _ attempt: AttemptToken) {
        state.withLock { state in
            var bytes = state.incoming[attempt]?[artifact.name] ?? []
            let end = Int(offset) + new.count
            if bytes.count < end { bytes += [UInt8](repeating: 0, count: end - bytes.count) }
            bytes.replaceSubrange(Int(offset)..<end, with: new)
            state.incoming[attempt, default: [:]][artifact.name] = bytes
        }
    }

    func verify(_ artifact: Artifact, _ attempt: AttemptToken) -> Bool {
        state.withLock { state in
            let bytes = state.incoming[attempt]?[artifact.name] ?? []
            if bytes.count == Int(artifact.sizeBytes), SHA256.hex(bytes) == artifact.sha256 {
                return true
            }
            state.incoming[attempt]?[artifact.name] = nil
            return false
        }
    }

    // MARK: What is shown

    /// - Returns: `nil` when what was pulled is not there.
    func publish(_ publication: Publication) -> Image? {
        let (token, build) = (publication.attempt, publication.build)
        guard let artifact = publication.artifacts.first else { return nil }
        let image = state.withLock { state -> Image? in
            if let image = state.images[build.id], image.attempt == token { return image }
            guard let bytes = state.incoming[token]?[artifact.name] else { return nil }
            state.incoming[token] = nil
            let image = Image(
                path: Self.path(build, isTested: false), attempt: token, artifact: artifact,
                bytes: bytes)
            state.images[build.id] = image
            return image
        }
        if let image { ledger.published(image, of: build) }
        return image
    }

    func promote(_ publication: Publication) -> Image? {
        let build = publication.build
        let path = Self.path(build, isTested: true)
        let (image, isMoved) = state.withLock { state -> (Image?, Bool) in
            guard var image = state.images[build.id], image.attempt == publication.attempt else {
                return (nil, false)
            }
            let isMoved = image.path != path
            image.path = path
            state.images[build.id] = image
            return (image, isMoved)
        }
        // A deposed leader may repeat what its successor has done: readers see no change.
        if let image, isMoved { ledger.promoted(image, of: build) }
        return image
    }

    func withdraw(_ attempt: AttemptToken, of build: Build) {
        let isGone = state.withLock { state in
            state.incoming[attempt] = nil
            guard state.images[build.id]?.attempt == attempt else { return false }
            state.images[build.id] = nil
            return true
        }
        if isGone { ledger.withdrawn(attempt, of: build) }
    }

    func sweep(keeping living: Set<AttemptToken>) {
        state.withLock { state in
            state.incoming = state.incoming.filter { living.contains($0.key) }
        }
    }

    func image(of build: String) -> Image? { state.withLock { $0.images[build] } }
    var images: [String: Image] { state.withLock(\.images) }
    var incoming: [AttemptToken] {
        state.withLock { $0.incoming.filter { !$0.value.isEmpty }.keys.sorted() }
    }
}

/// The way of one coordinator process to the web root.
struct SimulatedWebRoot: WebRoot {
    let gate: Gate
    let disk: WebDisk
    private var simulation: Simulation { gate.simulation }

    init(gate: Gate, disk: WebDisk) {
        self.gate = gate
        self.disk = disk
    }

    func lead(_ epoch: LeaseEpoch) async throws {
        try gate.life.step()
        try disk.lead(epoch)
    }
    func freeBytes() async throws -> Int64 {
        try await gate.effect(on: .webRoot) { simulation.isOut(.webRootFull) ? 0 : 1 << 50 }
    }
    func makeFolder(ofGuestOS name: String) async throws {}
    func url(ofPath path: String) -> String { "http://farm/\(path)" }
    func file(of image: PublishedImage) async throws -> String { "/web/\(image.path)" }
    func remove(_ build: Build) async throws {}

    func incoming(_ artifact: Artifact, of attempt: AttemptToken) async throws -> any IncomingFile {
        try await gate.effect(on: .webRoot) {
            SimulatedFile(gate: gate, disk: disk, artifact: artifact, attempt: attempt)
        }
    }

    func publish(_ publication: Publication) async throws -> PublishedImage {
        try await gate.effect(on: .webRoot) {
            try failWhenFull()
            guard let image = disk.publish(publication) else {
                throw Fault(.infrastructure, .publishFailed, "what was pulled is gone")
            }
            return published(image)
        }
    }

    func promote(_ publication: Publication) async throws -> PublishedImage {
        try await gate.effect(on: .webRoot) {
            try failWhenFull()
            guard let image = disk.promote(publication) else {
                throw Fault(.infrastructure, .publishFailed, "the image is gone")
            }
            return published(image)
        }
    }

    func withdraw(_ attempt: AttemptToken, of build: Build) async throws {
        try await gate.effect(on: .webRoot) { disk.withdraw(attempt, of: build) }
    }

    func sweep(keeping living: Set<AttemptToken>) async throws {
        try await gate.effect(on: .webRoot) { disk.sweep(keeping: living) }
    }

    private func failWhenFull() throws {
        if simulation.isOut(.webRootFull) || simulation.strikes(.publishFails) {
            throw WebRootFault("the web root is full")
        }
    }

    private func published(_ image: WebDisk.Image) -> PublishedImage {
        PublishedImage(
            name: image.path.split(separator: "/").last.map(String.init) ?? "", path: image.path,
            url: url(ofPath: image.path), sizeBytes: image.artifact.sizeBytes,
            sha256: image.artifact.sha256, format: image.artifact.format, virtualSizeBytes: nil,
            attempt: image.attempt)
    }
}

/// An artifact on its way in.
struct SimulatedFile: IncomingFile {
    let gate: Gate
    let disk: WebDisk
    let artifact: Artifact
    let attempt: AttemptToken

    func missingRanges() async throws -> [Range<Int64>] {
        try await gate.effect(on: .webRoot) {
            let here = disk.size(artifact, attempt)
            return here < artifact.sizeBytes ? [here..<artifact.sizeBytes] : []
        }
    }

    func write(_ bytes: [UInt8], at offset: Int64) async throws {
        try await gate.effect(on: .webRoot) {
            if gate.simulation.isOut(.webRootFull) { throw WebRootFault("no space left") }
            disk.write(bytes, at: offset, artifact, attempt)
        }
    }

    func verify() async throws -> Bool {
        try await gate.effect(on: .webRoot) { disk.verify(artifact, attempt) }
    }
}
