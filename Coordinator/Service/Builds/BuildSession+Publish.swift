import BuildProtocol
import CoordinatorCore

/// Publishes the files of an attempt that passed.
extension BuildSession {
    func collect(_ finished: Finished) async {
        let pipeline = ArtifactPipeline(
            ports: ports, link: link, token: token,
            report: { [events, id = build.id] detail in
                await events?.progressed(id, detail)
            })
        do {
            try Publication.check(finished.artifacts, of: build)
            try await pipeline.collect(finished.artifacts)
            post(.collected)
        } catch let fault as Fault {
            post(.failed(fault))
        } catch {
            // Cancelled: the code that cancelled it has ended the attempt. Or deposed: the attempt
            // is the next leader's.
        }
    }

    func publish(_ finished: Finished) async {
        let end = await persist("publish the image") {
            do {
                let image =
                    self.build.stage == .test
                    ? try await self.ports.promote(self.build) : try await self.move(finished)
                self.post(.published(image))
            } catch let fault as Fault {
                self.post(.failed(fault))
            }
        }
        if case .impossible(let error) = end {
            post(.failed(Fault(.infrastructure, .publishFailed, "\(error)")))
        }
    }

    private func move(_ finished: Finished) async throws -> PublishedImage {
        let record = try BuildRecord.encode(build, token: token, host: host.name, finished)
        guard record.count <= Publication.recordBytes else {
            throw Fault(
                .infrastructure, .publishFailed,
                "build.json would have \(record.count) bytes, and readers accept at most "
                    + "\(Publication.recordBytes)")
        }
        return try await ports.webRoot.publish(
            Publication(
                build: build, attempt: token, artifacts: finished.artifacts, record: record))
    }

    /// The image of a test that passed under an earlier coordinator and cannot be recorded as
    /// passed, because its host was lost meanwhile.
    func earlierPromotion(_ end: AttemptEnd) async -> PublishedImage? {
        guard end.outcome.fault?.class == .infrastructure else { return nil }
        var image: PublishedImage?
        await persist("move the tested image") {
            image = try await self.ports.finishPromotion(self.build)
        }
        return image
    }
}

extension Ports {
    /// Moves the image of a build, which passed its tests, to `images/release`.
    func promote(_ build: Build) async throws -> PublishedImage {
        guard let maker = build.image?.attempt else {
            throw Fault(
                .infrastructure, .publishFailed, "the attempt that made the image is not recorded")
        }
        let artifacts = try await store.artifacts(of: maker)
        return try await webRoot.promote(
            Publication(build: build, attempt: maker, artifacts: artifacts))
    }

    /// Removes or finishes what an attempt left in the web root that nobody can resume.
    /// - Parameter fault: how the attempt ends. It also names what no retry can remove.
    /// - Returns: as `finishPromotion`.
    func cleanUp(after build: Build, _ fault: inout Fault) async throws -> PublishedImage? {
        if build.stage == .build, let token = build.attempt {
            do { try await webRoot.withdraw(token, of: build) } catch let error as WebRootFault
                where error.isPermanent
            { fault.reason += "; its files have to be removed by hand: \(error)" }
        }
        return try await finishPromotion(build)
    }

    /// Finishes the move that an earlier coordinator may have begun: it ended before the row named
    /// the new place. The tests have passed if the build is being published.
    /// - Returns: the moved image; `nil` if none was to be moved, or if none can be.
    func finishPromotion(_ build: Build) async throws -> PublishedImage? {
        guard build.stage == .test, build.state == .publishing else { return nil }
        do { return try await promote(build) } catch is Fault { return nil } catch let error
            as WebRootFault
            where error.isPermanent
        { return nil }
    }
}
