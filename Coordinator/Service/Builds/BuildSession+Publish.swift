import BuildProtocol
import CoordinatorCore

/// Publishes the files of an attempt that passed.
extension BuildSession {
    func collect(_ finished: Finished) async {
        let pipeline = ArtifactPipeline(
            ports: ports, host: host, token: token,
            report: { [events, id = build.id] detail in
                await events?.progressed(id, detail)
            })
        do {
            try await pipeline.collect(finished.artifacts)
            post(.collected)
        } catch let fault as Fault {
            post(.failed(fault))
        } catch {
            // Cancelled: the code that cancelled it has ended the attempt.
        }
    }

    func publish(_ finished: Finished) async {
        await persist("publish the image") {
            do {
                let image =
                    self.build.stage == .test
                    ? try await self.promote() : try await self.move(finished)
                self.post(.published(image))
            } catch let fault as Fault {
                self.post(.failed(fault))
            }
        }
    }

    private func move(_ finished: Finished) async throws -> PublishedImage {
        let record = try BuildRecord.encode(build, token: token, host: host.name, finished)
        return try await ports.webRoot.publish(
            Publication(
                build: build, attempt: token, artifacts: finished.artifacts, record: record))
    }

    /// Moves the image, which passed its tests, to `images/release`.
    private func promote() async throws -> PublishedImage {
        guard let maker = build.image?.attempt else {
            throw Fault(
                .infrastructure, .publishFailed, "the attempt that made the image is not recorded")
        }
        let artifacts = try await ports.store.artifacts(of: maker)
        return try await ports.webRoot.promote(
            Publication(build: build, attempt: maker, artifacts: artifacts))
    }
}
