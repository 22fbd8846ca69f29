extension DockerEngine {
    /// Removes the images of a repository that no container uses, not even a stopped one.
    ///
    /// - Parameter keep: names or ids that are kept in any case.
    /// - Returns: the removed names.
    public func removeUnusedImages(
        of reference: ImageReference, keep: Set<String>
    ) async throws(DockerError) -> [String] {
        // Images first: if a container is created from one after this, the engine refuses its
        // removal.
        let images = try await images()
        let used = Set(try await containers().map(\.imageID))
        var removed: [String] = []
        for image in images where !used.contains(image.id) {
            let names = image.names(inRepositoryOf: reference)
            guard keep.isDisjoint(with: names + [image.id]) else { continue }
            // Without a digest it cannot be pulled again, so it is kept.
            guard !(image.digests ?? []).isEmpty else { continue }
            for name in names where !name.hasSuffix("<none>") {
                if try await removeImage(name) { removed.append(name) }
            }
        }
        return removed
    }
}
