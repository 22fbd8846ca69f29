extension InMemoryStore {
    public func setPinned(_ isPinned: Bool, build id: String, epoch: Int64) throws -> Build? {
        try fence(epoch)
        guard let build = buildByID[id], build.prunedMilliseconds == nil else { return nil }
        buildByID[id]?.isPinned = isPinned
        return buildByID[id]
    }

    public func beginPrune(build id: String, atMilliseconds: Int64, epoch: Int64) throws -> Build? {
        try fence(epoch)
        guard let build = buildByID[id], build.isPrunable else { return nil }
        buildByID[id]?.prunedMilliseconds = atMilliseconds
        halfPrunedIDs.insert(id)
        return buildByID[id]
    }

    public func endPrune(build id: String, epoch: Int64) throws {
        try fence(epoch)
        halfPrunedIDs.remove(id)
    }

    public func halfPruned() -> [Build] { halfPrunedIDs.sorted().compactMap { buildByID[$0] } }
}
