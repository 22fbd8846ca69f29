/// Notifies followers of changes without queueing anything for them: a slow follower reads the
/// newest state, and its log from its own cursor. So a thousand followers cost a thousand numbers.
public actor ChangeHub {
    private var version: UInt64 = 0
    private var changed: [String: UInt64] = [:]
    private var waiters: [String: [UInt64: CheckedContinuation<Void, Never>]] = [:]
    private var nextWaiter: UInt64 = 0
    /// The newest version among retired keys: a follower that has not seen it may have missed a
    /// last change.
    private var lastRetired: UInt64 = 0
    /// No further changes will come: followers disconnect, and reconnect to the next leader.
    public private(set) var isClosed = false

    /// The key of any change.
    public static let everything = "*"

    public init() {}

    /// Wakes all followers; nobody can wait afterwards.
    public func close() {
        isClosed = true
        for waiter in waiters.values.flatMap(\.values) { waiter.resume() }
        waiters = [:]
    }

    public func bump(_ key: String) {
        version += 1
        changed[key] = version
        for waiter in (waiters.removeValue(forKey: key) ?? [:]).values { waiter.resume() }
    }

    /// Removes a key that will not change again, and wakes its followers.
    public func retire(_ key: String) {
        bump(key)
        changed[key] = nil
        lastRetired = version
    }

    /// Records a change of `key`; its last one if `isOver`.
    func report(_ key: String, isOver: Bool) {
        if isOver { retire(key) } else { bump(key) }
        bump(Self.everything)
    }

    /// The version to wait after. Take it before reading the state, so that no change is missed.
    public func now() -> UInt64 { version }

    /// Returns once `key` has changed after `seen`, or when the task is cancelled. It may also
    /// return without a change, so the caller reads the state again.
    public func wait(_ key: String, after seen: UInt64) async {
        if isClosed || (changed[key] ?? lastRetired) > seen { return }
        nextWaiter += 1
        let id = nextWaiter
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if Task.isCancelled {
                    continuation.resume()
                } else {
                    waiters[key, default: [:]][id] = continuation
                }
            }
        } onCancel: {
            Task { await self.release(key, id) }
        }
    }

    private func release(_ key: String, _ id: UInt64) {
        waiters[key]?.removeValue(forKey: id)?.resume()
        if waiters[key]?.isEmpty == true { waiters[key] = nil }
    }
}
