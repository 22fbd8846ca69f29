import BuildProtocol
import CoordinatorCore
import Support
import TextKit

/// Removes what builds made outside their hosts and nobody wants any more: what an attempt left
/// that did not pass, an image that its tests rejected, or one that retention has removed here.
/// The store remembers what is due, so that a crash loses none.
actor RemoteImageRemoval {
    private let ports: Ports
    private let store: any RemoteImageWriter
    private let looks: Repetition
    private let log = Logger("retention")

    init(ports: Ports, store: any RemoteImageWriter) {
        self.ports = ports
        self.store = store
        looks = Repetition(ports.clock)
    }

    /// Does nothing if the operator has not said how.
    func start() {
        guard let remover = ports.imageRemover else { return }
        looks.start { await self.look(remover) }
    }

    func stop() async { await looks.stop() }

    private func look(_ remover: any RemoteImageRemover) async -> Int64 {
        do {
            // Each that fails is due later, so that this ends.
            while !looks.isStopping {
                let due = try await ports.store.dueRemovals(
                    atMilliseconds: ports.clock.unixMilliseconds(), limit: ports.limits.pageRows)
                if due.isEmpty { break }
                for image in due where !looks.isStopping { try await remove(image, remover) }
            }
        } catch {
            if !looks.isStopping { log.warning("cannot remove remote images: \(error)") }
        }
        return ports.limits.retentionLookMilliseconds
    }

    /// - Throws: `StoreError`
    private func remove(_ due: RecordedImage, _ remover: any RemoteImageRemover) async throws {
        var image = due
        guard let build = try await ports.store.build(id: due.build) else {
            // Otherwise it would be due for ever, and looked at again at once.
            return try await postpone(image)
        }
        if due.image.id == nil {
            // It has the name of the images of all attempts, and can only be found by that.
            guard build.state.isEnded else { return try await postpone(image) }
            if build.state == .passed, build.prunedMilliseconds == nil {
                image.removeMilliseconds = nil
                image.problem = "a later attempt passed, whose image may have the same name"
                return try await store.record(image)
            }
        }
        do {
            try await remover.remove(due.image, of: build)
            image.removeMilliseconds = nil
            image.removedMilliseconds = ports.clock.unixMilliseconds()
            image.problem = nil
        } catch {
            // It was interrupted: the next leader removes it.
            if looks.isStopping { return }
            note(error, in: &image, build)
        }
        let entry = ports.auditEntry(
            "coordinator", "image.remove", "\(build.guestOS):\(build.number)", due.image.label)
        try await store.recording(image.removedMilliseconds == nil ? [] : [entry]).record(image)
    }

    private func postpone(_ image: RecordedImage) async throws {
        var later = image
        later.removeMilliseconds =
            ports.clock.unixMilliseconds() + ports.limits.removalRetryMilliseconds
        try await store.record(later)
    }

    private func note(_ error: any Error, in image: inout RecordedImage, _ build: Build) {
        let problem = "\(error)".prefixOfUTF8(ports.limits.reasonBytes)
        if problem != image.problem {
            log.warning(
                "cannot remove \(image.image.label) of build \(build.guestOS):\(build.number): "
                    + problem)
        }
        image.problem = problem
        image.tries = min(image.tries + 1, ports.limits.removalTriesCounted)
        let delay = Backoff.delay(
            afterTries: image.tries, first: ports.limits.removalRetryMilliseconds,
            longest: ports.limits.removalRetryLongestMilliseconds)
        image.removeMilliseconds = ports.clock.unixMilliseconds() + delay
    }
}

extension RemoteImage {
    /// For people.
    var label: String { id.map { "\($0) (\(builder))" } ?? "what \(builder) may have left" }
}
