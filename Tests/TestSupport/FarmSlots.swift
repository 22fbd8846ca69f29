/// Limits how many farms run at once in this process. Each has some ten processes, and a machine
/// that runs all farms at once exceeds every time limit of a test.
actor FarmSlots {
    static let shared = FarmSlots(limit: 4)

    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(limit: Int) { free = limit }

    func take() async {
        if free > 0 {
            free -= 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    func give() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}
