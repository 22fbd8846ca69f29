import BuildProtocol

/// Remote images of an in-memory store.
struct InMemoryImages: Sendable {
    private var rows: [String: [RecordedImage]] = [:]

    func all(ofBuild id: String) -> [RecordedImage] {
        rows[id, default: []].sorted {
            ($0.attempt.text, $0.position) < ($1.attempt.text, $1.position)
        }
    }

    func due(atMilliseconds now: Int64, limit: Int) -> [RecordedImage] {
        let due = rows.values.joined().filter { RemovalRules.isDue($0, at: now) }
        return Array(
            due.sorted {
                ($0.removeMilliseconds ?? 0, $0.attempt.text, $0.position)
                    < ($1.removeMilliseconds ?? 0, $1.attempt.text, $1.position)
            }.prefix(limit))
    }

    mutating func add(_ images: [RecordedImage]) {
        for image in images { rows[image.build, default: []].append(image) }
    }

    /// Nobody wants those of the build any more.
    mutating func release(ofBuild id: String, atMilliseconds now: Int64) {
        rows[id] = rows[id]?.map { image in
            var image = image
            if image.removedMilliseconds == nil {
                image.removeMilliseconds = image.removeMilliseconds ?? now
            }
            return image
        }
    }

    mutating func record(_ removal: RecordedImage) {
        rows[removal.build] = rows[removal.build]?.map { image in
            image.attempt == removal.attempt && image.position == removal.position
                ? removal : image
        }
    }

    mutating func remove(ofBuild id: String) { rows[id] = nil }
}
