extension DockerEngine {
    /// Removes the images of a repository that no container uses, those of containers that do not
    /// run included.
    ///
    /// - Parameter keep: names or ids that stay in any case.
    /// - Returns: the names that were removed.
    public func removeUnusedImages(
        of reference: ImageReference, keep: Set<String>
    ) async throws(DockerError) -> [String] {
        // Images first: one that a container is made of after this is refused by the engine.
        let images = try await images()
        let used = Set(try await containers().map(\.imageID))
        var removed: [String] = []
        for image in images where !used.contains(image.id) {
            let names = image.names(inRepositoryOf: reference)
            guard keep.isDisjoint(with: names + [image.id]) else { continue }
            // Without a digest it cannot be pulled again, so it is not ours to throw away.
            guard !(image.digests ?? []).isEmpty else { continue }
            for name in names where !name.hasSuffix("<none>") {
                if try await removeImage(name) { removed.append(name) }
            }
        }
        return removed
    }
}
