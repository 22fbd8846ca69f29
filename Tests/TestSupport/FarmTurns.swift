/// How many farms run at once in this process: each is some ten processes, and a machine that is
/// busy with all of them at once makes every limit of a test too short.
actor FarmTurns {
    static let shared = FarmTurns(limit: 4)

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
